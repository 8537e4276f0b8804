"""A released ONNX file -> the model.pt of a run, so that training can go on from it.

    python -m export.unfold models/fauxto-r18 DATA --out RUN
    python -m train DATA --weights RUN/model.pt --out NEXT
    python -m train.average RUN --out NEXT --max-short-side 640   # the same network, calibrated for other views

A release holds its batch norms folded into the convolutions, where they cannot adapt. Here they are set apart again,
with the mean and the variance that training crops of DATA have in each of them: in use the network answers as before,
and in training it starts from norms that fit.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from export.weights import network
from fauxto import card as cards
from fauxto.model.card import MODEL_FILE
from train.checkpoint import write_whole
from train.config import FILES, Config
from train.data import TrainingCrops, collate, draw_weights, read
from train.errors import TrainError, exit_status
from train.model import build

CROPS = 640  # ten batches: enough for the statistics of a channel


@torch.no_grad()
def unfolded(model: Path) -> nn.Module:
    """The network of an ONNX file as training builds it, in eval mode. Its norms pass everything as it is."""
    released, own = network(model), build("none").eval()
    kinds = ((released, nn.Conv2d), (own, nn.Conv2d), (own, nn.BatchNorm2d))
    layers = ([module for module in net.modules() if isinstance(module, kind)] for net, kind in kinds)
    for source, convolution, norm in zip(*layers, strict=True):
        convolution.weight.copy_(source.weight)
        norm.bias.copy_(source.bias)
        norm.running_var.fill_(1 - norm.eps)
    for whole, halves in ((released.fc.weight, own.fc.weight), (released.fc.bias, own.fc.bias)):
        halves.copy_(torch.cat([whole, -whole]) / 2)  # LABELS: "ai", then "real"
    return own


@torch.no_grad()
def set_norms(model: nn.Module, crops: torch.Tensor, batch: int = 64) -> None:
    """Give norms that pass everything the statistics of `crops` (N, 3, S, S) float32; their scale undoes them."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    sums = {norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in norms}

    def add(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor], _: torch.Tensor) -> None:
        values = inputs[0].transpose(0, 1).flatten(1).double()
        sums[norm] += torch.stack(
            [values.sum(1), values.square().sum(1), torch.full_like(values[:, 0], values.shape[1])]
        )

    hooks = [norm.register_forward_hook(add) for norm in norms]
    for part in crops.split(batch):
        model(part)
    for norm, hook in zip(norms, hooks, strict=True):
        hook.remove()
        total, squares, count = sums[norm]
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean.float())


def settings(training: dict[str, Any], data: Path) -> Config:
    """The settings that a card tells of, with DATA, without the files that did not come along."""
    known = {field.name for field in fields(Config)} - {"data", *FILES}
    return Config(data=str(data), **{name: value for name, value in training.items() if name in known})


def write(model: Path, data: Path, out: Path) -> None:
    """Write OUT/model.pt. Raises FauxtoError for a model, TrainError for a DATA or an OUT, that cannot be used."""
    if (out / "model.pt").exists():
        raise TrainError(f"{out}: holds a run already; name another --out")
    card = cards.read(model)
    config = settings(card.raw["training"], data)
    own = unfolded(cards.checked_file(model, card, MODEL_FILE)[0])
    pictures, _ = read(data, config.val_share, config.seed)
    drawn = TrainingCrops(pictures, draw_weights(pictures), CROPS, config.crop, config.seed, epoch=0)
    loader = DataLoader(drawn, 64, num_workers=config.workers, collate_fn=collate(config.preprocessing()))
    set_norms(own, torch.cat([crops for crops, _ in loader]))
    out.mkdir(parents=True, exist_ok=True)
    copied = {name: card.raw[name] for name in ("architecture", "labels", "calibration", "operating_points")}
    write_whole(out / "model.pt", {"format": 1, **copied, "config": asdict(config), "model": own.state_dict()})
    print(f"written: {out / 'model.pt'}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Unfold MODEL into RUN/model.pt."""
    parser = argparse.ArgumentParser(prog="python -m export.unfold", description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a released model, with model.onnx in it")
    parser.add_argument("data", type=Path, metavar="DATA", help="what the next run trains on")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder to write model.pt into")
    args = parser.parse_args(argv)
    return exit_status("export.unfold", lambda: write(args.model, args.data, args.out))


if __name__ == "__main__":
    sys.exit(main())
