"""The int8 file: how activation ranges are found, and how many blocks stay in fp32, by measurement; or rebuilt."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export.embedded import embedded_card, save
from export.errors import ExportError
from export.quantiser import METHODS, Activation, Quantiser, activations
from export.storage import half_weights
from fauxto.errors import ImageError
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing, prepare
from fauxto.inference.base import Floats
from fauxto.inference.onnx import OnnxSession
from fauxto.model.card import CARD_FILE, MODEL_FILE

TOLERANCE = 0.05
"""Mean change that a crop's calibrated log-odds may have: on val, noise of this size turns 1 verdict in 100."""

INT8 = "model-int8.onnx"
COMPARED = 12  # images that methods and blocks are compared on, not those of the ranges


@dataclass(frozen=True)
class Int8:
    """What the card keeps of the int8 file, under "int8": how it was chosen, and all that it takes to rebuild it.

    Attributes:
        errors: method -> mean |Δ log-odds| of a crop with no block in fp32, with one, and so on.
        ranges: the best method, a key of METHODS.
        blocks_in_fp32: how many of the first blocks are not quantised.
        activations: value of the graph -> how it is quantised.
    """

    errors: Mapping[str, list[float]]
    ranges: str
    blocks_in_fp32: int
    activations: Mapping[str, Activation]

    def as_card(self) -> dict[str, Any]:
        """The card's "int8"."""
        return asdict(self) | {"activations": {name: own._asdict() for name, own in self.activations.items()}}

    @classmethod
    def from_card(cls, raw: Mapping[str, Any]) -> Int8:
        """The "int8" of a card. Raises ExportError where the file cannot be rebuilt from it."""
        try:
            block = raw["int8"]
            own = {name: Activation(**entry) for name, entry in block["activations"].items()}
            return cls(block["errors"], block["ranges"], int(block["blocks_in_fp32"]), own)
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(
                f"{CARD_FILE}: nothing to rebuild {INT8} from ({error}); export the model again"
            ) from None


def write_int8(folder: Path, raw: dict[str, Any], rule: Preprocessing, images: Sequence[Path]) -> Int8:
    """Write FOLDER/INT8, with the first blocks in fp32, as few as keep TOLERANCE, and the best of METHODS.

    The first blocks, because that is where rounding hurts: their wide maps carry the fine grain that everything
    after them reads.

    Args:
        folder: with the fp32 file.
        raw: the card.
        rule: how crops are cut.
        images: to calibrate with; some of them are kept to choose by.
    """
    crops = _crops(images, rule)
    chosen = _choose(
        folder / MODEL_FILE, crops[:COMPARED], crops[COMPARED:] or crops, raw["calibration"]["temperature"]
    )
    rebuild_int8(folder / MODEL_FILE, chosen, folder / INT8)
    for method, found in chosen.errors.items():
        told = " ".join(f"{own:.3f}" for own in found)
        print(f"int8, mean |Δ log-odds| of a crop, {method}: {told}", file=sys.stderr)
    print(f"int8: {chosen.ranges}, the first {chosen.blocks_in_fp32} blocks in fp32", file=sys.stderr)
    return chosen


def rebuild_int8(reference: Path, chosen: Int8, path: Path) -> None:
    """Write the int8 file from the fp32 one: the same bytes by the same versions of onnx and onnxruntime."""
    with tempfile.TemporaryDirectory() as place:
        quantiser = Quantiser(reference, Path(place))
        model = half_weights(quantiser.rebuild(chosen.activations, chosen.blocks_in_fp32))
    save(model, embedded_card(reference) | {"precision": "int8"}, path)


def _choose(reference: Path, compared: Sequence[Floats], calibration: Sequence[Floats], temperature: float) -> Int8:
    """The fewest blocks in fp32, and the method, whose error on `compared` keeps TOLERANCE."""
    session = OnnxSession(reference)
    expected = [session.run(own) for own in compared]
    errors: dict[str, list[float]] = {method: [] for method in METHODS}
    with tempfile.TemporaryDirectory() as name:
        quantiser, place = Quantiser(reference, Path(name)), Path(name, "int8.onnx")

        def error(model: onnx.ModelProto) -> float:
            onnx.save_model(model, str(place))
            own = OnnxSession(place)
            changes = [np.abs(own.run(x) - logits).mean() for x, logits in zip(compared, expected, strict=True)]
            return float(np.mean(changes)) / temperature

        ranges = {method: quantiser.ranges(method, calibration) for method in METHODS}
        for in_float in range(len(quantiser.blocks)):
            models = {method: quantiser.quantise(own, in_float) for method, own in ranges.items()}
            for method, model in models.items():
                errors[method].append(round(error(model), 5))
            best = min(METHODS, key=lambda method: errors[method][-1])
            if errors[best][-1] <= TOLERANCE:
                break
        return Int8(errors, best, in_float, activations(models[best]))


def _crops(images: Sequence[Path], rule: Preprocessing) -> list[Floats]:
    """The normalised crops of each readable image, (V, 3, S, S) float32."""
    found = []
    for path in images:
        try:
            found.append(prepare(load(path), rule))
        except ImageError as error:
            print(f"left out {error}", file=sys.stderr)
    if not found:
        raise ExportError("none of the pictures to calibrate int8 with could be read; name others with --pictures")
    return found
