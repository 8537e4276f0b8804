"""A threshold of one's own: few of the photographs of an archive are called "ai", with a bound that statistics give.

    found = calibrate(Plan(folder=Path("archive")))
    found.save("press")
    Detector(operating_point="press")

Needs the extra [eval]. The threshold lies just above the (k + 1)th highest score of n photographs, where k is the
largest number for which `metrics.exact_upper(k, n)` is at most the rate that was asked for. Photographs that show one
shot (see fauxto.evaluate.duplicates) count once, by what speaks against us: of photographs the highest score, of AI
pictures the lowest.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.evaluate import metrics
from fauxto.evaluate.archive import Archive, Part, read_archive, search
from fauxto.evaluate.metrics import Scores
from fauxto.evaluate.records import Interval
from fauxto.inference.providers import ProviderLike
from fauxto.model import own_points
from fauxto.model.card import OperatingPoint
from fauxto.model.own_points import OwnPoint
from fauxto.verdict import probability
from fauxto.version import __version__

SCHEMA = 1
"""Version of Report."""

CONFIDENCE = 0.95
MARGIN = 0.01
"""Calibrated log-odds between the threshold and the score below it: providers differ by about as much."""
LEAST_P = 0.5
"""No threshold is lower: "strong signs of AI" is not said of what is rather a photograph."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to calibrate on, and with what.

    Attributes:
        folder: photographs; or, where it has a sub-folder real, those in there, and the AI pictures in ai.
        fpr: the largest share of photographs that may be called "ai", 0 < fpr < 1.
        model, provider, variant, second_opinion: as Detector takes them.
    """

    folder: Path
    fpr: float = 0.01
    model: str | os.PathLike[str] | None = None
    provider: ProviderLike | None = None
    variant: str | None = None
    second_opinion: bool | str | os.PathLike[str] = False


class Counts(TypedDict):
    """What became of one class's files; `counted` is the number of shots, each once."""

    files: int
    unreadable: int
    too_small: int
    counted: int


class PointFigures(TypedDict):
    """What a threshold makes of the archive: shares 0..1 with exact 95 % intervals; None without AI pictures."""

    threshold: float
    no_sign_below: float
    called_ai: int
    fpr: float
    fpr_interval: Interval
    recall: float | None
    recall_interval: Interval | None
    ai_called_no_sign: float | None
    ai_called_no_sign_interval: Interval | None


class Report(TypedDict):
    """A calibration, ready for JSON. `fpr_upper`: the bound that holds for `own`, with the confidence given.

    `released` is the card's default operating point, named by `released_name`, on the same pictures.
    """

    schema: int
    folder: str
    fauxto: str
    made: str
    model: str
    model_sha256: str
    variant: str
    provider: str
    asked_fpr: float
    confidence: float
    fpr_upper: float
    photographs: Counts
    ai_pictures: Counts | None
    own: PointFigures
    released_name: str
    released: PointFigures
    auc: float | None
    auc_interval: Interval | None
    unreadable: list[dict[str, str]]


@dataclass(frozen=True)
class Calibration:
    """What was found. `photographs` and `ai` are the calibrated probabilities of the shots, (N,) float64."""

    report: Report
    photographs: Scores
    ai: Scores
    detector: Detector

    def own_point(self, name: str) -> OwnPoint:
        """The threshold as an operating point of that name."""
        report, own = self.report, self.report["own"]
        return OwnPoint(
            point=OperatingPoint(
                name=name,
                threshold=own["threshold"],
                no_sign_below=own["no_sign_below"],
                fpr=own["fpr"],
                fpr_upper=report["fpr_upper"],
                recall=own["recall"],
                n_real=len(self.photographs),
                n_ai=len(self.ai),
            ),
            asked=report["asked_fpr"],
            model=report["model"],
            variant=report["variant"],
            model_sha256=report["model_sha256"],
            temperature=self.detector.card.temperature,
            bias=self.detector.card.bias,
            made=report["made"],
        )

    def save(self, target: str | os.PathLike[str]) -> Path:
        """Save the point by a name in the user's data folder, or as a file; one that is there is replaced.

        Returns:
            Where it lies.

        Raises:
            ModelError: the name is one of the card's, or no name.
            OutputError: it cannot be written.
        """
        path = own_points.place(target)
        own_points.save(self.own_point(own_points.name_of(target, self.detector.card)), path)
        return path


