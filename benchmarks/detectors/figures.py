"""What a comparison records: accuracy on the pictures that every detector can read, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from fauxto.evaluate import metrics
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.records import Interval
from fauxto.system import Machine

SCHEMA = 1
"""Version of Comparison."""


class Answer(TypedDict, total=False):
    """A detector's answer for one picture, as its worker gives it; only `error` where it cannot be read."""

    error: str
    score: float
    is_ai: bool
    wall_s: float
    cpu_s: float
    peak_memory_mb: float | None


class Row(TypedDict):
    """One detector.

    Attributes:
        name, version: of it.
        unreadable: how many of all pictures it could not read.
        n_ai, n_real, auc, auc_interval: on the common pictures; the 95 % interval draws whole sources anew.
        recall_at_fpr1, recall_at_fpr5: share of AI pictures above the score that 1 or 5 % of the photographs exceed.
        threshold: its own; fpr, recall: what that gives, with 95 % intervals.
        ms, cpu_ms: median of file to answer, and of processor time over all threads.
        times_ours: median, and quartiles, of its time over ours for the same picture.
        files_mb: of model files, 10^6 bytes; peak_memory_mb: of its process, MiB; start_s: until it is ready.
    """

    name: str
    version: str
    unreadable: int
    n_ai: int
    n_real: int
    auc: float
    auc_interval: Interval
    recall_at_fpr1: float
    recall_at_fpr5: float
    threshold: float
    fpr: float
    fpr_interval: Interval
    recall: float
    recall_interval: Interval
    ms: float
    cpu_ms: float
    times_ours: tuple[float, float, float]
    files_mb: float
    peak_memory_mb: float | None
    start_s: float


class Comparison(TypedDict):
    """A whole comparison. `skipped` has the reason for each detector that was left out."""

    schema: int
    folder: str
    sample: int | None
    seed: int
    machine: Machine
    pictures: int
    common: int
    rows: list[Row]
    skipped: dict[str, str]


def row(
    name: str,
    hello: Mapping[str, Any],
    answers: Mapping[LabelledImage, Answer],
    common: Sequence[LabelledImage],
    ours: Mapping[LabelledImage, Answer],
) -> Row:
    """A detector's row. `common`: the pictures that count, of both classes; `ours`: our answers for them."""
    told = [answers[picture] for picture in common]
    is_ai = np.array([picture.is_ai for picture in common])
    scores = np.array([answer["score"] for answer in told], float)
    called = np.array([answer["is_ai"] for answer in told])
    wall, cpu = np.array([(answer["wall_s"], answer["cpu_s"]) for answer in told], np.float64).T
    own = np.array([ours[picture]["wall_s"] for picture in common], np.float64)
    separated = metrics.separation(is_ai, scores)
    rates = metrics.rates(is_ai, called, ~called)
    low, middle, high = np.percentile(wall / own, [25, 50, 75])
    peaks = [peak for answer in told if (peak := answer["peak_memory_mb"]) is not None]
    return {
        "name": name,
        "version": hello["version"],
        "unreadable": sum("error" in answer for answer in answers.values()),
        "n_ai": separated["n_ai"],
        "n_real": separated["n_real"],
        "auc": separated["auc"],
        "auc_interval": metrics.clustered_interval(metrics.auc, is_ai, scores, [picture.origin for picture in common]),
        "recall_at_fpr1": metrics.recall_at(is_ai, scores, 0.01),
        "recall_at_fpr5": metrics.recall_at(is_ai, scores, 0.05),
        "threshold": hello["threshold"],
        "fpr": rates["fpr"],
        "fpr_interval": rates["fpr_interval"],
        "recall": rates["recall"],
        "recall_interval": rates["recall_interval"],
        "ms": 1000 * float(np.median(wall)),
        "cpu_ms": 1000 * float(np.median(cpu)),
        "times_ours": (float(middle), float(low), float(high)),
        "files_mb": hello["files_mb"],
        "peak_memory_mb": max(peaks, default=None),
        "start_s": hello["start_s"],
    }
