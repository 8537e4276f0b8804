"""Raw logits on val -> temperature, bias, and the thresholds behind the words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression

from fauxto.evaluate.metrics import wilson
from fauxto.verdict import log_odds
from train.errors import TrainError
from train.measure import Measured
from train.sampling import sampling_weights

OPERATING_POINTS = {"fpr1": 0.01, "fpr5": 0.05}  # name: share of real photographs that may be called "ai"
UPPER_BOUND = 1.5  # the upper Wilson bound may be at most this many times the share
MISS_RATE = 0.10  # share of AI images that may be called "no sign", in each part of their sources
PARTS = 4  # of the sources of AI images
BIAS = {"bias": float, "sources": int, "n": int}  # what train.tools.held_out_bias writes

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """From a raw logit to a probability and to words.

    Attributes:
        temperature, bias: p = sigmoid(logit / temperature + bias).
        operating_points: name -> the fields of fauxto.model.card.OperatingPoint, but for the name.
        n: logits that it was fitted on; an image counts under each corruption.
        held_out_bias: what of the bias comes from held-out sources, as train.tools.held_out_bias wrote it.
    """

    temperature: float
    bias: float
    operating_points: Mapping[str, Mapping[str, Any]]
    n: int
    held_out_bias: Mapping[str, Any] | None = None

    def probability(self, logits: Floats) -> Floats:
        """(N,) raw logits -> (N,) calibrated p."""
        return probability(logits, self.temperature, self.bias)


def calibrate(measured: Mapping[str, Measured], held_out_bias: Mapping[str, Any] | None = None) -> Calibration:
    """Calibrate on images that were measured under several corruptions, all of which count the same.

    For the thresholds, a source counts by the root of its size, as in sampling, and a photograph counts once in the
    interval, not once for each corruption.
    """
    logits, is_ai = stacked(measured)
    temperature, bias = fit_calibration(logits, is_ai)
    bias += held_out_bias["bias"] if held_out_bias else 0.0
    weights = np.concatenate([sampling_weights(part.images).numpy() for part in measured.values()])
    origins = [origin for part in measured.values() for origin in part.origins]
    points = operating_points(probability(logits, temperature, bias), is_ai, weights, origins, len(measured))
    return Calibration(temperature, bias, points, len(is_ai), held_out_bias)


def stacked(measured: Mapping[str, Measured]) -> tuple[Floats, Truth]:
    """(N,) logits and (N,) truth over all corruptions."""
    parts = measured.values()
    return np.concatenate([part.logits for part in parts]), np.concatenate([part.is_ai for part in parts])


def fit_calibration(logits: Floats, is_ai: Truth) -> tuple[float, float]:
    """Temperature and bias such that sigmoid(logit / temperature + bias) is a probability.

    Platt scaling (1999) with both classes weighing the same, so p = 0.5 means even odds where half of
    the images are AI. `logits` (N,) float, `is_ai` (N,) bool.
    """
    regression = LogisticRegression(C=1e6, class_weight="balanced").fit(logits[:, None], is_ai)
    slope = max(float(regression.coef_[0, 0]), 1e-3)  # a network worse than chance must not turn round
    return 1 / slope, float(regression.intercept_[0])


def fit_bias(logits: Floats, is_ai: Truth) -> float:
    """What to add to calibrated logits (N,) so that the mean p is the share of AI, both classes weighing the same.

    The maximum likelihood of a logistic regression whose slope stays 1; `is_ai` (N,) bool has both classes.
    """

    def excess(bias: float) -> float:
        p_ai = probability(logits, 1, bias)
        return float(p_ai[is_ai].mean() + p_ai[~is_ai].mean()) - 1

    widest = float(np.abs(logits).max()) + 1
    return float(brentq(excess, -widest, widest))


def read_bias(file: Path) -> dict[str, Any]:
    """What train.tools.held_out_bias wrote. Raises TrainError for another file."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return {name: kind(found[name]) for name, kind in BIAS.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise TrainError(f"{file}: not a file of train.tools.held_out_bias ({error!r})") from None


