"""The int8 file: which way of finding the ranges, and how many blocks stay in fp32, as measured on the spot."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export.errors import ExportError
from export.onnx_file import save
from export.variants import METHODS, Floats, Quantiser, half_weights
from fauxto.errors import ImageError
from fauxto.image.decode import load
from fauxto.image.preprocess import prepare
from fauxto.model.card import MODEL_FILE, parse

TOLERANCE = 0.05
"""Mean change that a view's calibrated log-odds may have: on val, noise of this size turns 1 verdict in 100."""

INT8 = "model-int8.onnx"
COMPARED = 12  # pictures that methods and blocks are compared on, not those of the ranges


def write_int8(folder: Path, raw: dict[str, Any], pictures: Sequence[Path]) -> dict[str, Any]:
    """Write FOLDER/INT8, with the first blocks in fp32, as few as keep TOLERANCE, and the best of METHODS.

    The first blocks, because that is where rounding hurts: their wide maps carry the fine grain that everything
    after them reads.

    Args:
        folder: with the fp32 file.
        raw: the card.
        pictures: to calibrate with; some of them are kept to choose by.

    Returns:
        What was compared and chosen, for the card: mean |Δ log-odds| of a view by method, with no block in fp32,
        with one and so on; the method; the number of blocks.
    """
    views = _views(pictures, raw)
    compared, calibration = views[:COMPARED], views[COMPARED:] or views
    reference = OnnxSession(folder / MODEL_FILE)
    expected = [reference.run(own) for own in compared]
    with tempfile.TemporaryDirectory() as name:
        quantiser, place = Quantiser(folder / MODEL_FILE, Path(name)), Path(name, "int8.onnx")

        def error(model: onnx.ModelProto) -> float:
            onnx.save(model, str(place))
            session = OnnxSession(place)
            pairs = zip(compared, expected, strict=True)
            changes = [np.abs(session.run(own) - logits).mean() for own, logits in pairs]
            return float(np.mean(changes)) / raw["calibration"]["temperature"]

        ranges = {method: quantiser.ranges(method, calibration) for method in METHODS}
        errors: dict[str, list[float]] = {method: [] for method in METHODS}
        for in_float in range(len(quantiser.blocks)):
            for method, own in ranges.items():
                errors[method].append(round(error(quantiser.quantise(own, in_float)), 5))
            best = min(METHODS, key=lambda method: errors[method][-1])
            if errors[best][-1] <= TOLERANCE:
                break
        model = half_weights(in_order(quantiser.quantise(ranges[best], in_float)))
    save(model, raw | {"precision": "int8"}, folder / INT8)
    for method, found in errors.items():
        print(
            f"int8, mean |Δ log-odds| of a view, {method}: " + " ".join(f"{own:.3f}" for own in found), file=sys.stderr
        )
    print(f"int8: {best}, the first {in_float} of {len(quantiser.blocks)} blocks in fp32", file=sys.stderr)
    return {"errors": errors, "ranges": best, "blocks_in_fp32": in_float}


def in_order(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every node after those that it reads from, as ONNX demands and the quantiser forgets."""
    made = {value.name for value in (*model.graph.input, *model.graph.initializer)}
    left, ordered = list(model.graph.node), []
    while left:
        ready = [node for node in left if made.issuperset(filter(None, node.input))]
        ordered += ready
        made |= {name for node in ready for name in node.output}
        left = [node for node in left if node not in ready]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    return model


def _views(pictures: Sequence[Path], raw: dict[str, Any]) -> list[Floats]:
    """The normalised views of each readable picture, (V, 3, S, S) float32."""
    rule, found = parse(raw, "the card").preprocessing, []
    for path in pictures:
        try:
            found.append(prepare(load(path), rule))
        except ImageError as error:
            print(f"left out {path}: {error}", file=sys.stderr)
    if not found:
        raise ExportError("none of the pictures to calibrate int8 with could be read; name others with --pictures")
    return found
