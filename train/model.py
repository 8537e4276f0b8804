"""The network: torchvision's resnet18 with an output for each of LABELS, or its int8 one, and parameter groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torchvision.models import ResNet, ResNet18_Weights, resnet18

from fauxto.evaluate.dataset import LABELS
from train.checkpoint import read_model
from train.config import NO_RUN
from train.errors import TrainError
from train.quantise import QuantisedResNet, Rounding, fold_norms

LR_SCALE = {"stem": 0.25, "body": 0.5, "head": 1.0, "step": 250.0}
"""Discriminative learning rates: what early layers know from ImageNet is worth keeping. The steps of an int8 network
are learnt as logarithms, by relative amounts; its weights, which no norm follows, bear very small changes only."""


def build(weights: str) -> ResNet:
    """A resnet18 with two outputs, from "imagenet", "none" (random), or the model.pt of an earlier run.

    Raises:
        TrainError: the weights cannot be had.
    """
    try:
        network = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1 if weights == "imagenet" else None)
    except OSError as error:
        raise TrainError(f"the ImageNet weights cannot be downloaded ({error}); try --weights none") from None
    network.fc = nn.Linear(network.fc.in_features, len(LABELS))
    if weights not in NO_RUN:
        state = read_model(Path(weights))
        if state["config"]["quantise"]:
            raise TrainError(f"{weights}: an int8 network; name the fp32 run that it was made from")
        network.load_state_dict(state["model"])
    return network


def with_weights(weights: Mapping[str, torch.Tensor]) -> ResNet | QuantisedResNet:
    """The network with these weights, of a plain run or of one with --quantise, in eval mode."""
    plain = build("none").eval()
    network = QuantisedResNet(fold_norms(plain)) if "conv1.out.log_step" in weights else plain
    network.load_state_dict(weights)
    return network.eval()


def parameter_groups(network: nn.Module, lr: float, weight_decay: float) -> list[dict[str, object]]:
    """Optimizer groups: stem, body and head with their own rates, and int8's steps; only weights decay."""
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        part = "head" if name.startswith("fc") else "body" if name.startswith(("layer3", "layer4")) else "stem"
        part = "step" if name.endswith("log_step") else part
        groups.setdefault((part, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": params, "lr": lr * LR_SCALE[part], "weight_decay": weight_decay if decays else 0.0}
        for (part, decays), params in groups.items()
    ]


def freeze_body(network: nn.Module, frozen: bool) -> None:
    """Freeze or free all but the head. Batch norms keep adapting, as fastai leaves them, and so do steps of int8."""
    adapting = [m for m in network.modules() if isinstance(m, (nn.BatchNorm2d, Rounding))]
    free = {id(p) for m in adapting for p in m.parameters(recurse=False)}
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not frozen or name.startswith("fc") or id(parameter) in free)


@torch.no_grad()
def one_output(network: ResNet | QuantisedResNet) -> None:
    """Put the whole logit of "ai" into its own output: the other one is 0, and the answer the same."""
    layer, ai = network.fc, LABELS.index("ai")
    weight, bias = ai_logit(layer.weight.T), ai_logit(layer.bias[None])[0]
    layer.weight.zero_()
    layer.bias.zero_()
    layer.weight[ai], layer.bias[ai] = weight, bias


def ai_logit(outputs: torch.Tensor) -> torch.Tensor:
    """(N, 2) network outputs -> (N,) logit of "ai" against "real"."""
    return outputs[:, LABELS.index("ai")] - outputs[:, LABELS.index("real")]
