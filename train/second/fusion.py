"""Two logits -> one: weights that are learnt on val, judged on owners that they were not learnt on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from fauxto.evaluate.dataset import LabelledImage
from fauxto.second_opinion.fusion import Weights
from fauxto.second_opinion.head import Head
from train.errors import TrainError
from train.measure import Measured
from train.sampling import sampling_weights
from train.second.corpus import Floats, Judged
from train.second.head import Fold, folds_of, truth


@dataclass(frozen=True)
class Answers:
    """What both networks and their fusion say of pictures under one condition.

    Attributes:
        pictures: the N pictures.
        pixels: (N,) the first network's calibrated log-odds.
        scene: (N,) the head's logits.
        fused: (N,) fused logits, by the weights that the model gets.
        unseen: (N,) fused log-odds by weights that were fitted on other owners: what the fusion is judged by.
    """

    pictures: Sequence[LabelledImage]
    pixels: Floats
    scene: Floats
    fused: Floats
    unseen: Floats

    @property
    def measured(self) -> Measured:
        """The fused logits, as the calibration takes them."""
        return Measured(self.fused, self.pictures)

    @property
    def gap(self) -> Floats:
        """(N,) how far the networks disagree."""
        return self.pixels - self.scene


def fit_fusion(inputs: Floats, pictures: Sequence[LabelledImage], copies: int) -> tuple[Weights, float]:
    """The weights, and the constant that makes the sum log-odds.

    Sources and generators weigh as in training, both classes the same. A weight that comes out negative is 0, and the
    other is fitted alone: the best that there is under that limit.

    Args:
        inputs: (copies * N, 2) log-odds and logits, condition after condition.
        pictures: the N pictures.
        copies: the number of conditions.

    Raises:
        TrainError: neither network tells the classes apart.
    """
    weights, is_ai = np.tile(sampling_weights(pictures).numpy(), copies), np.tile(truth(pictures), copies)
    weights *= len(weights) / weights.sum()
    used = [0, 1]
    while used:
        regression = LogisticRegression(C=1e6).fit(inputs[:, used], is_ai, sample_weight=weights)
        found = dict(zip(used, regression.coef_[0].tolist(), strict=True))
        if min(found.values()) >= 0:
            return Weights(found.get(0, 0.0), found.get(1, 0.0)), float(regression.intercept_[0])
        used.remove(min(found, key=lambda number: found[number]))
    raise TrainError("neither network tells val's classes apart; are CORPUS and the embeddings of the same pictures?")


def fuse(judged: Judged, head: Head) -> tuple[Weights, dict[str, Answers]]:
    """Learn the weights on all conditions together. Raises TrainError for too few owners."""
    scene = {name: head.logits(embedding) for name, embedding in judged.embedding.items()}
    weights, _ = fit_fusion(_inputs(judged.pixels, scene), judged.pictures, len(scene))
    unseen = cross_fitted(judged.pixels, scene, judged.pictures, folds_of(judged.pictures, judged.owners))
    answers = {
        name: Answers(judged.pictures, pixels, scene[name], weights.fuse(pixels, scene[name]), unseen[name])
        for name, pixels in judged.pixels.items()
    }
    return weights, answers


def cross_fitted(
    pixels: Mapping[str, Floats],
    scene: Mapping[str, Floats],
    pictures: Sequence[LabelledImage],
    folds: Sequence[Fold],
) -> dict[str, Floats]:
    """(N,) fused log-odds under each condition, each picture's by weights that were fitted on other folds."""
    found = {name: np.empty(len(pictures)) for name in pixels}
    for learnt, judge in folds:
        parts = [{name: values[learnt] for name, values in each.items()} for each in (pixels, scene)]
        weights, constant = fit_fusion(_inputs(*parts), [pictures[i] for i in learnt], len(found))
        for name, values in found.items():
            values[judge] = weights.fuse(pixels[name][judge], scene[name][judge]) + constant
    return found


def _inputs(pixels: Mapping[str, Floats], scene: Mapping[str, Floats]) -> Floats:
    """(conditions * N, 2), condition after condition."""
    return np.column_stack([np.concatenate([each[name] for name in pixels]) for each in (pixels, scene)])