def calibrate(plan: Plan) -> Calibration:
    """Score the archive and set the threshold. Files that cannot be read are named on stderr and left out.

    Scores are kept in the cache folder, by what the model file, the picture's path, size and time are: the same
    archive, stopped or grown, is scored where it was not yet.

    Raises:
        FauxtoError: there are no photographs, or too few for what was asked for; the message says how many it takes
            and what can be promised instead.
    """
    found = search(plan.folder)
    _refuse_few(len(found.photographs), plan, "photographs")  # before the work, where it is known by then
    detector = Detector(plan.model, provider=plan.provider, variant=plan.variant, second_opinion=plan.second_opinion)
    archive = read_archive(detector, found)
    _refuse_few(len(archive.photographs.p_ai), plan, "photographs that can be judged, each shot counted once")
    return _figures(plan, detector, archive)


def least(fpr: float) -> int:
    """How many photographs it takes to promise a rate, if none of them lies above the threshold: about 3 / fpr."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-fpr))


def allowed(n: int, fpr: float) -> int | None:
    """How many of n photographs may lie above the threshold for the bound to be at most fpr; None: n is too few."""
    k = -1
    while metrics.exact_upper(k + 1, n) <= fpr:
        k += 1
    return None if k < 0 else k


def threshold(p_ai: Scores, k: int, floor: float) -> float:
    """The lowest p that at most k of the (N,) photographs reach, with MARGIN, and not under `floor`."""
    highest = float(np.sort(p_ai)[::-1][k])
    log_odds = math.inf if highest >= 1 else math.log(highest / (1 - highest)) if highest > 0 else -math.inf
    return max(probability(log_odds + MARGIN, 1.0, 0.0), floor)


def _refuse_few(n: int, plan: Plan, what: str) -> None:
    needed = least(plan.fpr)
    if n >= needed:
        return
    possible = math.ceil(1e4 * metrics.exact_upper(0, n)) / 1e4
    instead = f"; with {n}, --fpr {possible:g} can be promised" if n > 1 else ""
    raise FauxtoError(f"{plan.folder}: {n} {what}; {needed} are needed to promise {100 * plan.fpr:g} %{instead}")


def _figures(plan: Plan, detector: Detector, archive: Archive) -> Calibration:
    photographs, ai = archive.photographs.p_ai, archive.ai.p_ai
    released, n = detector.operating_point, len(photographs)
    k = allowed(n, plan.fpr)
    assert k is not None  # `_refuse_few` was passed
    own = threshold(photographs, k, max(LEAST_P, released.no_sign_below))
    truth, both = np.arange(n + len(ai)) >= n, np.concatenate([photographs, ai])
    separated = metrics.separation(truth, both) if len(ai) else None
    report: Report = {
        "schema": SCHEMA,
        "folder": str(plan.folder),
        "fauxto": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": detector.card.release,
        "model_sha256": detector.model_sha256,
        "variant": detector.variant,
        "provider": detector.provider,
        "asked_fpr": plan.fpr,
        "confidence": CONFIDENCE,
        "fpr_upper": metrics.exact_upper(k, n),
        "photographs": _counts(archive.photographs),
        "ai_pictures": _counts(archive.ai) if archive.ai.files else None,
        "own": _at(own, released.no_sign_below, photographs, ai),
        "released_name": released.name,
        "released": _at(released.threshold, released.no_sign_below, photographs, ai),
        "auc": separated["auc"] if separated else None,
        "auc_interval": separated["auc_interval"] if separated else None,
        "unreadable": [
            {"path": str(path), "error": error}
            for part in (archive.photographs, archive.ai)
            for path, error in part.unreadable
        ],
    }
    return Calibration(report, photographs, ai, detector)


def _counts(part: Part) -> Counts:
    return {
        "files": part.files,
        "unreadable": len(part.unreadable),
        "too_small": part.too_small,
        "counted": len(part.p_ai),
    }


def _at(bar: float, no_sign_below: float, photographs: Scores, ai: Scores) -> PointFigures:
    wrong, right, missed = (int(hits.sum()) for hits in (photographs >= bar, ai >= bar, ai < no_sign_below))
    n, n_ai = len(photographs), len(ai)
    shares: Sequence[Any] = (
        (right / n_ai, metrics.exact_interval(right, n_ai), missed / n_ai, metrics.exact_interval(missed, n_ai))
        if n_ai
        else (None,) * 4
    )
    return {
        "threshold": bar,
        "no_sign_below": no_sign_below,
        "called_ai": wrong,
        "fpr": wrong / n,
        "fpr_interval": metrics.exact_interval(wrong, n),
        "recall": shares[0],
        "recall_interval": shares[1],
        "ai_called_no_sign": shares[2],
        "ai_called_no_sign_interval": shares[3],
    }
