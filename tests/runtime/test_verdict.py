"""From logit to words."""

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.detector import Detector
from fauxto.prediction import Prediction
from fauxto.verdict import decide, probability


@given(st.floats(-1e6, 1e6), st.floats(0.01, 100), st.floats(-10, 10))
def test_probability_is_one_and_never_overflows(logit: float, temperature: float, bias: float) -> None:
    p = probability(logit, temperature, bias)
    assert 0 <= p <= 1
    assert p <= probability(logit + 1, temperature, bias)


def test_probability_values() -> None:
    assert probability(0, 1, 0) == 0.5
    assert probability(2, 2, 0.5) == pytest.approx(1 / (1 + math.exp(-1.5)))


@pytest.mark.parametrize("name", ["fpr1", "fpr5", "balanced"])
def test_words_follow_the_operating_point(detector: Detector, name: str) -> None:
    card, point = detector.card, detector.card.operating_point(name)
    assert decide(point.threshold, 500, card, point) == ("ai", None, "threshold")
    below = math.nextafter(point.threshold, 0)
    assert decide(below, 500, card, point)[0] == ("unsure" if point.no_sign_below < point.threshold else "photo")
    assert decide(math.nextafter(point.no_sign_below, 0), 500, card, point) == ("photo", None, "threshold")
    assert decide(1.0, card.minimum_short_side - 1, card, point) == ("unsure", "ai", "too_small")
    assert decide(0.0, card.minimum_short_side - 1, card, point) == ("unsure", "photo", "too_small")


def test_the_record_is_schema_1() -> None:
    names = (
        "schema path status verdict lean p_ai logit operating_point threshold reason width height "
        "model model_sha256 provider elapsed_ms error declared declared_by signature"
    )
    assert [field.name for field in fields(Prediction)] == names.split()
    assert Prediction().to_dict()["schema"] == 1