def probability(logits: Floats, temperature: float, bias: float) -> Floats:
    """(N,) raw logits -> (N,) calibrated p, the sigmoid of their log-odds."""
    p: Floats = np.exp(-np.logaddexp(0, -log_odds(logits, temperature, bias)))  # without overflow
    return p


def threshold_for(share: float, real: Floats, weights: Floats, copies: int = 1) -> float:
    """The lowest p that calls at most `share` of the real photographs "ai", interval included.

    `real` (N,) float p of the photographs, `weights` (N,) float what each counts, `copies` how many corruptions each
    photograph is seen under. Where there are too few photographs to show that (fewer than about 2.6 / share), the
    bound on the interval is dropped: the measured interval in the card says what the threshold is worth.
    """
    order = np.argsort(-real)
    reached = np.cumsum(weights[order]) / weights.sum()
    count, bound = effective_count(weights, copies), UPPER_BOUND * share
    fits = reached <= share
    if wilson(0, count)[1] <= bound:
        fits &= np.array([wilson(part * count, count)[1] <= bound for part in reached])
    return float(np.nextafter(real[order][min(int(fits.sum()), len(real) - 1)], 2.0))


def effective_count(weights: Floats, copies: int = 1) -> float:
    """How many evenly weighted photographs tell as much: (sum of w)^2 / sum of w^2 (Kish 1965), over the `copies`.

    A photograph that is seen again after JPEG tells little that is new, so its copies count as one.
    """
    return float(weights.sum() ** 2 / (weights**2).sum() / copies)


def no_sign_threshold(share: float, ai: Floats, weights: Floats, origins: Sequence[str]) -> float:
    """The highest p below which lies at most `share` of the AI images in each of PARTS parts of their sources.

    New sources are unlike the known ones, so it is not enough that the mean over all of them keeps the promise: the
    parts say how far a set of other sources may be from it. Sources are dealt out by size, largest first.

    Args:
        share: of the AI images that may be called "no sign".
        ai: (N,) p of the AI images.
        weights: (N,) what each counts.
        origins: (N,) source of each.
    """
    sources = [origin for origin, _ in Counter(origins).most_common()]
    part_of = {source: place % PARTS for place, source in enumerate(sources)}
    parts = np.array([part_of[origin] for origin in origins])
    return min(weighted_quantile(share, ai[parts == part], weights[parts == part]) for part in set(part_of.values()))


def weighted_quantile(share: float, values: Floats, weights: Floats) -> float:
    """The highest of `values` (N,) below which lies at most `share` of the `weights` (N,)."""
    order = np.argsort(values)
    ordered = values[order]
    below = np.concatenate([[0.0], np.cumsum(weights[order])])[np.searchsorted(ordered, ordered)] / weights.sum()
    return float(ordered[below <= share + 1e-12].max())


def operating_points(
    p_ai: Floats, is_ai: Truth, weights: Floats, origins: Sequence[str], copies: int = 1
) -> dict[str, dict[str, Any]]:
    """The card's operating points, with what they cost on these images.

    `p_ai` (N,), `is_ai` (N,) bool, `weights` (N,) what each image counts, so that no large source sets a threshold for
    all, `origins` (N,) its source, `copies` how many corruptions each is seen under. For the recall, AI images count
    evenly.
    """
    real, ai, counts = p_ai[~is_ai], p_ai[is_ai], weights[~is_ai]
    effective = effective_count(counts, copies)
    of_ai = [origin for origin, own in zip(origins, is_ai, strict=True) if own]
    no_sign_below = no_sign_threshold(MISS_RATE, ai, weights[is_ai], of_ai)
    thresholds = {name: threshold_for(share, real, counts, copies) for name, share in OPERATING_POINTS.items()}
    points = {}
    for name, threshold in (thresholds | {"balanced": 0.5}).items():
        wrong = float(counts[real >= threshold].sum() / counts.sum())
        points[name] = {
            "threshold": threshold,
            # "balanced" always decides.
            "no_sign_below": threshold if name == "balanced" else min(no_sign_below, threshold),
            "fpr": wrong,
            "fpr_upper": wilson(wrong * effective, effective)[1],
            "recall": float(np.mean(ai >= threshold)),
            "n_real": len(real) // copies,
            "n_ai": len(ai) // copies,
        }
    return points
