"""Tiles are the same pictures, cut up: nothing lost, nothing invented, the index with them."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from fauxto.evaluate.dataset import find, read_index
from fauxto.image.decode import load
from tests.helpers import make_photo
from train.tools import tile_dataset


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


def test_native_tiles_lie_in_the_image_and_one_holds_it_whole() -> None:
    image = make_photo(1300, 1000)
    *native, whole = tile_dataset.cut(image, random.Random(0))
    assert [tile.size for tile in native] == [(448, 448)] * tile_dataset.COUNT
    assert whole.size == (582, 448)
    pixels = np.asarray(image)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (4, 4, 3))[:, :, 0]
    for tile in native:
        assert (windows == np.asarray(tile)[:4, :4]).all(axis=(2, 3, 4)).any()
    assert tile_dataset.cut(make_photo(500, 700), random.Random(0))[0].size == (500, 700)


def test_tiles_are_a_data_folder_again(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tiles"
    assert tile_dataset.main([str(data), "--out", str(out)]) == 0
    capsys.readouterr()
    train, val = (find(out / part, read_index(out)) for part in ("train", "val"))
    assert capsys.readouterr().err == ""  # each row names a picture
    assert len(train) == 2 * (tile_dataset.COUNT + 1 + 1)
    told = {(p.source, p.generator, p.style, p.prompt) for p in train if "shop" in p.path.name}
    assert told == {("shop", "FLUX", "face", "a cup")}
    assert {p.source for p in train if "small" in p.path.name} == {"album"}
    assert sorted(p.path.relative_to(out) for p in val) == sorted(
        p.relative_to(data) for p in (data / "val").rglob("*.png")
    )
    assert max(load(p.path).width for p in train) <= 582
    before = {p.path: p.path.stat().st_mtime_ns for p in train}
    assert tile_dataset.main([str(data), "--out", str(out)]) == 0  # nothing is done twice
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_index_names_tiles_by_their_place_below_it(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    assert tile_dataset.main([str(data), "--out", str(out)]) == 0
    with (out / "index.csv").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert "train/ai/album/shop__1-0.jpg" in paths
    assert "val/real/album/small.png" in paths
    assert sorted(paths) == sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.suffix in (".jpg", ".png")
    )


def test_another_layout_and_a_broken_picture_are_named(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tile_dataset.main([str(data / "train"), "--out", str(tmp_path / "t")]) == 2
    assert "no such folder; DATA needs train/{ai,real}" in capfd.readouterr().err
    (data / "train/ai/broken.png").write_bytes(b"broken")
    assert tile_dataset.main([str(data), "--out", str(tmp_path / "t")]) == 0
    assert f"left out {data / 'train/ai/broken.png'}: " in capfd.readouterr().err
