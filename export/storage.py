"""How an ONNX file stores the weights of its convolutions. All of it is computed in fp32.

fp32          half precision, which the released weights fit exactly: the reference
int8-weights  int8 per channel for large layers, half precision for the others
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fauxto.inference.base import Floats

SMALL = 500_000
"""Weights. Smaller layers keep half precision, here and in Core ML: little of the file, most of the error."""

Stored = tuple[list[TensorProto], list[onnx.NodeProto]]
"""What takes the place of an initialiser: the tensors that are stored, and the nodes that restore it from them."""


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with fp16 convolution weights behind a Cast, which onnxruntime folds when it loads the file."""
    return _store(model, lambda _: _as_half)


def int8_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with int8 weights, one scale for each output channel, where a layer has SMALL weights or more.

    A Cast and a Mul, not a DequantizeLinear: onnxruntime folds the former when it loads the file, and computes
    the latter at every run.
    """
    return _store(model, lambda weights: _as_half if weights.size < SMALL else _as_int8)


def _store(model: onnx.ModelProto, choose: Callable[[Floats], Callable[[str, Floats], Stored]]) -> onnx.ModelProto:
    """A copy of the model whose convolution weights in fp32 are stored as `choose(weights)` says."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for tensor in copy.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim != 4 or weights.dtype != np.float32:
            kept.append(tensor)
            continue
        stored, restoring = choose(weights)(tensor.name, weights)
        kept += stored
        nodes += restoring
    nodes += list(copy.graph.node)
    del copy.graph.initializer[:], copy.graph.node[:]
    copy.graph.initializer.extend(kept)
    copy.graph.node.extend(nodes)
    return copy


def _as_half(name: str, weights: Floats) -> Stored:
    stored = numpy_helper.from_array(weights.astype(np.float16), f"{name}_fp16")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT)]


def _as_int8(name: str, weights: Floats) -> Stored:
    scale = (np.abs(weights).max((1, 2, 3), keepdims=True) / 127).astype(np.float32)
    # Error diffusion along each kernel: running sums are rounded, not weights. Neighbouring activations are similar,
    # so what counts is the kernel's sum, and each weight makes good what the one before it was rounded by. A fifth of
    # the error in the logit.
    sums = (weights / np.maximum(scale, np.finfo(np.float32).tiny)).reshape(*weights.shape[:2], -1).cumsum(2).round()
    steps = np.diff(sums, prepend=0, axis=2).clip(-127, 127).astype(np.int8).reshape(weights.shape)
    stored = [numpy_helper.from_array(steps, f"{name}_int8"), numpy_helper.from_array(scale, f"{name}_scale")]
    cast = helper.make_node("Cast", [stored[0].name], [f"{name}_cast"], to=TensorProto.FLOAT)
    return stored, [cast, helper.make_node("Mul", [f"{name}_cast", stored[1].name], [name])]
