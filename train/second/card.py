"""The second opinion's card: what the runtime must know of the head, and of what it was made for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fauxto.evaluate.dataset import LABELS, of_class
from fauxto.model.card import CARD_FILE, SCHEMA, parse
from fauxto.model.model import Model
from fauxto.second_opinion.model import RELEASED
from fauxto.system import git_commit
from train.finish import calibration_card
from train.second.corpus import Judged, Views
from train.second.embeddings import RULE, MadeBy
from train.second.report import Findings


def card(
    version: int, files: Mapping[str, bytes], first: Model, made_by: MadeBy, found: Findings, data: Mapping[str, Any]
) -> dict[str, Any]:
    """The card of a new head, without figures of a test split. Raises ModelError where a runtime could not read it.

    Args:
        version: release number.
        files: name -> content.
        first: the model that the head is fused with.
        made_by: what made the embeddings.
        found: the weights and the calibration, with what they come to on val.
        data: the block of that name.
    """
    gaps = np.concatenate([part.gap for part in found.answers.values()])
    raw = {
        "card": SCHEMA,
        "name": RELEASED,
        "version": version,
        "description": "A second opinion by the whole picture, beside the first network's. A hint, never proof.",
        "weights_licence": first.card.raw["weights_licence"],
        "architecture": "a head on CLIP ViT-B/16",
        "labels": list(first.card.labels),
        "positive_label": first.card.positive_label,
        "input": {
            "colour": "RGB",
            "crop_size": RULE.crop_size,
            "max_short_side": RULE.max_short_side,
            "filter": RULE.filter,
            "positions": [list(position) for position in RULE.positions],
            "pooling": "mean of the largest",
            "pooled_crops": RULE.pooled_crops,
            "mean": list(RULE.mean),
            "std": list(RULE.std),
        },
        "second": {
            "encoder_sha256": made_by.encoder_sha256,
            "first": made_by.first,
            "first_sha256": [first.card.files[variant.file] for variant in first.card.variants.values()],
            "pixels": found.weights.pixels,
            "scene": found.weights.scene,
            "disagreement": [float(gaps.min()), float(gaps.max())],
        },
        "calibration": calibration_card(found.calibration, found.val),
        "operating_points": found.calibration.operating_points,
        "default_operating_point": first.card.default_operating_point,
        "minimum_short_side": first.card.minimum_short_side,
        "val": found.val,
        "trivial_baseline": found.baseline,
        "data": data,
        "training": {"head": found.choice.name},
        "created": datetime.now(UTC).date().isoformat(),
        "git_commit": git_commit(),
        "golden": [],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "variants": {},
        "test": {},
    }
    parse(raw, str(Path(RELEASED, CARD_FILE)))
    return raw


def data_block(views: Views, judged: Judged) -> dict[str, Any]:
    """The card's "data": counts and names of what the head and the fusion were learnt from."""
    return {
        "train": {label: len(of_class(views.pictures, label)) for label in LABELS},
        "views": len(views.picture),
        "val": {label: len(of_class(judged.pictures, label)) for label in LABELS},
        "generators": sorted({image.generator for image in of_class(views.pictures, "ai")} - {""}),
    }
