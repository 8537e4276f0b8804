"""Runs a saved Core ML package (an mlprogram) anywhere, by reading its MIL program: the very file that ships.

The few operations that a resnet18 needs, in torch on the CPU. Values typed fp16 are rounded to fp16 after every
operation; the accumulations inside are fp32, as on Apple's hardware where it can. It says nothing of what a
Neural Engine does differently, which only a Mac or a phone can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from coremltools.converters.mil.frontend.milproto import load as milproto
from torch.nn import functional

from export.coreml import LOGIT, open_package
from export.errors import ExportError


class Package:
    """A saved .mlpackage whose program takes one crop and gives the probability of each label.

    Attributes:
        labels: in the order of the program's own output.
        has_logit: whether it gives the logit too; the package of release 6 does not.
        metadata: the package's user-defined metadata.
    """

    def __init__(self, path: Path) -> None:
        """Read `path`. Raises ExportError where it is no classifier of an mlprogram."""
        model = open_package(path)
        spec = model.get_spec()
        program = milproto.load(
            spec, specification_version=spec.specificationVersion, file_weights_dir=model.weights_dir
        )
        main = program.functions["main"]
        *self._operations, last = main.operations
        if last.op_type != "classify":
            raise ExportError(f"{path}: ends in {last.op_type}, not in classify; export it again")
        self.labels = tuple(str(label) for label in last.inputs["classes"].val)
        self.metadata = dict(spec.description.metadata.userDefined)
        self.has_logit = LOGIT in {output.name for output in main.outputs}
        self._input, self._output = next(iter(main.inputs)), last.inputs["probabilities"].name
        unknown = {operation.op_type for operation in self._operations} - {*OPERATIONS, "const"}
        if unknown:
            raise ExportError(f"{path}: operations that the interpreter does not know: {', '.join(sorted(unknown))}")
        # Compressed weights are decompressed once, as Core ML does when it loads the package.
        self._weights: dict[str, Any] = {}
        for operation in self._operations:
            if operation.op_type.startswith("constexpr"):
                self._weights[operation.outputs[0].name] = self._run(operation, {})

    def probabilities(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N, S, S, 3) uint8 RGB crops -> (N, 2) calibrated probability of each of `labels`."""
        return self._ask(crops, self._output)

    def logits(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N, S, S, 3) uint8 RGB crops -> (N,) logits before the calibration, of a package that has them."""
        return self._ask(crops, LOGIT)[:, 0]

    @torch.no_grad()
    def _ask(self, crops: npt.NDArray[np.uint8], output: str) -> npt.NDArray[np.float64]:
        """What one variable is for each crop. The program itself is for one; they are run side by side, for speed."""
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        values = {self._input: pixels} | self._weights
        for operation in self._operations:
            name = operation.outputs[0].name
            if operation.op_type != "const" and name not in values:
                values[name] = self._run(operation, values)
        found: npt.NDArray[np.float64] = values[output].double().numpy()
        return found

    def _run(self, operation: Any, values: dict[str, Any]) -> torch.Tensor:
        inputs = {name: _value(variable, values) for name, variable in operation.inputs.items()}
        output = OPERATIONS[operation.op_type](inputs)
        return output.half().float() if _is_half(operation.outputs[0]) else output


def _is_half(variable: Any) -> bool:
    return "fp16" in str(variable.dtype)


def _value(variable: Any, values: dict[str, Any]) -> Any:
    """An input's value: computed before, or a constant; floats as fp32 tensors, the rest as it is."""
    if isinstance(variable, (list, tuple)):
        return [_value(part, values) for part in variable]
    if variable is None:
        return None
    if variable.name in values:
        return values[variable.name]
    constant = variable.val
    if isinstance(constant, (np.ndarray, np.floating)) and np.issubdtype(constant.dtype, np.floating):
        return torch.from_numpy(np.array(constant, np.float32))
    return constant


def _padding(i: dict[str, Any]) -> list[int]:
    """Symmetric padding of a convolution or pooling, (height, width)."""
    if str(i["pad_type"]) == "valid":
        return [0, 0]
    top, bottom, left, right = (int(v) for v in i["pad"])
    if str(i["pad_type"]) != "custom" or top != bottom or left != right:
        raise ExportError(f"padding {i['pad_type']} {top, bottom, left, right} is unknown to the interpreter")
    return [top, left]


def _conv(i: dict[str, Any]) -> torch.Tensor:
    strides, dilations = ([int(v) for v in i[name]] for name in ("strides", "dilations"))
    return functional.conv2d(i["x"], i["weight"], i.get("bias"), strides, _padding(i), dilations, int(i["groups"]))


def _max_pool(i: dict[str, Any]) -> torch.Tensor:
    kernel, strides = ([int(v) for v in i[name]] for name in ("kernel_sizes", "strides"))
    return functional.max_pool2d(i["x"], kernel, strides, _padding(i), ceil_mode=bool(i["ceil_mode"]))


def _look_up(i: dict[str, Any]) -> torch.Tensor:
    """constexpr_lut_to_dense: indices of log2(len(lut)) bits, packed from the lowest bit on."""
    lut, shape = i["lut"], [int(v) for v in i["shape"]]
    bits, count = int(np.log2(len(lut))), int(np.prod(shape))
    unpacked = np.unpackbits(np.asarray(i["indices"]).view(np.uint8), bitorder="little")[: count * bits]
    indices = unpacked.reshape(count, bits) @ (1 << np.arange(bits))
    dense: torch.Tensor = lut[torch.from_numpy(indices.astype(np.int64))]
    return dense.reshape(shape)


OPERATIONS: dict[str, Callable[[dict[str, Any]], torch.Tensor]] = {
    "add": lambda i: i["x"] + i["y"],
    "cast": lambda i: i["x"],  # the output's type does the rounding
    "constexpr_lut_to_dense": _look_up,
    "conv": _conv,
    "linear": lambda i: functional.linear(i["x"], i["weight"], i.get("bias")),
    "max_pool": _max_pool,
    "mul": lambda i: i["x"] * i["y"],
    "reduce_mean": lambda i: i["x"].mean([int(v) for v in i["axes"]], keepdim=bool(i["keep_dims"])),
    "relu": lambda i: i["x"].relu(),
    "reshape": lambda i: i["x"].reshape([-1, *(int(v) for v in i["shape"][1:])]),  # any number of crops
    "softmax": lambda i: i["x"].softmax(int(i["axis"])),
}
