"""int8 in training: a network that rounds where onnxruntime's QLinearConv and QLinearAdd do, and learns with it.

Weights take 7 bits a channel: on x86 without VNNI two products of a full U8 and S8 overflow the 16 bits that they are
added in. Activations take 8 bits without a sign, in steps that are learnt too (Esser et al. 2020, arXiv 1902.08153).
Gradients pass a rounding as if it were not there (Bengio et al. 2013, arXiv 1308.3432).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock

from train.config import IMAGENET_MEAN, IMAGENET_STD

WEIGHT_LIMIT = 63
"""Steps of the largest weight of a channel."""

RELU, SIGNED = 0, 128
"""Zero points. After a ReLU the lower end of U8 is the ReLU itself; values of both signs have it half way."""

PIXEL_STEP, PIXEL_ZERO = 1 / 57.5, 114
"""The input's, near the mean of the channels' own: 255 times their deviations, 255 times their means."""

CLIPPED = torch.linspace(0.25, 1, 31)
"""Ranges that a first step is chosen from, as shares of the largest value: a few outliers may be clipped."""


class Rounding(nn.Module):
    """(…) float -> float32 of the same shape, step * (q - zero) with q a whole number in 0..255.

    Attributes:
        log_step: (1,) the step's logarithm, so that the optimizer's rate is a relative one.
        zero: the zero point, RELU or SIGNED.
    """

    def __init__(self, zero: int) -> None:
        super().__init__()
        self.zero, self.log_step = zero, nn.Parameter(torch.zeros(1))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Round to the nearest, ties to even."""
        return self.rounded(values.float(), self.log_step.exp())

    def rounded(self, values: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Values rounded in this step; its gradient is that of LSQ."""
        steps = (values / step).clamp(-self.zero, 255 - self.zero)
        return (steps + (steps.round() - steps).detach()) * step

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Set the step that has the least squared error on `values`."""
        values = values if self.zero else values.relu()
        sample = values.flatten()[:: max(1, values.numel() // 2**18)]
        steps = values.abs().max().clamp(min=1e-6) / (255 - self.zero) * CLIPPED.to(values.device)
        errors = torch.stack([(self.rounded(sample, step) - sample).square().mean() for step in steps])
        self.log_step.fill_(steps[errors.argmin()].log())


class Convolution(nn.Module):
    """QLinearConv: a convolution of rounded weights, its answer rounded. `layer` carries its norm: see `fold_norms`."""

    def __init__(self, layer: nn.Conv2d, zero: int) -> None:
        super().__init__()
        assert layer.bias is not None  # for the type checker
        self.weight, self.bias = layer.weight, layer.bias
        self.stride, self.padding = layer.stride, layer.padding
        self.out = Rounding(zero)

    def weight_steps(self) -> torch.Tensor:
        """(O,) float32, of each output channel."""
        return self.weight.detach().abs().amax((1, 2, 3)).clamp(min=1e-8) / WEIGHT_LIMIT

    def rounded_weight(self) -> torch.Tensor:
        """(O, I, K, K) float32."""
        steps = self.weight_steps()[:, None, None, None]
        return self.weight + ((self.weight / steps).round() * steps - self.weight).detach()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(N, I, H, W) -> (N, O, H / stride, W / stride) float32."""
        values = conv2d(values, self.rounded_weight(), self.bias, self.stride, self.padding)
        rounded: torch.Tensor = self.out(values)
        return rounded


class Block(nn.Module):
    """A resnet's block: two convolutions, and QLinearAdd with what went in."""

    def __init__(self, block: BasicBlock) -> None:
        super().__init__()
        self.conv1, self.conv2 = Convolution(block.conv1, RELU), Convolution(block.conv2, SIGNED)
        self.downsample = Convolution(block.downsample[0], SIGNED) if block.downsample else nn.Identity()
        self.sum = Rounding(RELU)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(N, I, H, W) -> (N, O, H / stride, W / stride) float32."""
        rounded: torch.Tensor = self.sum(self.conv2(self.conv1(values)) + self.downsample(values))
        return rounded


class QuantisedResNet(nn.Module):
    """A resnet18 as the int8 file computes it, but for the order of sums.

    The input's whole numbers are the pixels themselves. The head stays in fp32: it costs nothing, and a logit in 256
    steps is a coarse one.
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: ResNet) -> None:
        """Take over a network whose norms are folded; `set_steps` comes next."""
        super().__init__()
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("scale", 255 * std * PIXEL_STEP, persistent=False)
        self.register_buffer("shift", (255 * mean - PIXEL_ZERO) * PIXEL_STEP, persistent=False)
        self.conv1, self.maxpool = Convolution(network.conv1, RELU), network.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(*map(Block, stage))
            for stage in (network.layer1, network.layer2, network.layer3, network.layer4)
        )
        self.fc = network.fc
        with torch.no_grad():
            self.conv1.weight /= self.scale
            self.conv1.bias -= (self.conv1.weight * self.shift).sum((1, 2, 3))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) normalised crops -> (N, 2) outputs."""
        values = self.maxpool(self.conv1(crops * self.scale + self.shift))
        values = self.layer4(self.layer3(self.layer2(self.layer1(values))))
        outputs: torch.Tensor = self.fc(values.mean((2, 3)))
        return outputs


def fold_norms(network: ResNet) -> ResNet:
    """The network, in eval mode, with its batch norms folded into the convolutions before them."""
    convolutions = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    norms = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    for (name, convolution), (follower, norm) in zip(convolutions, norms, strict=True):  # in turn, in a resnet
        network.set_submodule(name, fuse_conv_bn_eval(convolution, norm))
        network.set_submodule(follower, nn.Identity())
    return network


@torch.no_grad()
def set_steps(network: QuantisedResNet, crops: torch.Tensor) -> None:
    """Set the steps of all activations, from first to last, by what `crops` (N, 3, S, S) float32 make of them."""
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: layer.fit(inputs[0]))
        for layer in network.modules()
        if isinstance(layer, Rounding)
    ]
    network(crops)
    for hook in hooks:
        hook.remove()
