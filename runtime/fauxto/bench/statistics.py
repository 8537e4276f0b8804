"""Samples -> figures. No sample is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

PERCENTILES = (50, 90, 95, 99)
BEYOND = 5  # samples that must lie beyond a percentile before it is given
NOISY = 0.1
"""Coefficient of variation from which a row is flagged: something else used the machine."""


def needed(percentile: int) -> int:
    """How many samples `percentile` needs."""
    return math.ceil(BEYOND / min(1 - percentile / 100, percentile / 100) - 1e-9)


def summary(samples: Sequence[float], answers: int) -> dict[str, Any]:
    """What a row says of its samples.

    Args:
        samples: seconds of each call; at least one.
        answers: pictures or views that a call answers.

    Returns:
        n, min_ms, p50_ms to p99_ms (None where the samples are too few), mean_ms, cv (standard deviation
        over mean), noisy, and per_second: answers a second over all the samples.
    """
    seconds = np.asarray(samples, np.float64)
    mean, spread = float(seconds.mean()), float(seconds.std(ddof=1)) if len(seconds) > 1 else 0.0
    found: dict[str, Any] = {"n": len(seconds), "min_ms": float(seconds.min()) * 1000}
    for percentile in PERCENTILES:
        enough = len(seconds) >= needed(percentile)
        found[f"p{percentile}_ms"] = float(np.percentile(seconds, percentile)) * 1000 if enough else None
    return found | {
        "mean_ms": mean * 1000,
        "cv": spread / mean,
        "noisy": spread / mean > NOISY,
        "answers": answers,
        "per_second": answers * len(seconds) / float(seconds.sum()),
    }
