"""The network -> model.onnx, the reference that every other file is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn
from torchvision.models import ResNet

from export.embedded import save
from export.errors import ExportError
from export.storage import half_weights
from train.model import ai_logit


class Evidence(nn.Module):
    """(N, 3, S, S) crops -> (N,) logits of "ai", and (N, S / 32, S / 32) where in the crop they come from.

    The head is linear and the pooling a mean, so that the two change places: the logit is the mean of the
    evidence plus a bias. This is the class activation map of Zhou et al. (2016), at no cost.
    """

    def __init__(self, network: ResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logit, and its evidence. The argument is the name of the file's input."""
        n = self.network
        features = n.maxpool(n.relu(n.bn1(n.conv1(views))))
        features = n.layer4(n.layer3(n.layer2(n.layer1(features))))
        weight = ai_logit(n.fc.weight.T)  # (512,)
        cells = nn.functional.conv2d(features, weight[None, :, None, None])
        # A reshape rather than [:, 0], whose Gather Core ML's execution provider leaves to the CPU.
        return cells.mean((1, 2, 3)) + ai_logit(n.fc.bias[None])[0], cells.reshape(-1, *cells.shape[2:])


def write_reference(network: ResNet, crop_size: int, card: dict[str, Any], path: Path) -> onnx.ModelProto:
    """The reference ONNX file, dynamic in the number of crops, checked, with the card in its metadata.

    Its input and that dimension are called "views": runtimes fix the dimension by this name.

    Adds the opset to `card`. Returns the same model with its weights in single precision.
    """
    program = torch.onnx.export(
        Evidence(network).eval(),
        (torch.zeros(2, 3, crop_size, crop_size),),
        input_names=["views"],
        output_names=["logit", "evidence"],
        dynamic_shapes={"views": {0: torch.export.Dim("views", min=1)}},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    if program is None:  # so say torch's types
        raise ExportError("torch wrote no ONNX program; install the torch of constraints.txt")
    proto = without_traces(program.model_proto)
    card["opset"] = next(entry.version for entry in proto.opset_import if not entry.domain)
    save(half_weights(proto), card, path)
    return proto


def without_traces(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Take out what torch writes of where each node comes from: lines of code, with this machine's paths."""
    graph = proto.graph
    for entry in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del entry.metadata_props[:]
    return proto
