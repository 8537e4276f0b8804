"""The network in smaller files.

fp32          weights stored in half precision, which the released ones fit exactly; computed in fp32: the reference
int8-weights  weights of large layers stored as int8 per channel, the others in half precision; computed in fp32
int8          quantised arithmetic (QDQ), for processors that have instructions for it
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process

Floats = npt.NDArray[np.float32]

SMALL = (
    500_000  # weights; smaller layers keep half precision, here and in Core ML: little of the file, most of the error
)
METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.99, "num_bins": 4096}),
    "entropy": (CalibrationMethod.Entropy, {}),
}
QUANTISED = ["Conv", "Relu", "Add", "MaxPool", "ReduceMean"]


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with fp16 convolution weights behind a Cast, which onnxruntime folds when it loads the file."""
    return _store(model, lambda _: _as_half)


def int8_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with int8 weights, one scale for each output channel, where a layer has SMALL weights or more.

    A Cast and a Mul, not a DequantizeLinear: onnxruntime folds the former when it loads the file, and computes
    the latter at every run.
    """
    return _store(model, lambda weights: _as_half if weights.size < SMALL else _as_int8)


def _store(model: onnx.ModelProto, choose: Any) -> onnx.ModelProto:
    """A copy of the model whose convolution weights in fp32 are stored as `choose(weights)` says."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept, nodes = [], []
    for tensor in copy.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim != 4 or weights.dtype != np.float32:
            kept.append(tensor)
            continue
        stored, restoring = choose(weights)(tensor.name, weights)
        kept += stored
        nodes += restoring
    nodes += list(copy.graph.node)
    for field, values in ((copy.graph.initializer, kept), (copy.graph.node, nodes)):
        del field[:]
        field.extend(values)
    return copy


def _as_half(name: str, weights: Floats) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    stored = numpy_helper.from_array(weights.astype(np.float16), f"{name}_fp16")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT)]


def _as_int8(name: str, weights: Floats) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    scale = (np.abs(weights).max((1, 2, 3), keepdims=True) / 127).astype(np.float32)
    # Running sums are rounded, not weights: neighbouring activations are alike, so what counts is the sum of a kernel,
    # and each weight makes good what the one before it was rounded by. A fifth of the error in the logit.
    sums = (weights / np.maximum(scale, np.finfo(np.float32).tiny)).reshape(*weights.shape[:2], -1).cumsum(2).round()
    steps = np.diff(sums, prepend=0, axis=2).clip(-127, 127).astype(np.int8).reshape(weights.shape)
    stored = [numpy_helper.from_array(steps, f"{name}_int8"), numpy_helper.from_array(scale, f"{name}_scale")]
    cast = helper.make_node("Cast", [stored[0].name], [f"{name}_cast"], to=TensorProto.FLOAT)
    return stored, [cast, helper.make_node("Mul", [f"{name}_cast", stored[1].name], [name])]


class _Views(CalibrationDataReader):
    def __init__(self, views: Sequence[Floats]) -> None:
        self._left: Iterator[Floats] = iter(views)

    def get_next(self) -> dict[str, Floats] | None:
        views = next(self._left, None)
        return None if views is None else {"views": views}


class Quantiser:
    """Static int8 quantisation of one ONNX file: U8 activations, S8 weights per channel.

    Attributes:
        blocks: names of the nodes that can be quantised, from the stem to the last residual block.
    """

    def __init__(self, reference: Path, folder: Path) -> None:
        """Prepare `reference`; `folder` takes what is left over on the way.

        The head, the last convolution and what comes after it, is never quantised: it costs nothing, and a logit in
        256 steps is a coarse one.
        """
        self._prepared, self._augmented = folder / "prepared.onnx", folder / "augmented.onnx"
        quant_pre_process(str(reference), str(self._prepared), skip_symbolic_shape=True)
        nodes = list(onnx.load(str(self._prepared)).graph.node)
        head = max(i for i, node in enumerate(nodes) if node.op_type == "Conv")
        sums = {node.output[0] for node in nodes if node.op_type == "Add"}
        self.blocks: list[list[str]] = [[]]
        for node in nodes[:head]:
            if node.op_type in QUANTISED:
                self.blocks[-1].append(node.name)
            if node.op_type == "MaxPool" or (node.op_type == "Relu" and node.input[0] in sums):
                self.blocks.append([])
        self.blocks.pop()  # the last ends where the head begins

    def ranges(self, method: str, views: Sequence[Floats], chunk: int = 4) -> TensorsData:
        """The range of every activation over `views`, each (V, 3, S, S) float32, by a key of METHODS."""
        kind, extra = METHODS[method]
        calibrator = create_calibrator(
            self._prepared, None, str(self._augmented), calibrate_method=kind, extra_options=dict(extra)
        )
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of every chunk
            for start in range(0, len(views), chunk):  # all activations of a chunk are held at once: 40 MB a view
                calibrator.collect_data(_Views(views[start : start + chunk]))
            return calibrator.compute_data()

    def quantise(self, ranges: TensorsData, in_float: int = 0) -> onnx.ModelProto:
        """The quantised model, but for its first `in_float` blocks.

        Weights take 7 bits (`reduce_range`): on x86 without VNNI two products of a full U8 and S8 overflow the
        16 bits that they are added in. On such a machine 8 bits gave twice the mean error of 7.
        """
        nodes = [name for block in self.blocks[in_float:] for name in block]
        quantiser = QDQQuantizer(
            onnx.load(str(self._prepared)), True, True, QuantType.QInt8, QuantType.QUInt8,
            ranges, nodes, [], QUANTISED, {},
        )  # fmt: skip
        quantiser.quantize_model()
        return quantiser.model.model
