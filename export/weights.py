"""The released ONNX file's weights in a torchvision network: every contender of a benchmark computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torchvision.models import ResNet, resnet18

from fauxto.inference.onnx import OnnxSession


def network(model: Path) -> ResNet:
    """(N, 3, S, S) crops -> (N, 1) logits, in eval mode. The convolutions carry the folded batch norms as biases."""
    net = resnet18(norm_layer=lambda _: nn.Identity(), num_classes=1)
    graph = onnx.load(str(model)).graph
    values = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    values |= {n.output[0]: values[n.input[0]].astype(np.float32) for n in graph.node if n.op_type == "Cast"}
    found = [[values[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    *convolutions, head = found
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, convolutions, strict=True):
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        net.fc.weight.copy_(torch.from_numpy(head[0].reshape(1, -1).copy()))
        net.fc.bias.fill_(_bias(model, graph.input[0].type.tensor_type.shape.dim[-1].dim_value))
    return net.eval().requires_grad_(False)  # nobody records what it would need for training


def _bias(model: Path, size: int) -> float:
    """The head's bias: what a logit is more than the mean of its evidence. `size` is the side of a crop, px."""
    logit, evidence = OnnxSession(model).evidence(np.zeros((1, 3, size, size), np.float32))
    return float(logit[0] - evidence[0].mean())
