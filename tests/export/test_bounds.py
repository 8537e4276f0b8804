"""How far a file may be from the reference, and which one the CPU gets by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from export import package, parity


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


def test_int8_is_the_default_where_it_pays() -> None:
    good = parity.Parity(1000, 0.01, 0.001, 10, 0, -0.003, 1.0, 1.0)
    found = {"int8": replace(good, ratio=0.5), "int8-weights": good}
    assert package.default_for_cpu(found) == "int8"
    assert package.default_for_cpu(found | {"int8": replace(good, ratio=0.51)}) == "int8-weights"
    assert package.default_for_cpu(found | {"int8": replace(good, ratio=0.4, flips=11)}) == "int8-weights"
    worse = replace(good, flips=11)
    assert package.default_for_cpu(dict.fromkeys(found, worse)) == "fp32"
