"""The head: logistic regression on embeddings, as strong as owners that it did not see say.

An embedding knows the subject, and subjects differ between sources: folds over pictures would choose a head that knows
its sources by heart. So the folds are of whole owners, both classes of a site together.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # scikit-learn needs it itself

from fauxto.evaluate.dataset import LabelledImage
from train.errors import TrainError
from train.sampling import sampling_weights
from train.second.corpus import Floats, Places, Singles, Views

FOLDS = 5
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""C of the logistic regression on embeddings of unit length, weights of mean 1: the smaller, the flatter the head."""

Fold = tuple[Places, Places]
"""Pictures to fit on, and pictures of other owners to judge on."""


@dataclass(frozen=True)
class Head:
    """logit = embedding @ weight + bias.

    Attributes:
        weight: (512,) float32.
        bias: of the logit.
    """

    weight: Singles
    bias: float

    def logits(self, embedding: Singles) -> Floats:
        """(N, 512) of unit length -> (N,) float64, positive for "ai"."""
        return (embedding @ self.weight).astype(np.float64) + self.bias

    def file(self) -> bytes:
        """What head.npz holds."""
        buffer = io.BytesIO()
        np.savez(buffer, weight=self.weight, bias=np.float32(self.bias))
        return buffer.getvalue()


@dataclass(frozen=True)
class Choice:
    """What the folds say.

    Attributes:
        strength: the C that did best.
        areas: C -> (F,) AUC on the owners that each fold left out, each source by its weight; not a number for a fold
            that left out one class alone.
        logits: (P,) of every picture, clean or as its first view is, by the head that did not see its owner; at the
            chosen C.
    """

    strength: float
    areas: Mapping[float, Floats]
    logits: Floats


def folds_of(pictures: Sequence[LabelledImage], owners: Sequence[str]) -> list[Fold]:
    """Folds of whole owners, alike in size and share of AI. Raises TrainError for fewer than two owners a class."""
    is_ai = truth(pictures)
    fewest = min(len({owner for owner, ai in zip(owners, is_ai, strict=True) if ai == kind}) for kind in (True, False))
    if fewest < 2:
        raise TrainError("each class needs pictures of two owners or more, to judge on owners that were not learnt")
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    return list(folds.split(is_ai, is_ai, owners))


def truth(pictures: Sequence[LabelledImage]) -> npt.NDArray[np.bool_]:
    """(N,) whether each is an AI picture."""
    return np.array([image.is_ai for image in pictures], bool)


def weighted_auc(logits: Floats, pictures: Sequence[LabelledImage]) -> float:
    """AUC with sources and generators weighing as in training, so that no large source decides.

    Not a number where a class is missing.
    """
    if len({image.is_ai for image in pictures}) < 2:
        return math.nan
    return float(roc_auc_score(truth(pictures), logits, sample_weight=sampling_weights(pictures).numpy()))


def fit(views: Views, chosen: Places, strengths: Sequence[float]) -> list[Head]:
    """A head for each C, on the views of the `chosen` pictures; a picture's views share its weight."""
    among = np.isin(views.picture, chosen)
    picture, embedding = views.picture[among], views.embedding[among]
    weights = np.zeros(len(views.pictures))
    weights[chosen] = sampling_weights([views.pictures[i] for i in chosen]).numpy()
    of_view = (weights / np.maximum(1, np.bincount(picture, minlength=len(weights))))[picture]
    of_view *= len(of_view) / of_view.sum()
    is_ai = truth(views.pictures)[picture]
    # Each C begins where the one before it ended, which saves half of the time. Embeddings are small numbers, and their
    # gradients too: the default tolerance would stop the larger ones where they begin.
    regression = LogisticRegression(warm_start=True, max_iter=1000, tol=1e-5)
    heads = []
    with threadpool_limits(1):  # on a busy machine threads wait for each other at every step
        for strength in strengths:
            regression.set_params(C=strength).fit(embedding, is_ai, sample_weight=of_view)
            heads.append(Head(regression.coef_[0].astype(np.float32), float(regression.intercept_[0])))
    return heads


def choose(views: Views) -> Choice:
    """The C whose heads are best on owners that they did not see. Raises TrainError for too few owners."""
    _, first_view = np.unique(views.picture, return_index=True)
    logits = {strength: np.full(len(views.pictures), np.nan) for strength in STRENGTHS}
    areas: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    for learnt, judge in folds_of(views.pictures, views.owners):
        for strength, head in zip(STRENGTHS, fit(views, learnt, STRENGTHS), strict=True):
            logits[strength][judge] = head.logits(views.embedding[first_view[judge]])
            areas[strength].append(weighted_auc(logits[strength][judge], [views.pictures[i] for i in judge]))
    best = max(STRENGTHS, key=lambda strength: np.nanmean(areas[strength]))
    return Choice(best, {strength: np.array(found) for strength, found in areas.items()}, logits[best])
