"""Calibration recovers a known distortion; thresholds hold the rate that they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxto.evaluate.metrics import expected_calibration_error, figures, recall_at, wilson
from train.calibrate import (
    PARTS,
    effective_count,
    fit_calibration,
    no_sign_threshold,
    operating_points,
    threshold_for,
    weighted_quantile,
)


def sample(seed: int, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """True log-odds drawn from two Gaussians, and the truth drawn from them."""
    rng = np.random.default_rng(seed)
    is_ai = rng.random(n) < 0.5
    return rng.normal(np.where(is_ai, 1.0, -1.0), np.sqrt(2)), is_ai  # log-odds of this mixture: exactly x


def test_temperature_and_bias_are_found_again() -> None:
    odds, is_ai = sample(0)
    temperature, bias = fit_calibration(3 * (odds - 0.5), is_ai)  # odds = logit / 3 + 0.5
    assert temperature == pytest.approx(3, rel=0.05)
    assert bias == pytest.approx(0.5, abs=0.05)
    p_ai = 1 / (1 + np.exp(-odds))
    assert expected_calibration_error(is_ai, p_ai) < 0.02
    assert expected_calibration_error(is_ai, p_ai**3) > 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5000), st.sampled_from((0.01, 0.05)), st.integers(0, 1000))
def test_a_threshold_never_exceeds_its_share(n: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, weights = rng.random(n).round(2), rng.uniform(1, 5, n)  # with ties
    wrong = weights[real >= threshold_for(share, real, weights)].sum() / weights.sum()
    count = effective_count(weights)
    assert wrong <= share + 1e-9
    if wilson(0, count)[1] <= 1.5 * share:
        assert wilson(wrong * count, count)[1] <= 1.5 * share + 1e-9


def test_no_large_source_sets_the_threshold_alone() -> None:
    rng = np.random.default_rng(0)
    plain, odd = rng.uniform(0, 0.5, 3000), rng.uniform(0.5, 1, 300)  # 30 sources of 100, and one of 300
    real, sizes = np.concatenate([plain, odd]), np.repeat([100, 300], [3000, 300])
    even, by_root = (threshold_for(0.01, real, weights) for weights in (np.ones(3300), sizes**-0.5))
    assert (odd >= even).sum() < (odd >= by_root).sum()
    assert effective_count(np.ones(3300)) == 3300 > effective_count(sizes**-0.5)


def test_a_photograph_under_three_conditions_is_one_photograph() -> None:
    rng = np.random.default_rng(0)
    real, ai = rng.random(400), rng.uniform(0.5, 1.5, 300)
    p_ai, is_ai = np.concatenate([real, ai]), np.repeat([False, True], [400, 300])
    once = operating_points(p_ai, is_ai, np.ones(700), [""] * 700)["fpr1"]
    again = np.tile(p_ai, 3), np.tile(is_ai, 3), np.ones(2100), [""] * 2100
    assert operating_points(*again, copies=3)["fpr1"] == once
    assert operating_points(*again)["fpr1"]["threshold"] < once["threshold"]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 1000))
def test_a_quantile_is_the_highest_value_with_so_little_below(n: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.random(n).round(1), rng.uniform(1, 5, n)  # with ties
    found = weighted_quantile(share, values, weights)

    def below(value: float) -> float:
        return float(weights[values < value].sum() / weights.sum())

    assert below(found) <= share + 1e-9
    assert all(below(value) > share for value in values[values > found])


def test_no_sign_holds_for_the_sources_that_are_hardest_to_find() -> None:
    rng = np.random.default_rng(0)
    names = [f"site {number:02}" for number in range(20)]
    origins, hard = np.repeat(names, 50), np.repeat(np.arange(20) % PARTS == 1, 50)
    ai = np.where(hard, rng.uniform(0, 0.5, 1000), rng.uniform(0.5, 1, 1000))
    threshold = no_sign_threshold(0.1, ai, np.ones(1000), list(origins))
    assert (ai[hard] < threshold).mean() == pytest.approx(0.1, abs=0.01)
    assert np.quantile(ai, 0.1) > threshold
    assert no_sign_threshold(0.1, ai, np.ones(1000), ["one site"] * 1000) == pytest.approx(
        np.quantile(ai, 0.1), abs=0.01
    )


def test_rates_count_as_the_threshold_did() -> None:
    p_ai = np.array([0.9, 0.2, 0.2, 0.1, 0.8, 0.9])
    is_ai = np.array([False, False, False, False, True, True])
    point = operating_points(p_ai, is_ai, np.array([1, 3, 3, 3, 9, 1.0]), [""] * 6)["balanced"]
    assert point["fpr"] == pytest.approx(0.1)
    assert (point["recall"], point["n_real"], point["n_ai"]) == (1, 4, 2)


def test_operating_points_are_ordered_and_measured() -> None:
    odds, is_ai = sample(1)
    points = operating_points(1 / (1 + np.exp(-odds)), is_ai, np.ones(len(odds)), [""] * len(odds))
    assert points["fpr1"]["threshold"] > points["fpr5"]["threshold"] > points["balanced"]["threshold"] == 0.5
    assert points["fpr1"]["recall"] < points["fpr5"]["recall"] < points["balanced"]["recall"]
    assert 0.005 < points["fpr1"]["fpr"] <= 0.01
    assert points["balanced"]["no_sign_below"] == 0.5


def test_wilson_is_the_textbook_value() -> None:
    assert wilson(0, 300) == pytest.approx((0.0, 0.01264), abs=1e-4)
    assert wilson(10, 100) == pytest.approx((0.05523, 0.17437), abs=1e-4)


def test_figures_of_a_perfect_and_a_blind_model() -> None:
    is_ai = np.arange(400) % 2 == 0
    perfect = figures(is_ai, is_ai.astype(float), [])
    assert (perfect["auc"], perfect["brier"], perfect["ece"]) == (1, 0, 0)
    assert recall_at(is_ai, is_ai.astype(float), 0.01) == 1
    assert figures(is_ai, np.full(400, 0.5), [])["auc"] == 0.5
