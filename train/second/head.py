"""What heads are fitted on and judged by, and the linear one.

An embedding knows the subject, and subjects differ between sources: folds over pictures would choose a head that knows
its sources by heart. So the folds are of whole owners, both classes of a site together.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # scikit-learn needs it itself

from fauxto.evaluate.dataset import LabelledImage
from fauxto.second_opinion.head import NAMES, Head
from train.errors import TrainError
from train.sampling import sampling_weights
from train.second.corpus import Floats, Places, Singles, Views

FOLDS = 5

Fold = tuple[Places, Places]
"""Pictures to fit on, and pictures of other owners to judge on."""


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


@dataclass(frozen=True)
class Lesson:
    """What a head is fitted on: views, with what each counts.

    Attributes:
        embedding: (N, 512) float32.
        is_ai: (N,) bool.
        weights: (N,) float64, of mean 1.
    """

    embedding: Singles
    is_ai: npt.NDArray[np.bool_]
    weights: Floats


def lesson(views: Views, chosen: Places) -> Lesson:
    """The views of the `chosen` pictures; sources and generators weigh as in training, a picture's views share."""
    among = np.isin(views.picture, chosen)
    picture = views.picture[among]
    weights = np.zeros(len(views.pictures))
    weights[chosen] = sampling_weights([views.pictures[i] for i in chosen]).numpy()
    of_view = (weights / np.maximum(1, np.bincount(picture, minlength=len(weights))))[picture]
    return Lesson(views.embedding[among], truth(views.pictures)[picture], of_view * len(of_view) / of_view.sum())


def fit_linear(data: Lesson, strengths: Sequence[float]) -> list[Head]:
    """Logistic regression, a head for each C."""
    # Each C begins where the one before it ended, which saves half of the time. Embeddings are small numbers, and their
    # gradients too: the default tolerance would stop the larger ones where they begin.
    regression = LogisticRegression(warm_start=True, max_iter=1000, tol=1e-5)
    heads = []
    with threadpool_limits(1):  # on a busy machine threads wait for each other at every step
        for strength in strengths:
            regression.set_params(C=strength).fit(data.embedding, data.is_ai, sample_weight=data.weights)
            heads.append(Head(regression.coef_[0].astype(np.float64), float(regression.intercept_[0])))
    return heads


def content(head: Head) -> bytes:
    """What the head's file holds, in float32."""
    values = (head.weight, head.bias, *(head.hidden or ()))
    arrays: dict[str, Any] = {name: np.float32(value) for name, value in zip(NAMES, values, strict=False)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
