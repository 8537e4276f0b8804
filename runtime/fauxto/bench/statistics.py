"""Samples -> figures. No sample is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

PERCENTILES = (50, 90, 95, 99)
BEYOND = 5  # samples that must lie beyond a percentile before it is given
NOISY = 0.1
"""Coefficient of variation from which a row is flagged: something else used the machine."""


class Summary(TypedDict):
    """What a row says of its samples.

    Attributes:
        n: how many there are.
        min_ms, mean_ms: of all of them.
        p50_ms, p90_ms, p95_ms, p99_ms: percentiles; None where the samples are too few.
        cv: coefficient of variation, standard deviation over mean.
        noisy: whether that is over NOISY.
        answers: pictures or crops that a call answers.
        per_second: answers a second over all the samples.
    """

    n: int
    min_ms: float
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    mean_ms: float
    cv: float
    noisy: bool
    answers: int
    per_second: float


def needed(percentile: int) -> int:
    """How many samples `percentile` needs."""
    return math.ceil(BEYOND / min(1 - percentile / 100, percentile / 100) - 1e-9)


def percentiles(found: Summary) -> dict[int, float | None]:
    """Percentile -> ms."""
    return {50: found["p50_ms"], 90: found["p90_ms"], 95: found["p95_ms"], 99: found["p99_ms"]}


def summary(samples: Sequence[float], answers: int = 1) -> Summary:
    """The figures of at least one sample.

    Args:
        samples: seconds of each call.
        answers: pictures or crops that a call answers.
    """
    seconds = np.asarray(samples, np.float64)
    mean, spread = float(seconds.mean()), float(seconds.std(ddof=1)) if len(seconds) > 1 else 0.0

    def percentile(of: int) -> float | None:
        return float(np.percentile(seconds, of)) * 1000 if len(seconds) >= needed(of) else None

    return {
        "n": len(seconds),
        "min_ms": float(seconds.min()) * 1000,
        "p50_ms": percentile(50),
        "p90_ms": percentile(90),
        "p95_ms": percentile(95),
        "p99_ms": percentile(99),
        "mean_ms": mean * 1000,
        "cv": spread / mean,
        "noisy": spread / mean > NOISY,
        "answers": answers,
        "per_second": answers * len(seconds) / float(seconds.sum()),
    }
