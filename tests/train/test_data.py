"""Reading a data set: layouts, the fair draw, and what is left out."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxto.evaluate.dataset import LabelledImage
from tests.helpers import make_photo
from train.data import (
    DOUBT,
    ENOUGH,
    FACE_SHARE,
    MATCHED,
    TrainingCrops,
    draw_weights,
    even_subset,
    read,
    read_doubts,
    unseen,
)
from train.errors import TrainError


def fill(folder: Path, count: int, size: int = 64) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        make_photo(size, size, seed=i).save(folder / f"s__{folder.name}{i}.png")


def test_ready_splits_are_kept(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2)):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, count)
    train, val = read(tmp_path, 0.5, 0)
    assert (len(train), len(val)) == (6, 4)
    assert all("train" in picture.path.parts for picture in train)


def test_one_folder_is_split_by_group_and_seed(tmp_path: Path) -> None:
    for label in ("ai", "real"):
        for group in range(6):
            fill(tmp_path / label / f"album{group}", 3)
    train, val = read(tmp_path, 0.3, seed=1)
    for is_ai in (True, False):
        sources = [{picture.source for picture in part if picture.is_ai == is_ai} for part in (train, val)]
        assert not sources[0] & sources[1]
        assert all(sources)
    assert read(tmp_path, 0.3, seed=1)[1] == val
    assert any(read(tmp_path, 0.3, seed=seed)[1] != val for seed in range(2, 8))


def test_broken_and_tiny_pictures_are_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "val"):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, 2)
    (tmp_path / "train/ai/broken.jpg").write_bytes(b"no picture")
    make_photo(8, 300).save(tmp_path / "train/real/thin.png")
    train, _ = read(tmp_path, 0.5, 0)
    assert len(train) == 4
    err = capsys.readouterr().err
    assert "broken.jpg" in err
    assert "thin.png: only 8 px" in err


def test_an_empty_class_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "ai", 2)
    with pytest.raises(TrainError, match="no usable 'real' picture for train"):
        read(tmp_path, 0.5, 0)
    with pytest.raises(TrainError, match="no usable 'ai' picture"):
        read(tmp_path / "nowhere", 0.5, 0)


def test_index_gives_source_and_leaves_art_out(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, 3)
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", "source", "generator", "style"], ["ai0", "web", "FLUX", "photo"], ["ai1", "web", "", "art"]]
        )
    train, _ = read(tmp_path, 0.5, 0)
    ai = [picture for picture in train if picture.is_ai]
    assert [(p.source, p.generator) for p in ai] == [("web", "FLUX"), ("", "")]


def pictures(is_ai: bool, source: str, count: int, style: str = "photo") -> list[LabelledImage]:
    return [LabelledImage(Path(f"{is_ai}{source}{i}"), is_ai, source, "", style) for i in range(count)]


def test_the_draw_is_even_over_classes_sources_and_faces() -> None:
    everything = [
        *pictures(True, "large", 400), *pictures(True, "small", 4), *pictures(True, "portraits", 300, "face"),
        *pictures(False, "camera", 50), *pictures(False, "people", 9, "face"),
    ]  # fmt: skip
    weights = draw_weights(everything).numpy()
    mass = Counter()
    for picture, weight in zip(everything, weights, strict=True):
        mass[picture.is_ai] += weight
        mass[picture.source] += weight
    assert mass[True] == pytest.approx(mass[False])
    assert mass["large"] / mass["small"] == pytest.approx(10)  # the root of 400 / 4
    assert mass["portraits"] == pytest.approx(FACE_SHARE)
    assert mass["people"] == pytest.approx(FACE_SHARE)


def test_a_prompt_that_repeats_counts_by_its_root() -> None:
    """Forty generators with the same prompts are not forty times as much to learn from."""
    grid = [
        LabelledImage(Path(f"{g}{p}"), True, "grid", f"generator {g}", "photo", prompt=f"prompt {p}")
        for g in range(16)
        for p in range(4)
    ]
    same = [replace(picture, prompt="", source="other") for picture in grid]
    weights = draw_weights([*grid, *same, *pictures(False, "camera", 9)]).numpy()
    assert weights[len(grid) : 2 * len(grid)].sum() / weights[: len(grid)].sum() == pytest.approx(4)


def test_a_source_of_both_classes_counts_more() -> None:
    """There nothing but the pictures themselves tells the classes apart."""
    ai, real = ([*pictures(own, "quiz", 9), *pictures(own, f"only {own}", 9)] for own in (True, False))
    weights = draw_weights([*ai, *real]).numpy()
    for part in (weights[:18], weights[18:]):
        assert part[:9].sum() / part[9:].sum() == pytest.approx(MATCHED)


def test_doubted_photographs_count_more_within_their_class(tmp_path: Path) -> None:
    everything = [*pictures(True, "a", 8), *pictures(False, "b", 8)]
    sure, half = everything[8].path, everything[9].path
    file = tmp_path / "doubts.csv"
    file.write_text(f"path,p_ai\n{sure},1.0\n{half},0.5\n")
    for path in (sure, half):
        (tmp_path / path).touch()
    doubts = {path.relative_to(tmp_path): p for path, p in read_doubts(str(file), tmp_path).items()}
    weights = draw_weights(everything, doubts).numpy()
    assert weights[:8].sum() == pytest.approx(weights[8:].sum())
    assert weights[8:] / weights[-1] == pytest.approx([1 + DOUBT, 1 + DOUBT / 2, 1, 1, 1, 1, 1, 1])
    assert read_doubts("", tmp_path) == {}


def test_doubts_of_something_else_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "doubts.csv"
    for content, reason in (("id,p\n", "columns are path, p_ai"), ("path,p_ai\ngone.png,1\n", "names no picture of")):
        file.write_text(content)
        with pytest.raises(TrainError, match=reason):
            read_doubts(str(file), tmp_path)


def test_even_subset_takes_none_twice() -> None:
    subset = even_subset([*pictures(True, "a", 30), *pictures(False, "b", 5)], per_class=10, seed=3)
    assert len(set(subset)) == len(subset) == 15


def test_calibration_takes_the_sources_that_training_never_saw(capsys: pytest.CaptureFixture[str]) -> None:
    train = [*pictures(True, "a", 9), *pictures(False, "b", 9)]
    known, new = (
        [*pictures(True, "a", 40), *pictures(False, "b", 40)],
        [*pictures(True, "b", ENOUGH), *pictures(False, "c", ENOUGH)],
    )
    assert unseen([*known, *new], train) == new
    assert unseen([*known, *new[1:]], train) == [*known, *new[1:]]
    assert "taking all of val" in capsys.readouterr().err


def test_a_picture_that_breaks_later_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 2)
    good = [LabelledImage(path, True) for path in sorted(tmp_path.iterdir())]
    data = good[0].path.read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    crops = TrainingCrops(
        [*good, LabelledImage(tmp_path / "cut.png", True)], torch.tensor([0.0, 0.0, 1.0]), 4, 32, 0, 0
    )
    assert all(crop.shape == (32, 32, 3) for crop, _ in (crops[i] for i in range(4)))
    assert "cut.png: damaged or truncated" in capsys.readouterr().err


def test_crops_hang_on_seed_and_epoch_alone(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    found = [LabelledImage(path, True) for path in sorted(tmp_path.iterdir())]
    weights = torch.ones(3)
    first, again, other = (TrainingCrops(found, weights, 6, 32, 5, epoch) for epoch in (1, 1, 2))
    assert all(np.array_equal(first[i][0], again[i][0]) for i in (5, 0, 3))
    assert any(not np.array_equal(first[i][0], other[i][0]) for i in range(6))
