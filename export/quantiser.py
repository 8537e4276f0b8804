"""Static int8 quantisation of an ONNX file, by onnxruntime's quantiser: QDQ, U8 activations, S8 weights per channel."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process

from fauxto.inference.base import Floats

METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.99, "num_bins": 4096}),
    "entropy": (CalibrationMethod.Entropy, {}),
}
QUANTISED = ["Conv", "Relu", "Add", "MaxPool", "ReduceMean"]


class Activation(NamedTuple):
    """How an activation is quantised: value = scale * (q - zero_point), q in 0..255."""

    scale: float
    zero_point: int


class _Crops(CalibrationDataReader):  # type: ignore[misc] # a class without types
    def __init__(self, crops: Sequence[Floats]) -> None:
        self._left: Iterator[Floats] = iter(crops)

    def get_next(self) -> dict[str, Floats] | None:
        crops = next(self._left, None)
        return None if crops is None else {"views": crops}  # the input's name in every file: it stays


class Quantiser:
    """Quantises one ONNX file, block by block.

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

    def ranges(self, method: str, crops: Sequence[Floats], chunk: int = 4) -> TensorsData:
        """The range of every activation over `crops`, each (V, 3, S, S) float32, by a key of METHODS."""
        kind, extra = METHODS[method]
        calibrator = create_calibrator(
            self._prepared, None, str(self._augmented), calibrate_method=kind, extra_options=dict(extra)
        )
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of every chunk
            for start in range(0, len(crops), chunk):  # all activations of a chunk are held at once: 40 MB a crop
                calibrator.collect_data(_Crops(crops[start : start + chunk]))
            return calibrator.compute_data()

    def quantise(
        self, ranges: TensorsData, in_float: int = 0, fixed: Mapping[str, Activation] | None = None
    ) -> onnx.ModelProto:
        """The quantised model, but for its first `in_float` blocks; `fixed` goes before `ranges`.

        Weights take 7 bits (`reduce_range`): on x86 without VNNI two products of a full U8 and S8 overflow the
        16 bits that they are added in. On such a machine 8 bits gave twice the mean error of 7.
        """
        nodes = [name for block in self.blocks[in_float:] for name in block]
        overrides = {
            name: [{"scale": np.array(own.scale, np.float32), "zero_point": np.array(own.zero_point, np.uint8)}]
            for name, own in (fixed or {}).items()
        }
        quantiser = QDQQuantizer(
            onnx.load(str(self._prepared)), True, True, QuantType.QInt8, QuantType.QUInt8,
            ranges, nodes, [], QUANTISED, {"TensorQuantOverrides": overrides},
        )  # fmt: skip
        quantiser.quantize_model()
        return in_order(quantiser.model.model)

    def rebuild(self, activations: Mapping[str, Activation], in_float: int) -> onnx.ModelProto:
        """The model that `quantise` gave, by its `activations` instead of the images that they were measured on."""
        # The quantiser wants a range for every value of the graph. Those that count are overridden; the input is one
        # of them where no block stays in fp32.
        graph = onnx.load(str(self._prepared)).graph
        values = [*(value.name for value in graph.input), *(name for node in graph.node for name in node.output)]
        unit = TensorData(lowest=np.float32(0), highest=np.float32(1))
        return self.quantise(TensorsData(CalibrationMethod.MinMax, dict.fromkeys(values, unit)), in_float, activations)


def activations(model: onnx.ModelProto) -> dict[str, Activation]:
    """How each quantised activation of a QDQ model is quantised, by the name of its value."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {
        node.input[0]: Activation(float(stored[node.input[1]]), int(stored[node.input[2]]))
        for node in model.graph.node
        if node.op_type == "QuantizeLinear"
    }


def in_order(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every node after those that it reads from, as ONNX demands and the quantiser forgets."""
    made = {value.name for value in (*model.graph.input, *model.graph.initializer)}
    left: list[onnx.NodeProto] = list(model.graph.node)
    ordered: list[onnx.NodeProto] = []
    while left:
        ready = [node for node in left if made.issuperset(filter(None, node.input))]
        ordered += ready
        made |= {name for node in ready for name in node.output}
        left = [node for node in left if node not in ready]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    return model
