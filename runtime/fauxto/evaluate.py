"""A labelled folder -> figures with their n and their interval. Needs the extra [eval] (scikit-learn).

Training's own report calls `figures` too: there is one way to measure.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, roc_auc_score

from fauxto.card import OperatingPoint
from fauxto.conditions import CONDITIONS, Condition
from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ImageError
from fauxto.image import load
from fauxto.labelled import LABELS, Picture, find, of_class, read_index
from fauxto.output import Progress
from fauxto.verdict import Prediction

Z95 = 1.959963984540054


def wilson(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share `count` / `total` (Wilson 1927); (0, 1) where total is 0."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = count / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def expected_calibration_error(is_ai: npt.NDArray[np.bool_], p_ai: npt.NDArray[np.float64], bins: int = 15) -> float:
    """Mean |share of AI - mean p| over `bins` even bins, weighted by their pictures (Naeini et al. 2015)."""
    which = np.minimum((p_ai * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(is_ai[which == b] - p_ai[which == b]))) for b in range(bins)]
    return sum(gaps) / len(p_ai)


def recall_at(is_ai: npt.NDArray[np.bool_], p_ai: npt.NDArray[np.float64], fpr: float) -> float:
    """Share of AI pictures above the score that at most `fpr` of the real ones exceed."""
    real = np.sort(p_ai[~is_ai])[::-1]
    bar = real[min(len(real) - 1, int(fpr * len(real)))]
    return float(np.mean(p_ai[is_ai] > bar))


def figures(
    is_ai: npt.NDArray[np.bool_], p_ai: npt.NDArray[np.float64], points: Sequence[OperatingPoint]
) -> dict[str, Any]:
    """All figures of one set under one condition.

    Args:
        is_ai: (N,) bool, the truth; both classes must be there.
        p_ai: (N,) float64, calibrated.
        points: the operating points to give figures for.
    """
    n_ai, n_real = int(is_ai.sum()), int((~is_ai).sum())
    result: dict[str, Any] = {
        "n_ai": n_ai,
        "n_real": n_real,
        "auc": float(roc_auc_score(is_ai, p_ai)),
        "average_precision": float(average_precision_score(is_ai, p_ai)),
        "recall_at_fpr1": recall_at(is_ai, p_ai, 0.01),
        "recall_at_fpr5": recall_at(is_ai, p_ai, 0.05),
        "ece": expected_calibration_error(is_ai, p_ai),
        "brier": float(brier_score_loss(is_ai, p_ai)),
        "operating_points": {},
    }
    for point in points:
        called_ai, called_photo = p_ai >= point.threshold, p_ai < point.photo_below
        decided = called_ai | called_photo
        wrong_ai = int((called_ai & ~is_ai).sum())
        result["operating_points"][point.name] = {
            "balanced_accuracy": float(balanced_accuracy_score(is_ai, called_ai)),
            "recall": float(np.mean(called_ai[is_ai])),
            "fpr": wrong_ai / n_real,
            "fpr_interval": wilson(wrong_ai, n_real),
            "decided": float(np.mean(decided)),
            "accuracy_of_decided": float(np.mean((called_ai == is_ai)[decided])) if decided.any() else None,
        }
    return result


def groups(names: Sequence[str], records: Sequence[Prediction]) -> dict[str, dict[str, Any]]:
    """Share called "ai" in each group, with its Wilson interval; `names` says each record's group."""
    result: dict[str, dict[str, Any]] = {}
    for name in sorted(set(names)):
        own = [record for group, record in zip(names, records, strict=True) if group == name]
        called = sum(record.verdict == "ai" for record in own)
        result[name or "(unnamed)"] = {
            "n": len(own),
            "called_ai": called / len(own),
            "interval": wilson(called, len(own)),
        }
    return result


