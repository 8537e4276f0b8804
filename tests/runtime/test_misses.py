"""Reported misses: the fixed ones stay fixed, the open ones are known."""

import json
from pathlib import Path

import pytest

from fauxto.detector import Detector

FOLDER = Path(__file__).parents[1] / "golden/misses"
MISSES = json.loads((FOLDER / "misses.json").read_text(encoding="utf-8"))
WRONG = {"ai": "no_sign", "real": "ai"}  # truth: the verdict that is a miss


@pytest.mark.parametrize("miss", MISSES, ids=[Path(miss["picture"]).stem for miss in MISSES])
def test_a_miss_is_what_its_entry_says(miss: dict[str, str], detector: Detector) -> None:
    verdict = detector.predict(FOLDER / miss["picture"], strict=True).verdict
    assert (verdict == WRONG[miss["truth"]]) == (miss["status"] == "open"), f"{verdict}; update misses.json"
