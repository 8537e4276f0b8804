"""Tiles are the same pictures, cut up: nothing lost, nothing invented, the index with them."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from fauxto.evaluate.dataset import find, read_index
from fauxto.image.decode import load
from tests.helpers import make_photo
from train import tiles


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for part in ("train", "val"):
        for label in ("ai", "real"):
            (folder / part / label / "album").mkdir(parents=True)
            make_photo(1300, 1000).save(folder / part / label / "album" / "shop__1.png")
            make_photo(300, 200).save(folder / part / label / "album" / "small.png")
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["id", "source", "generator", "style", "prompt"], ["1", "shop", "FLUX", "face", "a cup"]]
        )
    return folder


def test_native_tiles_lie_in_the_picture_and_one_holds_it_whole() -> None:
    picture = make_photo(1300, 1000)
    *native, whole = tiles.cut(picture, random.Random(0))
    assert {tile.size for tile in native} == {(448, 448)}
    assert whole.size == (582, 448)
    pixels = np.asarray(picture)
    for tile in native:
        corner = np.asarray(tile)[:4, :4]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (4, 4, 3))[:, :, 0]
        assert (windows == corner).all(axis=(2, 3, 4)).any()
    assert tiles.cut(make_photo(500, 700), random.Random(0))[0].size == (500, 700)


def test_tiles_are_a_data_folder_again(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    assert tiles.main([str(data), "--out", str(out)]) == 0
    train, val = (find(out / part, read_index(out)) for part in ("train", "val"))
    assert len(train) == 2 * (tiles.COUNT + 1 + 1)
    told = {(p.source, p.generator, p.style, p.prompt) for p in train if "shop" in p.path.name}
    assert told == {("shop", "FLUX", "face", "a cup")}
    assert {p.source for p in train if "small" in p.path.name} == {"album"}
    assert sorted(p.path.relative_to(out) for p in val) == sorted(
        p.relative_to(data) for p in (data / "val").rglob("*.png")
    )
    assert max(load(p.path).width for p in train) <= 582
    before = {p.path: p.path.stat().st_mtime_ns for p in train}
    assert tiles.main([str(data), "--out", str(out)]) == 0  # nothing is done twice
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_layout_and_a_broken_picture_are_named(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tiles.main([str(data / "train"), "--out", str(tmp_path / "t")]) == 2
    assert "no such folder; DATA needs train/{ai,real}" in capfd.readouterr().err
    (data / "train/ai/broken.png").write_bytes(b"broken")
    assert tiles.main([str(data), "--out", str(tmp_path / "t")]) == 0
    assert "broken.png: not a picture" in capfd.readouterr().err