def evaluate(
    folder: Path, model: str | None, conditions: Sequence[str], sample: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Measure a model on `folder`/{ai,real} under each condition, through the shipped runtime.

    Raises:
        FauxtoError: an unknown condition, or a class without pictures.
    """
    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown:
        raise FauxtoError(f"condition '{unknown[0]}' is not one of {', '.join(CONDITIONS)}")
    pictures = choose(folder, sample, seed)
    detector = Detector(model)
    report: dict[str, Any] = {
        "folder": str(folder),
        "model": detector.card.name,
        "model_sha256": detector.model_sha256,
        "provider": detector.provider,
        "conditions": {name: measure(detector, pictures, CONDITIONS[name]) for name in conditions},
    }
    return report


def measure(detector: Detector, pictures: Sequence[Picture], condition: Condition) -> dict[str, Any]:
    """`figures` under one condition, with the share called "ai" of each generator and real source."""
    rows = []
    progress = Progress(sys.stderr.isatty())
    answers = detector.predict_many(degraded(pictures, condition))
    for count, (picture, record) in enumerate(zip(pictures, answers, strict=True), 1):
        progress.update(count)
        if record.ok:
            rows.append((picture, record))
        else:
            print(f"left out {picture.path}: {record.error}", file=sys.stderr)
    progress.clear()
    is_ai = np.array([picture.is_ai for picture, _ in rows])
    if is_ai.all() or not is_ai.any():
        raise FauxtoError("no readable picture in one of the classes; nothing can be measured")
    p_ai = np.array([record.p_ai for _, record in rows])
    ai, real = ([row for row in rows if row[0].is_ai == wanted] for wanted in (True, False))
    return figures(is_ai, p_ai, list(detector.card.operating_points.values())) | {
        "generators": groups([picture.generator for picture, _ in ai], [record for _, record in ai]),
        "real_sources": groups([picture.source for picture, _ in real], [record for _, record in real]),
    }


def degraded(pictures: Sequence[Picture], condition: Condition) -> Iterator[Image.Image | Path]:
    """Each picture under `condition`; one that cannot be read is passed on as its path, to be named."""
    for picture in pictures:
        try:
            yield condition(load(picture.path))
        except ImageError:
            yield picture.path


def choose(folder: Path, sample: int | None, seed: int) -> list[Picture]:
    """The pictures of a labelled folder, or `sample` of each class. Raises FauxtoError for an empty class."""
    found = find(folder, read_index(folder, folder.parent))
    chosen = []
    for label in LABELS:
        own = of_class(found, label)
        if not own:
            raise FauxtoError(f"{folder / label}: no pictures; eval needs the sub-folders ai and real")
        chosen += random.Random(seed).sample(own, sample) if sample and len(own) > sample else own
    return chosen


def as_text(report: dict[str, Any]) -> str:
    """The report for reading in a terminal."""
    lines = [f"model {report['model']} on {report['folder']}, provider {report['provider']}"]
    for name, part in report["conditions"].items():
        lines += [
            "",
            f"{name}: {part['n_ai']} ai, {part['n_real']} real",
            f"  AUC {part['auc']:.3f}   average precision {part['average_precision']:.3f}   "
            f"recall at 1 % / 5 % false positives {part['recall_at_fpr1']:.2f} / {part['recall_at_fpr5']:.2f}   "
            f"ECE {part['ece']:.3f}   Brier {part['brier']:.3f}",
        ]
        for point, row in part["operating_points"].items():
            low, high = row["fpr_interval"]
            lines.append(
                f"  {point:<9} balanced accuracy {row['balanced_accuracy']:.3f}   recall {row['recall']:.2f}   "
                f"real called ai {row['fpr']:.3f} ({low:.3f}-{high:.3f})   decided {row['decided']:.2f}"
            )
        for title in ("generators", "real_sources"):
            lines.append(f"  {title.replace('_', ' ')}, share called ai at the default operating point:")
            for group, row in sorted(part[title].items(), key=lambda item: -item[1]["n"]):
                low, high = row["interval"]
                lines.append(f"    {row['called_ai']:.2f} ({low:.2f}-{high:.2f})  n {row['n']:<5} {group}")
    return "\n".join(lines)
