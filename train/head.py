"""The last layer, learnt anew on what the network makes of whole views as the runtime cuts them.

Training sees small crops and stops long before its last layer has settled; with the rest of the network held still
that layer is a logistic regression, and has one best answer. Kirichenko et al. 2023, "Last layer re-training is
sufficient for robustness to spurious correlations", did so with groups of even weight; here a group is a source and
a generator.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from fauxto.conditions import CONDITIONS
from fauxto.labelled import Picture
from train.config import Config
from train.data import even_subset
from train.measure import per_view

VIEWS = ((0.5, 0.5), (0.2, 0.8))  # of each picture: two see more than one, and four cost more than other pictures
INVERSE_PENALTY = 1.0  # of the regression on standardised features; train/README.md has what others gave


def relearn(model: nn.Module, config: Config, train: Sequence[Picture]) -> None:
    """Put another last layer into `model`, learnt from `config.head_pictures` training pictures of each class.

    A third of them is seen clean, a third as shared on the web, a third as shared often. None of them: no change.
    """
    if not config.head_pictures:
        return
    chosen = even_subset(train, config.head_pictures, config.seed)
    random.Random(config.seed).shuffle(chosen)
    rule = replace(config.preprocessing(), positions=VIEWS)
    features, pictures = [], []
    for number, (name, condition) in enumerate(CONDITIONS.items()):
        part = chosen[number :: len(CONDITIONS)]
        print(f"features of {len(part)} training pictures, {name}", file=sys.stderr)
        found, kept = per_view(
            model, pictures=part, rule=rule, condition=condition, workers=config.workers, output=pooled_features
        )
        features.append(found)
        pictures += kept
    weight, bias = fit_head(np.concatenate(features), pictures)
    with torch.no_grad():
        # The logit of "ai" is the difference of the two outputs.
        model.fc.weight.copy_(torch.from_numpy(np.stack([weight, -weight]) / 2))
        model.fc.bias.copy_(torch.tensor([bias, -bias]) / 2)


def pooled_features(model: nn.Module, views: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) views -> (N, 512), what the last layer reads."""
    read: list[torch.Tensor] = []
    hook = model.fc.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    model(views)
    hook.remove()
    return read[0]


def fit_head(features: np.ndarray, pictures: Sequence[Picture]) -> tuple[np.ndarray, float]:
    """The weights (512,) and bias that tell `features` (N, V, 512) of AI pictures from the others.

    Each class has the same weight in all, and in it each source and generator.
    """
    groups = [(picture.is_ai, picture.source, picture.generator) for picture in pictures]
    sizes, kinds = Counter(groups), Counter(is_ai for is_ai, *_ in set(groups))
    weights = np.array([1 / sizes[group] / kinds[group[0]] for group in groups])
    views = features.shape[1]
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1000))
    regression.fit(
        features.reshape(-1, features.shape[-1]),
        np.repeat([picture.is_ai for picture in pictures], views),
        logisticregression__sample_weight=np.repeat(weights / weights.mean(), views),
    )
    scaler, line = regression
    weight = line.coef_[0] / scaler.scale_
    return weight.astype(np.float32), float(line.intercept_[0] - weight @ scaler.mean_)
