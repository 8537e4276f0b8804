"""What changes when a picture is saved, scaled, blurred: the grid, the flips, and fakes saved once as JPEG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fauxto.detector import Detector
from fauxto.evaluate import metrics
from fauxto.evaluate.corruptions import CONDITIONS, GRID, save_as
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.scored import Scored, score


def flips(before: Scored, after: Scored) -> dict[str, Any]:
    """How many of the same pictures get another word, and how many the opposite one."""
    verdicts = {picture: record.verdict for picture, record in zip(before.pictures, before.records, strict=True)}
    pairs = [(verdicts[p], record.verdict) for p, record in zip(after.pictures, after.records, strict=True)]
    changed = sum(a != b for a, b in pairs)
    return {
        "n": len(pairs),
        "changed": changed / len(pairs),
        "interval": metrics.wilson(changed, len(pairs)),
        "photo_to_ai": sum(pair == ("photo", "ai") for pair in pairs) / len(pairs),
        "ai_to_photo": sum(pair == ("ai", "photo") for pair in pairs) / len(pairs),
    }


def measure_grid(detector: Detector, clean: Scored, pictures: Sequence[LabelledImage]) -> dict[str, dict[str, Any]]:
    """AUC, false accusations, recall and flips under each condition of GRID, "clean" of the same pictures first."""
    before = clean.among(pictures)
    result = {}
    for name, condition in {"clean": CONDITIONS["clean"], **GRID}.items():
        part = before if name == "clean" else score(detector, before.pictures, name, condition)
        called = part.said("verdict", "ai")
        right, wrong = called[part.is_ai], called[~part.is_ai]
        result[name] = metrics.separation(part.is_ai, part.p_ai) | {
            "recall": float(right.mean()),
            "recall_interval": metrics.wilson(int(right.sum()), len(right)),
            "fpr": float(wrong.mean()),
            "fpr_interval": metrics.wilson(int(wrong.sum()), len(wrong)),
            "too_small": float(part.said("reason", "too_small").mean()),
            "flips": flips(before, part),
        }
    return result


def saved_once(detector: Detector, clean: Scored) -> dict[str, Any]:
    """AUC of the AI pictures as decoded, and of the same saved once as JPEG 96, against the same photographs.

    A detector of file formats falls here; see Grommelt et al. 2024, "Fake or JPEG?". One that takes every compressed
    picture for generated would not: so the photographs are saved once too, and those called "ai" counted.
    """
    saved = score(detector, clean.pictures, "jpeg 96", lambda image: save_as(image, 96))
    fakes, photographs = ([p for p in clean.pictures if p.is_ai == is_ai] for is_ai in (True, False))
    areas, accused = {}, {}
    for name, part in (("as_decoded", clean), ("saved_once", saved)):
        scores = np.concatenate([part.p_ai[part.is_ai], clean.p_ai[~clean.is_ai]])
        areas[name] = metrics.auc(np.arange(len(scores)) < part.is_ai.sum(), scores)
        accused[name] = float(part.among(photographs).said("verdict", "ai").mean())
    return {
        "n_ai": len(fakes),
        "n_real": len(photographs),
        "auc_as_decoded": areas["as_decoded"],
        "auc_saved_once": areas["saved_once"],
        "gap": areas["as_decoded"] - areas["saved_once"],
        "fpr_as_decoded": accused["as_decoded"],
        "fpr_saved_once": accused["saved_once"],
        "flips": flips(clean.among(fakes), saved.among(fakes)),
    }
