"""What changes when a picture is saved, scaled, blurred: the grid, flip rates, and fakes saved once as JPEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fauxto.detector import Detector
from fauxto.evaluate import metrics
from fauxto.evaluate.corruptions import CELLS, CONDITIONS, GRID, MOVES, save_as
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.movement import movement
from fauxto.evaluate.records import Flips, GridRow, Movement, SavedOnce
from fauxto.evaluate.scored import Scored, score
from fauxto.image.decoded import Corruption

CORRUPTIONS: dict[str, Corruption] = {"clean": CONDITIONS["clean"], **GRID}
"""The grid's rows."""


def flips(before: Scored, after: Scored) -> Flips:
    """How many of the same pictures get another verdict, and how many the opposite one."""
    verdicts = {picture: record.verdict for picture, record in zip(before.pictures, before.records, strict=True)}
    pairs = [(verdicts[p], record.verdict) for p, record in zip(after.pictures, after.records, strict=True)]
    changed = sum(a != b for a, b in pairs)
    return {
        "n": len(pairs),
        "changed": changed / len(pairs),
        "interval": metrics.wilson(changed, len(pairs)),
        "no_sign_to_ai": sum(pair == ("no_sign", "ai") for pair in pairs) / len(pairs),
        "ai_to_no_sign": sum(pair == ("ai", "no_sign") for pair in pairs) / len(pairs),
    }


def measure_grid(
    detector: Detector, clean: Scored, pictures: Sequence[LabelledImage]
) -> tuple[dict[str, GridRow], Movement | None]:
    """AUC, rates and flips under each corruption of GRID, "clean" of the same pictures first; and over MOVES, how far
    the answer of one picture moves.
    """
    before, every = clean.among(pictures), CORRUPTIONS | CELLS
    parts = {"clean": before}
    for number, name in enumerate(every):
        if name != "clean":
            label = f"grid {number} of {len(every) - 1}, {name}"
            parts[name] = score(detector, before.pictures, label, every[name])
    return _rows(before, parts), movement(before, {name: parts[name] for name in MOVES})


def _rows(before: Scored, parts: Mapping[str, Scored]) -> dict[str, GridRow]:
    result: dict[str, GridRow] = {}
    for name in CORRUPTIONS:
        part = parts[name]
        if not part.has_both:  # a corruption can refuse pictures: WebP ends at 16,383 px
            continue
        result[name] = {
            **metrics.separation(part.is_ai, part.p_ai),
            **metrics.rates(part.is_ai, part.said("verdict", "ai"), part.said("verdict", "no_sign")),
            "too_small": float(part.said("reason", "too_small").mean()),
            "flips": flips(before, part),
        }
    return result


def saved_once(detector: Detector, clean: Scored) -> SavedOnce:
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
