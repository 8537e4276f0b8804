"""From logit to words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.image.decoded import Decoded
from fauxto.inference.base import Floats
from fauxto.model.card import OperatingPoint
from fauxto.verdict import PRIOR, decide, probability, with_prior
from tests.helpers import make_photo

SHARES = st.floats(0, 1)
PRIORS = st.floats(1e-6, 1 - 1e-6)


@given(st.floats(-1e6, 1e6), st.floats(0.01, 100), st.floats(-10, 10))
def test_probability_is_one_and_never_overflows(logit: float, temperature: float, bias: float) -> None:
    p = probability(logit, temperature, bias)
    assert 0 <= p <= 1
    assert p <= probability(logit + 1, temperature, bias)


def test_probability_values() -> None:
    assert probability(0, 1, 0) == 0.5
    assert probability(2, 2, 0.5) == pytest.approx(1 / (1 + math.exp(-1.5)))


@given(SHARES)
def test_a_prior_of_one_half_changes_nothing(p: float) -> None:
    assert with_prior(p, PRIOR) == with_prior(p, 0.5) == p


@given(SHARES, SHARES, PRIORS)
def test_a_prior_never_changes_the_order(p: float, q: float, prior: float) -> None:
    low, high = sorted((p, q))
    assert 0 <= with_prior(low, prior) <= with_prior(high, prior) + 1e-12 <= 1 + 1e-12
    assert with_prior(0, prior) == 0
    assert with_prior(1, prior) == 1


@given(SHARES, PRIORS, PRIORS)
def test_more_ai_pictures_never_make_one_less_likely(p: float, prior: float, other: float) -> None:
    low, high = sorted((prior, other))
    assert with_prior(p, low) <= with_prior(p, high) + 1e-12


@given(st.floats(1e-6, 1 - 1e-6), PRIORS)
def test_a_prior_multiplies_the_odds(p: float, prior: float) -> None:
    """Bayes's rule: posterior odds = odds at even odds times the prior's odds."""
    moved = with_prior(p, prior)
    expected = math.log(p / (1 - p)) + math.log(prior / (1 - prior))
    assert probability(expected, 1, 0) == pytest.approx(moved, rel=1e-9)


@pytest.mark.parametrize("name", ["fpr1", "fpr5", "balanced"])
def test_words_follow_the_operating_point(detector: Detector, name: str) -> None:
    smallest, point = detector.card.minimum_short_side, detector.card.operating_point(name)
    assert decide(point.threshold, smallest, smallest, point) == ("ai", None, "threshold")
    below = math.nextafter(point.threshold, 0)
    assert decide(below, smallest, smallest, point)[0] == (
        "unsure" if point.no_sign_below < point.threshold else "no_sign"
    )
    assert decide(math.nextafter(point.no_sign_below, 0), 500, smallest, point) == ("no_sign", None, "threshold")
    for p in (0.0, 0.5, 1.0):
        assert decide(p, smallest - 1, smallest, point) == ("unsure", None, "too_small")


def test_an_unsure_answer_leans_by_even_odds() -> None:
    point = OperatingPoint(
        name="x", threshold=0.9, no_sign_below=0.2, fpr=0, fpr_upper=0, recall=0, n_real=1, n_ai=1
    )  # fmt: skip
    assert decide(0.2, 300, 200, point) == ("unsure", "no_sign", "band")
    assert decide(math.nextafter(0.5, 0), 300, 200, point) == ("unsure", "no_sign", "band")
    assert decide(0.5, 300, 200, point) == ("unsure", "ai", "band")
    assert decide(math.nextafter(0.9, 0), 300, 200, point) == ("unsure", "ai", "band")


@given(SHARES, SHARES, SHARES, st.integers(1, 400))
def test_a_word_is_one_of_three_and_leans_only_between_the_thresholds(p: float, a: float, b: float, side: int) -> None:
    low, high = sorted((a, b))
    point = OperatingPoint(
        name="x", threshold=high, no_sign_below=low, fpr=0, fpr_upper=0, recall=0, n_real=1, n_ai=1
    )  # fmt: skip
    verdict, lean, reason = decide(p, side, 200, point)
    assert (verdict == "unsure") == (reason != "threshold")
    assert (lean is not None) == (reason == "band")
    assert (reason == "too_small") == (side < 200)


class Constant:
    """A session with the same answer for every crop."""

    engine, nodes = "CPUExecutionProvider", (1, 1)

    def __init__(self, logit: float) -> None:
        self.logit = logit

    def run(self, crops: Floats) -> Floats:
        return np.full(len(crops), self.logit, np.float32)

    def evidence(self, crops: Floats) -> tuple[Floats, Floats]:
        return self.run(crops), np.zeros((len(crops), 7, 7), np.float32)


@pytest.fixture(scope="module")
def two() -> tuple[Detector, Detector, Decoded]:
    """Two detectors of one's own, to change, and a picture."""
    own, even = Detector(operating_point="fpr5"), Detector(operating_point="fpr5")
    return own, even, own.decode(make_photo(250, 240))


@given(prior=st.floats(1e-3, 1 - 1e-3), logit=st.floats(-8, 8, width=32))
def test_a_users_base_rate_moves_number_and_threshold_and_not_the_verdict(
    two: tuple[Detector, Detector, Decoded], prior: float, logit: float
) -> None:
    detector, even_odds, picture = two
    detector.session = even_odds.session = Constant(logit)
    detector.prior = prior
    own, even = detector.answer([picture])[0], even_odds.answer([picture])[0]
    assert (own.verdict, own.lean, own.reason, own.logit) == (even.verdict, even.lean, even.reason, even.logit)
    assert own.logit == logit
    assert (own.prior, even.prior) == (prior, 0.5)
    assert even.p_ai == probability(logit, even_odds.card.temperature, even_odds.card.bias)
    assert even.threshold == even_odds.operating_point.threshold
    assert own.p_ai == with_prior(even.p_ai, prior)
    assert own.threshold == with_prior(even.threshold, prior)


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_prior_that_is_no_share_is_refused(prior: float) -> None:
    with pytest.raises(FauxtoError, match=r"prior .*: the share of AI images must lie between 0 and 1"):
        Detector(prior=prior)
