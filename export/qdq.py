"""A quantised network -> ONNX: the same steps as in training, as QuantizeLinear and DequantizeLinear around each node.

onnxruntime runs it as 20 QLinearConv, 8 QLinearAdd and an NhwcMaxPool. There is no Relu: a QuantizeLinear whose zero
point is 0 ends at 0. Every step is a scalar; of an array of one, onnxruntime would leave the sums in fp32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from train.config import IMAGENET_MEAN, IMAGENET_STD
from train.model import ai_logit
from train.quantise import PIXEL_STEP, PIXEL_ZERO, Block, Convolution, QuantisedResNet, Rounding

IR_VERSION = 10  # of the reference too


class Value(NamedTuple):
    """A dequantised value of the graph: its name, and how it is quantised."""

    name: str
    step: np.float32
    zero: int


class Graph:
    """Nodes and constants in the making; the output of a node has the node's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: npt.NDArray[Any] | np.generic) -> str:
        """Keep an array. Returns its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node. Returns its name."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def pixels(self, crops: str) -> Value:
        """The normalised crops as the pixels that they were, by a step and a zero of each channel."""
        mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
        steps = self.constant("pixels_steps", (1 / (255 * std)).astype(np.float32))
        zeros = self.constant("pixels_zeros", (255 * mean).round().astype(np.uint8))
        whole = self.node("QuantizeLinear", "pixels_u8", [crops, steps, zeros], axis=1)
        return self._dequantised("pixels", whole, np.float32(PIXEL_STEP), PIXEL_ZERO)

    def rounded(self, name: str, values: str, rounding: Rounding) -> Value:
        """Values rounded as in training."""
        return self.quantised(name, values, np.float32(rounding.log_step.exp().item()), rounding.zero)

    def quantised(self, name: str, values: str, step: np.float32, zero: int) -> Value:
        """Values on the numbers step * (q - zero)."""
        inputs = [values, f"{name}_step", f"{name}_zero"]
        return self._dequantised(name, self.node("QuantizeLinear", f"{name}_u8", inputs), step, zero)

    def _dequantised(self, name: str, whole: str, step: np.float32, zero: int) -> Value:
        stored = [self.constant(f"{name}_step", step), self.constant(f"{name}_zero", np.uint8(zero))]
        return Value(self.node("DequantizeLinear", name, [whole, *stored]), step, zero)

    def convolution(self, name: str, values: Value, layer: Convolution) -> Value:
        """QLinearConv: S8 weights, S32 bias in steps of the products."""
        steps = layer.weight_steps().numpy()
        weight = (layer.weight.detach().numpy() / steps[:, None, None, None]).round().astype(np.int8)
        bias_steps = values.step * steps
        bias = (layer.bias.detach().numpy() / bias_steps).round().astype(np.int32)
        restored = [
            self._per_channel(f"{name}_weight", weight, steps),
            self._per_channel(f"{name}_bias", bias, bias_steps),
        ]
        strides, pads = list(layer.stride), [*layer.padding] * 2
        found = self.node("Conv", f"{name}_conv", [values.name, *restored], strides=strides, pads=pads)
        return self.rounded(name, found, layer.out)

    def _per_channel(self, name: str, whole: npt.NDArray[Any], steps: npt.NDArray[np.float32]) -> str:
        zeros = np.zeros(len(whole), whole.dtype)
        stored = {"whole": whole, "step": steps, "zero": zeros}
        inputs = [self.constant(f"{name}_{part}", array) for part, array in stored.items()]
        return self.node("DequantizeLinear", name, inputs, axis=0)

    def block(self, name: str, values: Value, block: Block) -> Value:
        """Two convolutions, and QLinearAdd with what went in."""
        own = self.convolution(f"{name}.conv1", values, block.conv1)
        own = self.convolution(f"{name}.conv2", own, block.conv2)
        if isinstance(block.downsample, Convolution):
            values = self.convolution(f"{name}.downsample", values, block.downsample)
        return self.rounded(f"{name}.sum", self.node("Add", f"{name}.add", [own.name, values.name]), block.sum)

    def head(self, features: Value, network: QuantisedResNet, cells: int) -> None:
        """The outputs, in fp32: the evidence, and the logit, which is its mean plus a bias: see `Evidence`."""
        weight, bias = ai_logit(network.fc.weight.T).numpy(), ai_logit(network.fc.bias[None])[0].item()
        own = self.node("Conv", "cells", [features.name, self.constant("head_weight", weight[None, :, None, None])])
        axes = self.constant("head_axes", np.array([1, 2, 3]))
        mean = self.node("ReduceMean", "cells_mean", [own, axes], keepdims=0)
        self.node("Add", "logit", [mean, self.constant("head_bias", np.float32(bias))])
        self.node("Reshape", "evidence", [own, self.constant("evidence_shape", np.array([-1, cells, cells]))])


@torch.no_grad()
def int8_model(network: QuantisedResNet, crop_size: int, opset: int) -> onnx.ModelProto:
    """The ONNX model of a quantised network, with the reference's input, outputs and opset."""
    graph, cells = Graph(), crop_size // 32
    values = graph.convolution("conv1", graph.pixels("views"), network.conv1)
    pooled = graph.node("MaxPool", "maxpool", [values.name], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    values = graph.quantised("pool", pooled, values.step, values.zero)
    for number, stage in enumerate((network.layer1, network.layer2, network.layer3, network.layer4), 1):
        for place, block in enumerate(stage):
            assert isinstance(block, Block)  # for the type checker
            values = graph.block(f"layer{number}.{place}", values, block)
    graph.head(values, network, cells)

    def told(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["views", *shape])

    outputs = [told("logit"), told("evidence", cells, cells)]
    made = helper.make_graph(graph.nodes, "fauxto", [told("views", 3, crop_size, crop_size)], outputs, graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
