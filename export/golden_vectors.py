"""What a port to another language needs to prove itself: every step from pixels to words, as plain files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from export.target import refuse_used, whole_folder
from fauxto import card as cards
from fauxto.image.decode import load
from fauxto.image.preprocess import cut_crops, normalise, offset, pool, scaled_size
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.model.card import REFERENCE, Card
from fauxto.model.model import sha256
from fauxto.verdict import decide, probability

INDEX = "index.json"
STEPS = {"picture": "<u1", "views": "<u1", "tensor": "<f4", "logits": "<f4"}
"""Step -> dtype of its file, little-endian, in C order."""


def write(model: Path, out: Path) -> None:
    """Write OUT/index.json and the files that it names, from an exported model, or nothing at all.

    For each golden picture N: N.png and N.picture (the same pixels, H x W x 3), N.views (V x S x S x 3),
    N.tensor (V x 3 x S x S) and N.logits (V); the index has their shapes and hashes, where the views lie, the
    pooled logit, the calibrated p_ai, and the verdict at every operating point.

    Raises:
        ExportError: OUT is in use.
        ModelError: MODEL is no exported model.
    """
    refuse_used(out, "--golden")
    card = cards.read(model)
    path, digest = cards.checked_file(model, card, card.variants[REFERENCE].file)
    session = OnnxSession(path)
    with whole_folder(out) as folder:
        pictures = [_write_picture(number, session, card, folder) for number in range(len(SIZES))]
        index = {
            "model": card.name,
            "model_sha256": digest,
            "input": card.raw["input"],
            "temperature": card.temperature,
            "bias": card.bias,
            "operating_points": card.raw["operating_points"],
            "dtypes": STEPS,
            "pictures": pictures,
        }
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _write_picture(number: int, session: OnnxSession, card: Card, folder: Path) -> dict[str, Any]:
    rule, pixels = card.preprocessing, golden_image(number)
    Image.fromarray(pixels).save(folder / f"{number}.png")
    views = cut_crops(load(pixels), rule)
    tensor = normalise(views, rule.mean, rule.std)
    logits = session.run(tensor)
    arrays = dict(zip(STEPS, (pixels, views, tensor, logits), strict=True))
    for step, dtype in STEPS.items():
        (folder / f"{number}.{step}").write_bytes(np.ascontiguousarray(arrays[step], dtype).tobytes())
    logit = float(pool(logits[None], rule)[0])
    p_ai = probability(logit, card.temperature, card.bias)
    height, width = pixels.shape[:2]
    scaled = scaled_size((width, height), rule.max_short_side)
    return {
        "width": width,
        "height": height,
        "scaled": list(scaled),
        "view_offsets": [
            [offset(fraction, side - rule.crop_size) for fraction, side in zip(place, scaled, strict=True)]
            for place in rule.positions
        ],
        "files": {step: _entry(folder / f"{number}.{step}", arrays[step]) for step in STEPS}
        | {"png": {"name": f"{number}.png", "sha256": sha256(folder / f"{number}.png")}},
        "logit": logit,
        "p_ai": p_ai,
        "verdicts": {
            name: decide(p_ai, min(width, height), card, point)[0] for name, point in card.operating_points.items()
        },
    }


def _entry(path: Path, array: npt.NDArray[Any]) -> dict[str, Any]:
    return {"name": path.name, "shape": list(array.shape), "sha256": sha256(path)}
