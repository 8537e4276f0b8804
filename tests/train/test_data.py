"""Reading a data set: layouts, what its index says, and what is left out or held out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.helpers import make_photo
from tests.train.images import fill, labelled
from train.data import ENOUGH, hold_out, of_new_sources, read_images, read_pairs
from train.errors import TrainError


def test_ready_splits_are_kept(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2)):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, count)
    train, val = read_images(tmp_path, 0.5, 0)
    assert (len(train), len(val)) == (6, 4)
    assert all("train" in picture.path.parts for picture in train)


def test_one_folder_is_split_by_group_and_seed(tmp_path: Path) -> None:
    for label in ("ai", "real"):
        for group in range(6):
            fill(tmp_path / label / f"album{group}", 3)
    train, val = read_images(tmp_path, 0.3, seed=1)
    for is_ai in (True, False):
        sources = [{picture.source for picture in part if picture.is_ai == is_ai} for part in (train, val)]
        assert not sources[0] & sources[1]
        assert all(sources)
    assert read_images(tmp_path, 0.3, seed=1)[1] == val
    assert any(read_images(tmp_path, 0.3, seed=seed)[1] != val for seed in range(2, 8))


def test_broken_and_tiny_pictures_are_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "val"):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, 2)
    (tmp_path / "train/ai/broken.jpg").write_bytes(b"no picture")
    make_photo(8, 300).save(tmp_path / "train/real/thin.png")
    train, _ = read_images(tmp_path, 0.5, 0)
    assert len(train) == 4
    err = capsys.readouterr().err
    assert "broken.jpg" in err
    assert "thin.png: only 8 px" in err


def test_an_empty_class_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "ai", 2)
    with pytest.raises(TrainError, match="no usable 'real' picture for train"):
        read_images(tmp_path, 0.5, 0)
    with pytest.raises(TrainError, match="no usable 'ai' picture"):
        read_images(tmp_path / "nowhere", 0.5, 0)


def test_index_gives_source_and_leaves_art_out(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for label in ("ai", "real"):
            fill(tmp_path / part / label, 3)
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ["id", "path", "source", "generator", "style"],
                ["ai0", "", "web", "FLUX", "photo"],
                ["ai1", "", "web", "", "art"],
                ["", "val/real/s__real0.png", "shop", "", ""],  # and not train's of the same name
            ]
        )
    train, val = read_images(tmp_path, 0.5, 0)
    assert [(image.source, image.generator) for image in train if image.is_ai] == [("web", "FLUX"), ("", "")]
    assert [image.source for image in val if not image.is_ai] == ["shop", "", ""]
    assert not any(image.source for image in train if not image.is_ai)


def test_a_source_that_is_named_is_held_out(tmp_path: Path) -> None:
    images = [*labelled(True, "a", 3), *labelled(True, "b c", 2), *labelled(False, "b c", 1), *labelled(False, "d", 2)]
    file = tmp_path / "held.txt"
    file.write_text("b c\n\n")
    kept, held = hold_out(images, file)
    assert kept == [*labelled(True, "a", 3), *labelled(False, "d", 2)]
    assert held == [*labelled(True, "b c", 2), *labelled(False, "b c", 1)]
    assert hold_out(images, None) == (images, [])
    for names, reason in (("b c\nB\n", "of the source 'B'"), ("b c\nd\n", "leaves no 'real' picture")):
        file.write_text(names)
        with pytest.raises(TrainError, match=rf"held\.txt: .*{reason}"):
            hold_out(images, file)


def test_calibration_takes_the_sources_that_training_never_saw(capsys: pytest.CaptureFixture[str]) -> None:
    train = [*labelled(True, "a", 9), *labelled(False, "b", 9)]
    known, new = (
        [*labelled(True, "a", 40), *labelled(False, "b", 40)],
        [*labelled(True, "b", ENOUGH), *labelled(False, "c", ENOUGH)],
    )
    assert of_new_sources([*known, *new], train) == new
    assert of_new_sources([*known, *new[1:]], train) == [*known, *new[1:]]
    assert "taking all of val" in capsys.readouterr().err


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"no pairs in it; write some with python -m train\.tools\.reconstruct"):
        read_pairs(tmp_path)
