"""Does a session answer rightly, and how fast: the golden images, and timing against the CPU."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from fauxto.image.decode import load
from fauxto.image.preprocess import pool, prepare
from fauxto.image.synthetic import golden_image
from fauxto.inference.base import Floats, Session
from fauxto.model.card import Card

BOUND = 0.02
"""How much farther from the golden logits than the CPU, with the same file, a provider may be. TF32 and half
precision stay under it; what has been seen of broken providers is off by whole units."""

INT8_BOUND = 0.15
"""The same for a file that rounds after each layer, and so has golden logits of its own: a sum in another order can be
rounded the other way, and later layers carry it on. OpenVINO is 0.012 from onnxruntime on the golden pictures of a
network with int8 throughout, and up to 0.07 on 20 others."""

ROUNDS = 7
"""Runs of each side when two sessions are timed against each other."""


def golden_crops(card: Card) -> list[Floats]:
    """The crops of each golden image in the card, (V, 3, S, S) float32."""
    return [prepare(load(golden_image(int(entry["picture"]))), card.preprocessing) for entry in card.golden]


def difference(session: Session, card: Card, crops: Sequence[Floats]) -> float:
    """Max |Δlogit| against the card's golden logits; infinite where an answer is no number."""
    worst = 0.0
    for entry, own in zip(card.golden, crops, strict=True):
        logit = float(pool(session.run(own)[None], card.preprocessing)[0])
        worst = max(worst, abs(logit - entry["logit"]) if np.isfinite(logit) else np.inf)
    return worst


def seconds(sessions: Sequence[Session], crops: Floats, rounds: int = ROUNDS) -> list[float]:
    """Median seconds that each session takes for one image's `crops`, turn by turn after a warm-up."""
    times: list[list[float]] = [[] for _ in sessions]
    for turn in range(rounds + 1):
        for session, own in zip(sessions, times, strict=True):
            started = time.perf_counter()
            session.run(crops)
            if turn:
                own.append(time.perf_counter() - started)
    return [float(np.median(own)) for own in times]
