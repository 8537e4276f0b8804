"""The int8 file: which way of finding the ranges, and which layers stay in fp32, as measured on the spot."""

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
from export.variants import METHODS, Floats, Quantiser
from fauxto.card import MODEL_FILE, parse
from fauxto.errors import ImageError
from fauxto.image import load
from fauxto.preprocess import prepare
from fauxto.session import Session

HURTS = 0.9
"""A convolution stays in fp32 if the mean error without it in int8 is less than this share of the whole."""

COMPARED = 12  # pictures that methods and layers are compared on, not those of the ranges


def write_int8(folder: Path, raw: dict[str, Any], pictures: Sequence[Path]) -> dict[str, Any]:
    """Write FOLDER/model-int8.onnx, with the best of METHODS and without the layers that hurt.

    Args:
        folder: with the fp32 file.
        raw: the card.
        pictures: to calibrate with; some of them are kept to choose by.

    Returns:
        What was compared and chosen, for the card: mean |Δlogit| of one view by method, the layers in fp32.
    """
    views = _views(pictures, raw)
    compared, calibration = views[:COMPARED], views[COMPARED:] or views
    reference = Session(folder / MODEL_FILE)
    expected = [reference.run(own) for own in compared]
    with tempfile.TemporaryDirectory() as name:
        quantiser, place = Quantiser(folder / MODEL_FILE, Path(name)), Path(name, "int8.onnx")

        def error(model: onnx.ModelProto) -> float:
            onnx.save(model, str(place))
            session = Session(place)
            pairs = zip(compared, expected, strict=True)
            return float(np.mean([np.abs(session.run(own) - logits).mean() for own, logits in pairs]))

        ranges = {method: quantiser.ranges(method, calibration) for method in METHODS}
        errors = {method: error(quantiser.quantise(own)) for method, own in ranges.items()}
        best = min(errors, key=errors.__getitem__)
        without = {layer: error(quantiser.quantise(ranges[best], [layer])) for layer in quantiser.convolutions}
        in_float = [layer for layer, own in without.items() if own < HURTS * errors[best]]
        model = in_order(quantiser.quantise(ranges[best], in_float))
        errors["chosen"] = error(model)
    save(model, raw | {"precision": "int8"}, folder / "model-int8.onnx")
    print(
        "int8, mean |Δlogit| of a view: " + ", ".join(f"{name} {value:.3f}" for name, value in errors.items())
        + f" ({best}, {len(in_float)} convolutions in fp32)",
        file=sys.stderr,
    )  # fmt: skip
    return {"errors": {k: round(v, 5) for k, v in errors.items()}, "ranges": best, "convolutions_in_fp32": in_float}


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
