"""Golden vectors: small pictures and what each step makes of them, for ports to other languages.

    python -m fauxto.golden DIR [--model FOLDER]

writes DIR/index.json and the files that it names. Pictures that are in DIR already are kept: a JPEG is not encoded
anew for a new model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.errors import FauxtoError, ImageError
from fauxto.files import replacing
from fauxto.image.cases import CASES, Case
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing, cut_crops, normalise, offset, pool, scaled_size
from fauxto.inference.base import Session
from fauxto.inference.providers import resolve
from fauxto.inference.selection import load_on
from fauxto.model.card import REFERENCE, Card
from fauxto.model.model import Model, sha256
from fauxto.verdict import decide, probability, with_prior

INDEX, SCHEMA = "index.json", 1
PRIOR = 0.05
"""The base rate, beside even odds, that the vectors have probabilities for."""

TOLERANCES: dict[str, Any] = {
    "rgb": {"exact": 0, "colour profile": 2, "jpeg": 12},
    "crops": {"unscaled": 0, "scaled": 0},
    "tensor": 1e-5,
    "logit": {"fp32": 1e-4, "int8-weights": 0.01, "fp16": 0.01, "8bit": 0.03, "bf16": 0.1},
    "logit_from_jpeg": 0.05,
    "p_ai_from_logit": 1e-9,
}
"""What a port may differ by, at most: levels of 255 for pixels. How each was measured is in tests/vectors/README.md."""


def write(folder: Path, model: Model) -> None:
    """Write the vectors of a model's reference into `folder`, which is made where it is not there.

    Raises:
        FauxtoError: the reference is not there, or a picture in `folder` cannot be read.
        OSError: something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = load_on(model, resolve("cpu"), REFERENCE)
    cases = [_write_case(folder, case, model.card, loaded.session) for case in CASES]
    index = _of_model(model, loaded.sha256) | {"tolerances": TOLERANCES, "cases": cases}
    with replacing(folder / INDEX) as file:
        file.write(json.dumps(index, indent=1) + "\n")


def _of_model(model: Model, digest: str) -> dict[str, Any]:
    card = model.card
    return {
        "schema": SCHEMA,
        "model": card.release,
        "model_sha256": digest,
        "input": card.raw["input"],
        "labels": list(card.labels),
        "positive_label": card.positive_label,
        "temperature": card.temperature,
        "bias": card.bias,
        "minimum_short_side": card.minimum_short_side,
        "default_operating_point": card.default_operating_point,
        "operating_points": {
            name: {"threshold": point.threshold, "no_sign_below": point.no_sign_below}
            for name, point in card.operating_points.items()
        },
        "prior": PRIOR,
    }


def _write_case(folder: Path, case: Case, card: Card, session: Session) -> dict[str, Any]:
    """Write a case's files. Returns its entry in the index."""
    path = folder / f"{case.name}{case.suffix}"
    if not path.exists():
        with replacing(path, "wb") as file:
            file.write(case.make())
    image, rule = load(path), card.preprocessing
    crops = cut_crops(image, rule)
    logits = session.run(normalise(crops, rule.mean, rule.std))
    return {
        "name": case.name,
        "shows": case.shows,
        "file": path.name,
        "sha256": sha256(path),
        "width": image.width,
        "height": image.height,
        "rgb": _pixels(folder, f"{case.name}.rgb.png", np.asarray(image), plain=path)
        | {"tolerance": TOLERANCES["rgb"][case.decode]},
        **_places(image.size, rule),
        "crops": _pixels(folder, f"{case.name}.crops.png", crops),
        "logits": [float(logit) for logit in logits],
        **_words(logits, min(image.size), card),
    }


def _places(size: tuple[int, int], rule: Preprocessing) -> dict[str, Any]:
    """The size that a picture is seen at, and where its crops begin, before anything is mirrored."""
    scaled = scaled_size(size, rule.max_short_side)
    offsets = [[offset(place[i], scaled[i] - rule.crop_size) for i in (0, 1)] for place in rule.positions]
    return {"scaled": list(scaled), "offsets": offsets}


def _words(logits: npt.NDArray[np.float32], short_side: int, card: Card) -> dict[str, Any]:
    """From the crops' logits to the words at every operating point."""
    logit = float(pool(logits[None], card.preprocessing)[0])
    p_ai = probability(logit, card.temperature, card.bias)
    words = {}
    for name, point in card.operating_points.items():
        verdict, lean, reason = decide(p_ai, short_side, card.minimum_short_side, point)
        words[name] = {"verdict": verdict, "lean": lean, "reason": reason}
    return {"logit": logit, "p_ai": p_ai, "p_ai_at_prior": with_prior(p_ai, PRIOR), "verdicts": words}


def _pixels(folder: Path, name: str, pixels: npt.NDArray[np.uint8], plain: Path | None = None) -> dict[str, Any]:
    """Write (H, W, 3) or stacked (N, H, W, 3) uint8 as a PNG; where `plain` holds the very pixels, name that instead.

    Crops lie below each other, in the card's order. The hash is of the bytes row by row, R, G, B.
    """
    if plain is not None and _is_plain(plain):
        name = plain.name
    else:
        with replacing(folder / name, "wb") as file:
            Image.fromarray(pixels.reshape(-1, *pixels.shape[-2:])).save(file, "PNG", optimize=True)
    return {"file": name, "shape": list(pixels.shape), "pixels_sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


def _is_plain(path: Path) -> bool:
    """Whether a file is a PNG whose samples are the upright sRGB pixels as they stand."""
    with Image.open(path) as image:
        return image.format == "PNG" and image.mode == "RGB" and not image.info.keys() & {"icc_profile", "exif"}


def main(words: list[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m fauxto.golden", description="Write golden vectors.")
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder to write the vectors to")
    parser.add_argument("--model", metavar="FOLDER", type=Path, help="folder of the model; default: the released one")
    args = parser.parse_args(words)
    try:
        write(args.folder, Model.open(args.model))
    except ImageError as error:
        print(f"{parser.prog}: {error}; delete it, and it is made anew", file=sys.stderr)
        return 1
    except (FauxtoError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
