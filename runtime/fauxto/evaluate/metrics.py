"""The figures of a detector on labelled pictures, each with its interval. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss

from fauxto.evaluate.records import Called, Figures, Generator, PointFigures, Rates, Separation, Within
from fauxto.evaluate.words import words
from fauxto.model.card import OperatingPoint

Truth = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]

Z95 = 1.959963984540054
RESAMPLES = 500
UNNAMED = "(unnamed)"  # the group of pictures whose source or generator is not known


def wilson(count: float, total: float) -> tuple[float, float]:
    """95 % interval of a share `count` / `total` (Wilson 1927); (0, 1) where total is 0."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = count / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def exact_interval(count: int, total: int) -> tuple[float, float]:
    """Two-sided 95 % interval of a share `count` / `total` (Clopper and Pearson 1934); (0, 1) where total is 0."""
    low = float(betaincinv(count, total - count + 1, 0.025)) if count else 0.0
    return low, float(betaincinv(count + 1, total - count, 0.975)) if count < total else 1.0


def exact_upper(count: int, total: int) -> float:
    """One-sided 95 % upper bound of a share `count` / `total` (Clopper and Pearson 1934).

    It is also the bound of the share that lies above the (count + 1)th largest of `total` independent draws, whatever
    their distribution is (Wilks 1941): so a threshold may be set by the same draws that prove it.
    """
    return float(betaincinv(count + 1, total - count, 0.95)) if count < total else 1.0


