"""The fusion: how two answers become one, and where they are too far apart for that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fauxto.second_opinion.fusion import Fusion

BLOCK = {
    "encoder_sha256": "ab",
    "first": "fauxto-r18-v7",
    "first_sha256": ["cd", "ef"],
    "pixels": 0.5,
    "scene": 0.25,
    "disagreement": [-3.0, 4.5],
}
ODDS = st.floats(-50, 50)
WEIGHTS = st.floats(0, 5)


def fusion(**changes: Any) -> Fusion:
    return Fusion.of({"second": BLOCK | changes})


@given(WEIGHTS, WEIGHTS, ODDS, ODDS, ODDS, ODDS)
def test_more_of_either_never_makes_less_of_both(
    pixels: float, scene: float, p: float, more_p: float, s: float, more_s: float
) -> None:
    assume(p <= more_p and s <= more_s)
    of = fusion(pixels=pixels, scene=scene)
    assert of.fuse(p, s) <= of.fuse(more_p, s) <= of.fuse(more_p, more_s)
    assert of.fuse(p, s) <= of.fuse(p, more_s) <= of.fuse(more_p, more_s)


@given(ODDS, ODDS)
def test_arrays_are_fused_as_numbers_are(p: float, s: float) -> None:
    of = fusion()
    assert of.fuse(np.array([p, 0]), np.array([s, 0])).tolist() == [of.fuse(p, s), 0]
    assert of.fuse(p, s) == 0.5 * p + 0.25 * s


@pytest.mark.parametrize(
    ("pixels", "scene", "far"),
    [
        (0.0, 0.0, False),
        (4.5, 0.0, False),
        (0.0, 3.0, False),
        (math.nextafter(4.5, 9), 0.0, True),
        (0.0, math.nextafter(3.0, 9), True),
        (100.0, 97.0, False),
        (math.nan, 0.0, True),
    ],
)
def test_the_bounds_of_the_disagreement_belong_to_it(pixels: float, scene: float, far: bool) -> None:
    assert fusion().disagrees(pixels, scene) is far


@pytest.mark.parametrize(
    "changes",
    [
        {"disagreement": [1.0]},
        {"disagreement": [2.0, 1.0]},
        {"disagreement": None},
        {"disagreement": [-1.0, math.inf]},
        {"pixels": "much"},
        {"pixels": -0.1},
        {"pixels": math.nan},
        {"scene": None},
        {"scene": True},
        {"scene": -1},
        {"first_sha256": "cdef"},
        {"first_sha256": []},
        {"first_sha256": None},
    ],
)
def test_a_block_with_a_wrong_value_is_none(changes: dict[str, Any]) -> None:
    assert fusion().first_sha256 == ("cd", "ef")
    with pytest.raises((KeyError, TypeError, ValueError)):
        fusion(**changes)


@pytest.mark.parametrize("name", BLOCK)
def test_a_block_without_a_value_is_none(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        Fusion.of({"second": {key: value for key, value in BLOCK.items() if key != name}})
    with pytest.raises(KeyError, match="second"):
        Fusion.of({})
