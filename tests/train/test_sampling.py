"""Sampling: even over classes, sources, prompts and faces, and more often where an earlier network was wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fauxto.evaluate.dataset import LabelledImage
from tests.train.images import labelled
from train.errors import TrainError
from train.sampling import FACE_SHARE, HARD, MATCHED, even_subset, read_hard_negatives, sampling_weights


def test_the_draw_is_even_over_classes_sources_and_faces() -> None:
    everything = [
        *labelled(True, "large", 400), *labelled(True, "small", 4), *labelled(True, "portraits", 300, "face"),
        *labelled(False, "camera", 50), *labelled(False, "people", 9, "face"),
    ]  # fmt: skip
    weights = sampling_weights(everything).numpy()
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
    weights = sampling_weights([*grid, *same, *labelled(False, "camera", 9)]).numpy()
    assert weights[len(grid) : 2 * len(grid)].sum() / weights[: len(grid)].sum() == pytest.approx(4)


def test_a_source_of_both_classes_counts_more() -> None:
    """There nothing but the pictures themselves tells the classes apart."""
    ai, real = ([*labelled(own, "quiz", 9), *labelled(own, f"only {own}", 9)] for own in (True, False))
    weights = sampling_weights([*ai, *real]).numpy()
    for part in (weights[:18], weights[18:]):
        assert part[:9].sum() / part[9:].sum() == pytest.approx(MATCHED)


def test_hard_negatives_count_more_within_their_class(tmp_path: Path) -> None:
    everything = [*labelled(True, "a", 8), *labelled(False, "b", 8)]
    sure, half = everything[8].path, everything[9].path
    file = tmp_path / "hard.csv"
    file.write_text(f"path,p_ai\n{sure},1.0\n{half},0.5\n")
    for path in (sure, half):
        (tmp_path / path).touch()
    found = {path.relative_to(tmp_path): p for path, p in read_hard_negatives(file, tmp_path).items()}
    weights = sampling_weights(everything, found).numpy()
    assert weights[:8].sum() == pytest.approx(weights[8:].sum())
    assert weights[8:] / weights[-1] == pytest.approx([1 + HARD, 1 + HARD / 2, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,p\n", "its columns are not path, p_ai"),
        ("path,p_ai\na.png,much\n", "not a file of train.tools.hard_negatives"),
        ("path,p_ai\na.png\n", "not a file of train.tools.hard_negatives"),
        ("path,p_ai\ngone.png,1\n", "names no picture of"),
    ],
)
def test_scores_of_something_else_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "hard.csv").write_text(content)
    with pytest.raises(TrainError, match=rf"hard\.csv: .*{reason}"):
        read_hard_negatives(tmp_path / "hard.csv", tmp_path)


def test_even_subset_takes_none_twice() -> None:
    subset = even_subset([*labelled(True, "a", 30), *labelled(False, "b", 5)], per_class=10, seed=3)
    assert len(set(subset)) == len(subset) == 15