def auc(is_ai: Truth, p_ai: Scores) -> float:
    """Area under the ROC curve: how often an AI picture scores above a real one, a tie counting half.

    By the ranks' sum (Mann and Whitney 1947), as the intervals need it hundreds of times.
    """
    _, place, counts = np.unique(p_ai, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    n_ai, n_real = int(is_ai.sum()), int((~is_ai).sum())
    return float((ranks[place][is_ai].sum() - n_ai * (n_ai + 1) / 2) / (n_ai * n_real))


def auc_interval(area: float, n_ai: int, n_real: int) -> tuple[float, float]:
    """95 % interval of an AUC as if all pictures were independent (Hanley and McNeil 1982)."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n_ai - 1) * (q1 - area**2) + (n_real - 1) * (q2 - area**2)
    half = Z95 * (max(0.0, variance) / (n_ai * n_real)) ** 0.5
    return max(0.0, area - half), min(1.0, area + half)


def separation(is_ai: Truth, p_ai: Scores) -> Separation:
    """N of both classes, and the AUC with its interval as if all pictures were independent."""
    n_ai, n_real, area = int(is_ai.sum()), int((~is_ai).sum()), auc(is_ai, p_ai)
    return {"n_ai": n_ai, "n_real": n_real, "auc": area, "auc_interval": auc_interval(area, n_ai, n_real)}


def clustered_interval(
    statistic: Callable[[Truth, Scores], float], is_ai: Truth, p_ai: Scores, sources: Sequence[str], seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of `statistic` over whole sources, class by class.

    Pictures of one source resemble each other, so that sources are drawn, not pictures: the interval
    says how far other sources might lie, which is the question. (Cameron et al. 2008)
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(sources, dtype=object)
    clusters = [[np.flatnonzero(own & (names == name)) for name in sorted(set(names[own]))] for own in (is_ai, ~is_ai)]
    values = []
    for _ in range(RESAMPLES):
        drawn = [side[i] for side in clusters for i in rng.integers(len(side), size=len(side))]
        rows = np.concatenate(drawn)
        values.append(statistic(is_ai[rows], p_ai[rows]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def expected_calibration_error(is_ai: Truth, p_ai: Scores, bins: int = 15) -> float:
    """Mean |share of AI - mean p| over `bins` even bins, weighted by their pictures (Naeini et al. 2015).

    Both classes weigh the same, as the probability is meant: as if half of the pictures were AI.
    """
    return float(sum(share * abs(mean_p - ai) for mean_p, ai, share in reliability(is_ai, p_ai, bins)))


def reliability(is_ai: Truth, p_ai: Scores, bins: int) -> list[tuple[float, float, float]]:
    """(mean p, share of AI, share of all) of each of `bins` even bins with pictures, both classes weighing the same.

    The points of a reliability diagram (Niculescu-Mizil and Caruana 2005).
    """
    weights = np.where(is_ai, 0.5 / is_ai.sum(), 0.5 / (~is_ai).sum())
    which = np.minimum((p_ai * bins).astype(int), bins - 1)
    masses = [weights * (which == number) for number in range(bins)]
    return [
        (float(mass @ p_ai / mass.sum()), float(mass @ is_ai / mass.sum()), float(mass.sum()))
        for mass in masses
        if mass.any()
    ]


def recall_at(is_ai: Truth, p_ai: Scores, fpr: float) -> float:
    """Share of AI pictures above the score that at most `fpr` of the real ones exceed."""
    real = np.sort(p_ai[~is_ai])[::-1]
    bar = real[min(len(real) - 1, int(fpr * len(real)))]
    return float(np.mean(p_ai[is_ai] > bar))


def rates(is_ai: Truth, called_ai: Truth, called_no_sign: Truth) -> Rates:
    """Shares of both classes that are called "ai" and "no_sign"; both classes must be there. All (N,) bool."""
    n_ai, n_real = int(is_ai.sum()), int((~is_ai).sum())
    wrong, right = int((called_ai & ~is_ai).sum()), int((called_ai & is_ai).sum())
    missed, passed = int((called_no_sign & is_ai).sum()), int((called_no_sign & ~is_ai).sum())
    return {
        "fpr": wrong / n_real,
        "fpr_interval": wilson(wrong, n_real),
        "recall": right / n_ai,
        "recall_interval": wilson(right, n_ai),
        "ai_called_no_sign": missed / n_ai,
        "ai_called_no_sign_interval": wilson(missed, n_ai),
        "real_called_no_sign": passed / n_real,
    }


def figures(
    is_ai: Truth,
    p_ai: Scores,
    points: Sequence[OperatingPoint],
    sources: Sequence[str] | None = None,
    forced: Truth | None = None,
) -> Figures:
    """All figures of one set under one condition.

    Args:
        is_ai: (N,) bool, the truth; both classes must be there.
        p_ai: (N,) float64, calibrated.
        points: the operating points to give figures for.
        sources: (N,) where each picture is from, for the interval of the AUC; without it, pictures count
            as independent.
        forced: (N,) bool, pictures that are "unsure" whatever their score: the small ones, and those that a second
            opinion disagrees about.
    """
    separated = separation(is_ai, p_ai)
    if sources:
        separated["auc_interval"] = clustered_interval(auc, is_ai, p_ai, sources)
    balance = np.where(is_ai, 0.5 / is_ai.sum(), 0.5 / (~is_ai).sum())  # both classes weigh the same
    return {
        **separated,
        "average_precision": float(average_precision_score(is_ai, p_ai)),
        "recall_at_fpr1": recall_at(is_ai, p_ai, 0.01),
        "recall_at_fpr5": recall_at(is_ai, p_ai, 0.05),
        "ece": expected_calibration_error(is_ai, p_ai),
        "brier": float(brier_score_loss(is_ai, p_ai, sample_weight=balance)),
        "operating_points": {point.name: _at(is_ai, p_ai, point, forced) for point in points},
    }


def _at(is_ai: Truth, p_ai: Scores, point: OperatingPoint, forced: Truth | None) -> PointFigures:
    """What one operating point makes of the scores. The balanced accuracy is of the scores alone."""
    free = np.ones_like(is_ai) if forced is None else ~forced
    called_ai, called_no_sign = free & (p_ai >= point.threshold), free & (p_ai < point.no_sign_below)
    decided = called_ai | called_no_sign
    called = {"ai": called_ai, "unsure": ~decided, "no_sign": called_no_sign}
    confusion = {
        truth: {word: int((own & rows).sum()) for word, rows in called.items()}
        for truth, own in (("ai", is_ai), ("real", ~is_ai))
    }
    return {
        **rates(is_ai, called_ai, called_no_sign),
        "balanced_accuracy": float(balanced_accuracy_score(is_ai, p_ai >= point.threshold)),
        "coverage": float(np.mean(decided)),
        "selective_accuracy": float(np.mean((called_ai == is_ai)[decided])) if decided.any() else None,
        "confusion": confusion,
        "words": words(confusion),
    }


def by_generator(
    is_ai: Truth, p_ai: Scores, called_ai: Truth, generators: Sequence[str], seen: frozenset[str] | None
) -> dict[str, Generator]:
    """Each generator's pictures against all real ones: AUC, and the share called "ai".

    `seen` holds the names of the generators of the training pictures, None where the card does not say. Names are
    compared, nothing more: one generator under two names counts as two.
    """
    result: dict[str, Generator] = {}
    for name, rows in _rows(generators, is_ai).items():
        against = np.concatenate([rows, np.flatnonzero(~is_ai)])
        found = separation(is_ai[against], p_ai[against])
        result[name] = {
            **_called(called_ai[rows]),
            "auc": found["auc"],
            "auc_interval": found["auc_interval"],
            "seen": None if seen is None else name in seen,
        }
    return result


def by_source(is_ai: Truth, called_ai: Truth, sources: Sequence[str]) -> dict[str, Called]:
    """The share of each real source's photographs that is called "ai"."""
    return {name: _called(called_ai[rows]) for name, rows in _rows(sources, ~is_ai).items()}


def by_source_of_both(is_ai: Truth, p_ai: Scores, sources: Sequence[str]) -> dict[str, Within]:
    """Each source of both classes by itself: its AI pictures against its own photographs; "n" is the smaller class.

    The site, its encoder and its taste are the same for both classes there, so that no trait of a source helps.
    """
    result: dict[str, Within] = {}
    photographs = _rows(sources, ~is_ai)
    for name, rows in _rows(sources, is_ai).items():
        if name != UNNAMED and name in photographs:
            both = np.concatenate([rows, photographs[name]])
            found = separation(is_ai[both], p_ai[both])
            result[name] = {"n": min(found["n_ai"], found["n_real"]), **found}
    return result


def extremes(groups: Mapping[str, Mapping[str, Any]], key: str, least: int) -> dict[str, Any]:
    """Mean, smallest and largest `key` over the groups of at least `least` pictures, each counting once.

    The mean's 95 % interval comes from drawing groups anew; None for a single one.
    """
    large = {name: group for name, group in groups.items() if group["n"] >= least}
    if not large:
        return {"groups": 0, "least_n": least}
    order = sorted(large, key=lambda name: large[name][key])
    values = np.array([large[name][key] for name in order])
    drawn = values[np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {
        "groups": len(large),
        "least_n": least,
        "mean": float(values.mean()),
        "mean_interval": (float(low), float(high)) if len(values) > 1 else None,
        "smallest": {"name": order[0]} | dict(large[order[0]]),
        "largest": {"name": order[-1]} | dict(large[order[-1]]),
    }


def _called(called_ai: Truth) -> Called:
    """N of a group, and the share of it that is called "ai"."""
    n, called = len(called_ai), int(called_ai.sum())
    return {"n": n, "called_ai": called / n, "interval": wilson(called, n)}


def _rows(names: Sequence[str], own: Truth) -> dict[str, npt.NDArray[np.intp]]:
    """{name: the rows of `own` that bear it}, largest first."""
    every = np.asarray([name or UNNAMED for name in names], dtype=object)
    rows = {name: np.flatnonzero(own & (every == name)) for name in set(every[own])}
    return dict(sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])))
