"""Which head: linear ones of several strengths and a small network, judged on owners that they did not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fauxto.second_opinion.head import Head
from train.second.corpus import Floats, Places, Views
from train.second.head import fit_linear, folds_of, lesson, weighted_auc
from train.second.network import MEMBERS, UNITS, fit_network

STRENGTHS = {f"linear, C {strength:g}": strength for strength in (1.0, 3.0, 10.0, 30.0, 100.0)}
"""Logistic regression on embeddings of unit length, weights of mean 1: the smaller C, the flatter the head."""

NETWORK = f"{MEMBERS} networks of {UNITS} units"


@dataclass(frozen=True)
class Choice:
    """What the folds say.

    Attributes:
        name: of the head that is taken: a key of STRENGTHS, or NETWORK.
        areas: name -> (F,) AUC on the owners that each fold left out, each source by its weight; not a number for a
            fold that left out one class alone.
        logits: (P,) of every picture, clean or as its first view is, by the head that did not see its owner.
    """

    name: str
    areas: Mapping[str, Floats]
    logits: Floats

    @property
    def best_linear(self) -> str:
        """The name of the linear head that did best."""
        return max(STRENGTHS, key=lambda name: float(np.nanmean(self.areas[name])))

    def fit(self, views: Views) -> Head:
        """The head that is taken, on all pictures."""
        return fit_one(self.name, views, np.arange(len(views.pictures)))


def fit_one(name: str, views: Views, chosen: Places) -> Head:
    """The head of that name, on the views of the `chosen` pictures."""
    data = lesson(views, chosen)
    return fit_network(data) if name == NETWORK else fit_linear(data, [STRENGTHS[name]])[0]


def choose(views: Views) -> Choice:
    """The best linear head, or the network where that is better by more than a standard error over the folds.

    Raises:
        TrainError: there are too few owners.
    """
    _, first_view = np.unique(views.picture, return_index=True)
    logits = {name: np.full(len(views.pictures), np.nan) for name in (*STRENGTHS, NETWORK)}
    areas: dict[str, list[float]] = {name: [] for name in logits}
    for learnt, judge in folds_of(views.pictures, views.owners):
        data = lesson(views, learnt)
        heads = dict(zip(STRENGTHS, fit_linear(data, list(STRENGTHS.values())), strict=True))
        for name, head in (heads | {NETWORK: fit_network(data)}).items():
            logits[name][judge] = head.logits(views.embedding[first_view[judge]])
            areas[name].append(weighted_auc(logits[name][judge], [views.pictures[i] for i in judge]))
    found = Choice(NETWORK, {name: np.array(values) for name, values in areas.items()}, logits[NETWORK])
    gain, error = difference(found.areas[NETWORK], found.areas[found.best_linear])
    return found if gain > error else replace(found, name=found.best_linear, logits=logits[found.best_linear])


def difference(areas: Floats, others: Floats) -> tuple[float, float]:
    """Mean over the folds of `areas` less `others`, and its standard error; 0 where there is one fold."""
    gains = (areas - others)[np.isfinite(areas)]
    return float(gains.mean()), float(gains.std(ddof=1) / len(gains) ** 0.5) if len(gains) > 1 else 0.0
