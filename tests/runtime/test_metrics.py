"""Intervals that hold, groups that count right, and a baseline that finds a leak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fauxto.evaluate import baseline, metrics
from fauxto.evaluate.words import table_rows, words
from fauxto.model.card import OperatingPoint
from tests.helpers import encode, make_photo

POINT = OperatingPoint(
    name="fpr1", threshold=0.8, no_sign_below=0.4, fpr=0.01, fpr_upper=0.02, recall=0.5, n_real=1, n_ai=1
)


def binormal(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_ai = np.arange(2 * n) < n
    return is_ai, 1 / (1 + np.exp(-rng.normal(np.where(is_ai, 1.0, -1.0), 1.0)))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.1, 0.25, 0.5, 1])), max_size=40))
def test_the_auc_is_scikit_learns(rows: list[tuple[bool, float]]) -> None:
    is_ai, p_ai = (np.array(column) for column in zip(*rows, (True, 0.5), (False, 0.5), strict=True))
    assert metrics.auc(is_ai, p_ai) == pytest.approx(roc_auc_score(is_ai, p_ai), abs=1e-12)


def test_hanley_and_mcneils_interval_holds_the_truth_19_times_of_20() -> None:
    true_area, held = 0.9214, 0  # of two unit Gaussians two apart: Phi(2 / sqrt 2)
    for seed in range(200):
        area = metrics.auc(*binormal(80, seed))
        low, high = metrics.auc_interval(area, 80, 80)
        held += low <= true_area <= high
    assert 180 <= held <= 199


def test_an_interval_over_sources_is_wider_where_sources_differ() -> None:
    rng = np.random.default_rng(0)
    is_ai = np.arange(400) < 200
    sources = [f"{i // 20}" for i in range(400)]
    shift = np.repeat(rng.normal(0, 1.5, 20), 20)
    scores = 1 / (1 + np.exp(-(np.where(is_ai, 1, -1) + shift + rng.normal(0, 0.3, 400))))
    wide = metrics.clustered_interval(metrics.auc, is_ai, scores, sources)
    narrow = metrics.auc_interval(metrics.auc(is_ai, scores), 200, 200)
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])
    assert wide[0] < metrics.auc(is_ai, scores) < wide[1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_a_confusion_matrix_adds_up(rows: list[tuple[bool, float, bool]]) -> None:
    rows = [*rows, (True, 0.9, False), (False, 0.1, False)]
    is_ai, p_ai, forced = (np.array(column) for column in zip(*rows, strict=True))
    row = metrics.figures(is_ai, p_ai, [POINT], forced=forced)["operating_points"]["fpr1"]
    counts = row["confusion"]
    assert sum(counts["ai"].values()) == is_ai.sum()
    assert sum(counts["real"].values()) == (~is_ai).sum()
    assert row["recall"] == counts["ai"]["ai"] / is_ai.sum()
    assert row["fpr"] == counts["real"]["ai"] / (~is_ai).sum()
    assert row["ai_called_no_sign"] == counts["ai"]["no_sign"] / is_ai.sum()
    assert row["real_called_no_sign"] == counts["real"]["no_sign"] / (~is_ai).sum()
    for name in ("recall", "fpr", "ai_called_no_sign"):
        low, high = row[f"{name}_interval"]
        assert low - 1e-12 <= row[name] <= high + 1e-12
    assert counts["ai"]["unsure"] + counts["real"]["unsure"] >= forced.sum()
    covered = len(rows) - counts["ai"]["unsure"] - counts["real"]["unsure"]
    assert row["coverage"] == pytest.approx(covered / len(rows))
    right = counts["ai"]["ai"] + counts["real"]["no_sign"]
    assert row["selective_accuracy"] == (pytest.approx(right / covered) if covered else None)


def test_a_rare_word_of_ai_pictures_is_worth_less_the_rarer_they_are() -> None:
    found = words({"ai": {"ai": 40, "unsure": 50, "no_sign": 10}, "real": {"ai": 1, "unsure": 199, "no_sign": 0}})
    assert found["ai"]["ai_among"] == pytest.approx({"1:1": 0.4 / 0.405, "1:20": 0.4 / 0.5, "1:100": 0.4 / 0.9})
    assert found["no_sign"] == {"of_ai": 0.1, "of_real": 0, "ai_among": {"1:1": 1, "1:20": 1, "1:100": 1}}
    nobody = words({"ai": {"ai": 0, "unsure": 1, "no_sign": 0}, "real": {"ai": 0, "unsure": 1, "no_sign": 0}})
    assert set(nobody["ai"]["ai_among"].values()) == {None}
    assert [row[0] for row in table_rows(nobody)] == ["strong signs of AI", "unsure", "no sign of AI found"]


def test_the_words_of_an_operating_point() -> None:
    is_ai = np.array([True] * 4 + [False] * 4)
    p_ai = np.array([0.9, 0.8, 0.5, 0.1, 0.85, 0.4, 0.39, 0.2])
    small = np.array([False, True, False, False, False, False, False, True])
    row = metrics.figures(is_ai, p_ai, [POINT], forced=small)["operating_points"]["fpr1"]
    assert row["confusion"] == {
        "ai": {"ai": 1, "unsure": 2, "no_sign": 1},
        "real": {"ai": 1, "unsure": 2, "no_sign": 1},
    }
    assert (row["fpr"], row["recall"], row["ai_called_no_sign"], row["real_called_no_sign"]) == (0.25,) * 4
    assert row["ai_called_no_sign_interval"] == pytest.approx(metrics.wilson(1, 4))
    assert (row["coverage"], row["selective_accuracy"]) == (0.5, 0.5)


def test_groups_name_their_best_and_worst() -> None:
    is_ai = np.array([True] * 6 + [False] * 4)
    p_ai = np.array([0.9, 0.9, 0.9, 0.1, 0.2, 0.9, 0.5, 0.5, 0.85, 0.5])
    called = p_ai >= 0.8
    names = ["new"] * 3 + ["old"] * 2 + [""] + ["x"] * 4
    groups = metrics.by_generator(is_ai, p_ai, called, names, frozenset({"old"}))
    assert list(groups) == ["new", "old", "(unnamed)"]
    assert groups["new"]["auc"] == 1
    assert groups["old"]["auc"] == 0
    assert (groups["new"]["seen"], groups["old"]["seen"]) == (False, True)
    assert metrics.by_source(is_ai, called, names)["x"]["called_ai"] == 0.25
    found = metrics.extremes(groups, "auc", least=2)
    assert (found["groups"], found["mean"], found["smallest"]["name"], found["largest"]["name"]) == (
        2,
        0.5,
        "old",
        "new",
    )
    assert found["mean_interval"] == (0, 1)
    assert metrics.extremes(groups, "auc", least=9) == {"groups": 0, "least_n": 9}


def test_within_a_source_its_own_photographs_count_alone() -> None:
    is_ai = np.array([True, True, False, False, True, False, False])
    p_ai = np.array([0.3, 0.4, 0.1, 0.2, 0.9, 0.95, 0.5])
    found = metrics.by_source_of_both(is_ai, p_ai, ["quiz"] * 4 + ["studio", "camera", ""])
    assert list(found) == ["quiz"]  # the others have one class, or no name
    assert (found["quiz"]["n_ai"], found["quiz"]["n_real"], found["quiz"]["n"]) == (2, 2, 2)
    assert found["quiz"]["auc"] == 1 > metrics.auc(is_ai, p_ai)
    assert metrics.by_source_of_both(is_ai, p_ai, [""] * 7) == {}


def rows(kind: str, side: int, count: int, seed: int) -> np.ndarray:
    pictures = (make_photo(side + i % 7, side, seed=seed + i) for i in range(count))
    return np.array([baseline.features(encode(picture, kind)) for picture in pictures])


@pytest.mark.parametrize(("side", "leaks"), [(96, False), (128, True)])
def test_the_baseline_finds_a_size_that_gives_the_class_away(side: int, leaks: bool) -> None:
    table = np.concatenate([rows("JPEG", side, 40, 0), rows("JPEG", 96, 40, 100)])
    is_ai = np.arange(80) < 40
    sources = [f"{is_ai[i]}-{i % 4}" for i in range(80)]
    found = baseline.baseline(table, is_ai, sources)
    assert (found["auc"] > 0.95) == leaks
    if leaks:
        assert set(found["leading_features"]) & {"width", "height", "file bytes"}


def test_the_baseline_says_when_it_cannot_judge() -> None:
    table = rows("PNG", 64, 4, 0)
    assert (
        "two sources" in baseline.baseline(table, np.array([True, True, False, False]), ["a", "a", "b", "c"])["reason"]
    )


def test_features_read_the_file_and_the_pixels() -> None:
    photo = make_photo(200, 100)
    named = dict(zip(baseline.FEATURES, baseline.features(encode(photo, "JPEG", quality=50)), strict=True))
    better = dict(zip(baseline.FEATURES, baseline.features(encode(photo, "JPEG", quality=95)), strict=True))
    png = dict(zip(baseline.FEATURES, baseline.features(encode(photo, "PNG")), strict=True))
    assert (named["width"], named["height"], named["aspect"]) == (200, 100, 2)
    assert named["JPEG quantisation"] > better["JPEG quantisation"]
    assert named["high-frequency energy"] < better["high-frequency energy"]
    assert png["JPEG quantisation"] == baseline.ABSENT
    assert png["format"] == baseline.FORMATS.index("PNG")
    grey = baseline.features(encode(photo.convert("L").convert("RGB"), "PNG"))
    assert dict(zip(baseline.FEATURES, grey, strict=True))["colourfulness"] == 0
