"""Raw logits on val -> temperature, bias, and the thresholds behind the words."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from fauxto.evaluate.metrics import wilson

OPERATING_POINTS = {"fpr1": 0.01, "fpr5": 0.05}  # name: share of real photographs that may be called "ai"
UPPER_BOUND = 1.5  # the upper Wilson bound may be at most this many times the share
MISS_RATE = 0.10  # share of AI pictures that may be called "photo"


def fit_calibration(logits: np.ndarray, is_ai: np.ndarray) -> tuple[float, float]:
    """Temperature and bias such that sigmoid(logit / temperature + bias) is a probability.

    Platt scaling (1999) with both classes weighing the same, so p = 0.5 means even odds where half of
    the pictures are AI. `logits` (N,) float, `is_ai` (N,) bool.
    """
    regression = LogisticRegression(C=1e6, class_weight="balanced").fit(logits[:, None], is_ai)
    slope = max(float(regression.coef_[0, 0]), 1e-3)  # a network worse than chance must not turn round
    return 1 / slope, float(regression.intercept_[0])


def threshold_for(share: float, real: np.ndarray) -> float:
    """The lowest p that calls at most `share` of the real photographs "ai", interval included.

    Where there are too few photographs to show that (fewer than about 2.6 / share), the bound on the
    interval is dropped: the measured interval in the card says what the threshold is worth.
    """
    ordered = np.sort(real)[::-1]
    allowed = 0
    for count in range(int(share * len(real)) + 1):
        if wilson(count, len(real))[1] <= UPPER_BOUND * share:
            allowed = count
    if wilson(0, len(real))[1] > UPPER_BOUND * share:
        allowed = int(share * len(real))
    return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], 2.0))


def operating_points(p_ai: np.ndarray, is_ai: np.ndarray) -> dict[str, dict[str, Any]]:
    """The card's operating points, with what they cost on these pictures. `p_ai` (N,), `is_ai` (N,) bool."""
    real, ai = p_ai[~is_ai], p_ai[is_ai]
    photo_below = float(np.quantile(ai, MISS_RATE))
    thresholds = {name: threshold_for(share, real) for name, share in OPERATING_POINTS.items()} | {"balanced": 0.5}
    points = {}
    for name, threshold in thresholds.items():
        wrong = int((real >= threshold).sum())
        points[name] = {
            "threshold": threshold,
            # "balanced" always decides.
            "photo_below": threshold if name == "balanced" else min(photo_below, threshold),
            "fpr": wrong / len(real),
            "fpr_upper": wilson(wrong, len(real))[1],
            "recall": float(np.mean(ai >= threshold)),
            "n_real": len(real),
            "n_ai": len(ai),
        }
    return points
