"""Does a provider answer rightly, and how fast: the golden pictures, and a race against the CPU."""

from __future__ import annotations

import time

import numpy as np

from fauxto.card import Card
from fauxto.golden import golden_picture
from fauxto.image import load
from fauxto.preprocess import Preprocessing, pool, prepare
from fauxto.session import Floats, Runner

BOUND = 0.02
"""How much farther from the golden logits than the CPU, with the same file, a provider may be. TF32 and half
precision stay under it; what has been seen of broken providers is off by whole units."""

ROUNDS = 7
"""Runs of each side in a race."""


def golden_views(rule: Preprocessing, card: Card) -> list[Floats]:
    """The views of each golden picture in the card, (V, 3, S, S) float32."""
    return [prepare(load(golden_picture(int(entry["picture"]))), rule) for entry in card.golden]


def difference(runner: Runner, card: Card, views: list[Floats]) -> float:
    """Max |Δlogit| against the card's golden logits; infinite where an answer is no number."""
    worst = 0.0
    for entry, own in zip(card.golden, views, strict=True):
        logit = float(pool(runner.run(own)[None], card.preprocessing)[0])
        worst = max(worst, abs(logit - entry["logit"]) if np.isfinite(logit) else np.inf)
    return worst


def race(runners: list[Runner], views: Floats, rounds: int = ROUNDS) -> list[float]:
    """Median seconds that each runner takes for one picture's `views`, turn by turn after a warm-up."""
    times: list[list[float]] = [[] for _ in runners]
    for turn in range(rounds + 1):
        for runner, own in zip(runners, times, strict=True):
            started = time.perf_counter()
            runner.run(views)
            if turn:
                own.append(time.perf_counter() - started)
    return [float(np.median(own)) for own in times]
