"""The network: torchvision's resnet18 with an output for each of LABELS, and its parameter groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from fauxto.evaluate.dataset import LABELS
from train.errors import TrainError

LR_SCALE = {"stem": 0.25, "body": 0.5, "head": 1.0}
"""Discriminative learning rates: what early layers know from ImageNet is worth keeping."""


def build(weights: str) -> nn.Module:
    """A resnet18 with two outputs, from "imagenet", "none" (random), or the model.pt of an earlier run.

    Raises:
        TrainError: the weights cannot be had.
    """
    try:
        model = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1 if weights == "imagenet" else None)
    except OSError as error:
        raise TrainError(f"the ImageNet weights cannot be downloaded ({error}); try --weights none") from None
    model.fc = nn.Linear(model.fc.in_features, len(LABELS))
    if weights not in ("imagenet", "none"):
        model.load_state_dict(read_model(Path(weights))["model"])
    return model


def read_model(path: Path) -> dict[str, Any]:
    """The model.pt of a finished run. Raises TrainError where it is missing or something else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the damage leads to
        reason = str(error).splitlines()[0]
        raise TrainError(f"{path}: not the model.pt of a finished run ({reason})") from None
    if not isinstance(state, dict) or state.get("architecture") != "resnet18":
        raise TrainError(f"{path}: not a resnet18, the model.pt of a finished run")
    return state


def memory_layout(device: str) -> torch.memory_format:
    """The order of the axes that convolutions are fastest in on this device."""
    return torch.channels_last if device != "mps" else torch.contiguous_format


def parameter_groups(model: nn.Module, lr: float, weight_decay: float) -> list[dict[str, object]]:
    """Optimizer groups: stem, body and head with their own rates; norms and biases without decay."""
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        room = "head" if name.startswith("fc") else "body" if name.startswith(("layer3", "layer4")) else "stem"
        groups.setdefault((room, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": params, "lr": lr * LR_SCALE[room], "weight_decay": weight_decay if decays else 0.0}
        for (room, decays), params in groups.items()
    ]


def freeze_body(model: nn.Module, frozen: bool) -> None:
    """Freeze or free all but the head. Batch norms keep adapting, as fastai leaves them."""
    norms = {id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not frozen or name.startswith("fc") or id(parameter) in norms)


@torch.no_grad()
def stay_positive(model: nn.Module) -> None:
    """Take the features that speak for a photograph out of the last layer: only signs of generation are left.

    What real photographs have in common is their sources' way of working, and a new source has another. After Rajan
    and Lee 2025, "Stay-Positive", who train the layer once more under this constraint; here it is cut, and the
    calibration makes good for the offset.
    """
    one_output(model)
    model.fc.weight.clamp_(min=0)


@torch.no_grad()
def one_output(model: nn.Module) -> None:
    """Put the whole logit of "ai" into its own output: the other one is 0, and the answer the same."""
    layer, ai = model.fc, LABELS.index("ai")
    weight, bias = ai_logit(layer.weight.T), ai_logit(layer.bias[None])[0]
    layer.weight.zero_()
    layer.bias.zero_()
    layer.weight[ai], layer.bias[ai] = weight, bias


def ai_logit(outputs: torch.Tensor) -> torch.Tensor:
    """(N, 2) network outputs -> (N,) logit of "ai" against "real"."""
    return outputs[:, LABELS.index("ai")] - outputs[:, LABELS.index("real")]
