"""Logit -> calibrated probability -> words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fauxto.model.card import OperatingPoint
    from fauxto.prediction import Lean, Reason, Verdict

Values = TypeVar("Values", float, "npt.NDArray[np.float32]", "npt.NDArray[np.float64]")

PRIOR = 0.5
"""The base rate that calibration and thresholds are made for: half of all images AI."""


def probability(logit: float, temperature: float, bias: float) -> float:
    """Calibrated probability, 1 / (1 + exp(-(logit / temperature + bias))).

    Temperature scaling (Guo et al. 2017, arXiv 1706.04599) with a bias (Platt 1999), in a form that
    does not overflow.
    """
    z = log_odds(logit, temperature, bias)
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def log_odds(logit: Values, temperature: float, bias: float) -> Values:
    """Calibrated log-odds, logit / temperature + bias."""
    return logit / temperature + bias


def with_prior(p: float, prior: float) -> float:
    """A probability for even odds, turned into one for a base rate `prior`, 0 < prior < 1 (Bayes's rule)."""
    ai, real = p * prior, (1 - p) * (1 - prior)
    return p if prior == PRIOR or ai + real == 0 else ai / (ai + real)


def decide(
    p_ai: float, short_side: int, minimum_short_side: int, point: OperatingPoint, disagree: bool = False
) -> tuple[Verdict, Lean | None, Reason]:
    """The words for a calibrated probability at even odds. Returns (verdict, lean, reason).

    There is a lean only where the verdict is "unsure", and none for an image that is too small to judge.
    `disagree`: the first network and the second opinion are further apart than where the probability was measured.
    """
    lean: Lean = "ai" if p_ai >= 0.5 else "no_sign"
    if short_side < minimum_short_side:
        return "unsure", None, "too_small"
    if disagree:
        return "unsure", lean, "disagree"
    if p_ai >= point.threshold:
        return "ai", None, "threshold"
    if p_ai < point.no_sign_below:
        return "no_sign", None, "threshold"
    return "unsure", lean, "band"
