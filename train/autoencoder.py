"""A small autoencoder of photographs, whose decoder leaves traces in what it draws: for aligned fakes.

Generators end in layers that double the sides of the picture, and each way of doubling leaves its own pattern (Zhang,
Karaman and Chang 2019, "Detecting and Simulating Artifacts in GAN Fake Images", who train an autoencoder for it). Few
autoencoders of real generators can be had; these are made from the training photographs alone.

    python -m train.autoencoder DATA --upsampling transposed --out AUTOENCODERS/transposed.pt2
    python -m train DATA --augment-on device --aligned AUTOENCODERS --out RUN
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim
from torch.nn.functional import l1_loss
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange

from train.batch_augment import Dice, resample
from train.errors import TrainError, exit_status
from train.fit import choose_device
from train.reconstruct import SCALE, SIDE, photographs
from train.resident import frames

UPSAMPLING = ("nearest", "transposed", "shuffle")
WIDTH = 64  # channels at full size, twice that below
LATENT = 32  # channels at a quarter of the size: enough to come out like the original, but for the traces
CROP, BATCH, RATE = 128, 64, 1e-3


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.change(x)


def doubling(kind: str, channels: int, out: int) -> nn.Module:
    """A layer that doubles both sides, (B, channels, H, W) to (B, out, 2 H, 2 W), in one of the ways of UPSAMPLING."""
    if kind == "transposed":
        return nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1)
    if kind == "shuffle":
        return nn.Sequential(nn.Conv2d(channels, 4 * out, 3, padding=1), nn.PixelShuffle(2))
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, out, 3, padding=1))


def build(upsampling: str) -> nn.Module:
    """The network, (B, 3, H, W) float32 in 0..1 to the same; H and W multiples of 4."""
    wide = 2 * WIDTH
    return nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, padding=1),
        Residual(WIDTH),
        nn.Conv2d(WIDTH, wide, 4, stride=2, padding=1),
        Residual(wide),
        nn.Conv2d(wide, wide, 4, stride=2, padding=1),
        Residual(wide),
        nn.Conv2d(wide, LATENT, 3, padding=1),
        nn.Conv2d(LATENT, wide, 3, padding=1),
        Residual(wide),
        doubling(upsampling, wide, wide),
        Residual(wide),
        doubling(upsampling, wide, WIDTH),
        Residual(WIDTH),
        nn.Conv2d(WIDTH, 3, 3, padding=1),
    )


def learn(upsampling: str, pixels: torch.Tensor, sizes: torch.Tensor, steps: int, seed: int) -> nn.Module:
    """Train on random parts of photographs, scaled down so that their own codec's traces go. The loss is the mean
    absolute difference of the pixels and of their neighbours' differences, without which it would only blur.
    """
    device = pixels.device
    torch.manual_seed(seed)
    network = build(upsampling).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    schedule = OneCycleLR(optimizer, RATE, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    dice = Dice(generator, torch.arange(BATCH), device)
    loss = torch.zeros(())
    for _ in trange(steps, desc=upsampling, disable=None):
        chosen = torch.randint(len(pixels), (BATCH,), generator=generator).to(device)
        scale = torch.maximum(dice.uniform(*SCALE), CROP / sizes[chosen].amin(1))
        wanted = resample(pixels[chosen].permute(0, 3, 1, 2), sizes[chosen], scale, CROP, dice) / 255
        with torch.autocast(device.type, torch.bfloat16):
            drawn = network(wanted)
        drawn = drawn.float()
        loss = l1_loss(drawn, wanted) + sum(l1_loss(drawn.diff(dim=axis), wanted.diff(dim=axis)) for axis in (2, 3))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
    print(f"{upsampling}: loss {loss.item():.4f} after {steps} steps", file=sys.stderr)
    return network.eval()


def make(data: Path, out: Path, upsampling: str, count: int, steps: int, seed: int) -> None:
    """Write OUT, a file of torch.export. Raises TrainError for a DATA that cannot be used."""
    pixels, sizes = frames(photographs(data, count, seed), choose_device("auto"), workers=4)
    large = sizes.amin(1) * SCALE[1] >= CROP
    if not large.any():
        raise TrainError(f"{data}: no photograph with {CROP / SCALE[1]:.0f} px or more on both sides")
    network = learn(upsampling, pixels[large], sizes[large], steps, seed).cpu()
    example = torch.zeros(2, 3, SIDE, SIDE)
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=({0: Dim("batch")},)), out)


def main(argv: list[str] | None = None) -> int:
    """Train an autoencoder on photographs of DATA/train/real."""
    parser = argparse.ArgumentParser(prog="python -m train.autoencoder", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/{ai,real}")
    parser.add_argument("--upsampling", choices=UPSAMPLING, default="nearest", help="how its decoder doubles the sides")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write, NAME.pt2")
    parser.add_argument("--count", type=int, default=2000, metavar="N", help="photographs (default: 2000)")
    parser.add_argument("--steps", type=int, default=2000, help=f"of {BATCH} parts each (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (default: 0)")
    args = parser.parse_args(argv)
    return exit_status(
        "train.autoencoder",
        lambda: make(args.data, args.out, args.upsampling, args.count, args.steps, args.seed),
    )


if __name__ == "__main__":
    sys.exit(main())
