"""How far a file may be from the reference, and which one the CPU gets by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from export import package, parity
from export.int8 import falls_short


def test_what_makes_a_default() -> None:
    good = parity.Parity(1000, 0.01, 0.001, 10, 0, -0.003, 1.0, 1.0)
    assert good.may_be_default
    assert not replace(good, flips=11).may_be_default
    assert not replace(good, auc_difference=-0.0031).may_be_default


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("coreml fp16", {"max_dp": 0.005}, None),
        ("coreml fp16", {"max_dp": 0.0051}, "max |Δp| 0.0051 is over 0.005"),
        ("coreml 6bit", {"flips": 5}, None),
        ("coreml 6bit", {"flips": 6}, "6 of 1000 verdicts flip"),
        ("coreml 8bit", {"flips": 0, "golden_flips": 1}, "the verdict of 1 golden pictures flips"),
        ("int8", {"max_dp": 0.5, "flips": 100}, None),
    ],
)
def test_each_kind_of_file_has_its_bound(name: str, changes: dict[str, Any], told: str | None) -> None:
    good = parity.Parity(1000, 0.001, 0.0001, 0, 0, None, None, None)
    assert package.broken_bound(name, replace(good, **changes)) == told


GOOD = parity.Parity(1000, 0.2, 0.01, 90, 1, -0.003, 1.0, 0.3)


def figures(**changes: float) -> dict[str, Any]:
    """Of one condition on val."""
    point = {"recall": 0.5, "recall_interval": [0.4, 0.6], "fpr": 0.01, "fpr_interval": [0.005, 0.03]}
    point |= {name: value for name, value in changes.items() if name in point}
    return {"clean": {"auc": changes.get("auc", 0.95), "operating_points": {"fpr1": point}}}


@pytest.mark.parametrize(
    ("changes", "own", "reason"),
    [
        ({}, {"auc": 0.9471, "recall": 0.41, "fpr": 0.02}, None),
        ({"mean_dp": 0.0101}, {}, "mean |Δp| 0.0101 is over 0.01"),
        ({"ratio": 1.01}, {}, "takes 1.01 of fp32's time"),
        ({}, {"auc": 0.946}, "AUC on val, clean, is 0.0040 lower"),
        ({}, {"recall": 0.39}, "recall on val, clean, at fpr1 is 0.390, outside of 0.400 to 0.600"),
        ({}, {"fpr": 0.04}, "fpr on val, clean, at fpr1 is 0.040, outside of 0.005 to 0.030"),
    ],
)
def test_int8_is_the_default_where_it_is_as_good(
    changes: dict[str, float], own: dict[str, float], reason: str | None
) -> None:
    found = replace(GOOD, **changes)  # type: ignore[arg-type]
    assert falls_short(found, figures(**own), figures()) == reason
    raw = {"variants": {"int8": {"val": figures(**own)}}, "val": figures()}
    for weights, other in ((replace(GOOD, flips=10), "int8-weights"), (replace(GOOD, flips=11), "fp32")):
        default = package.default_for_cpu({"int8": found, "int8-weights": weights}, raw)
        assert default == (other if reason else "int8")
        assert package.default_for_cpu({"int8-weights": weights}, raw) == other
        assert package.smallest({"int8-weights": weights}) == other
