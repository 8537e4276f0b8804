"""A released ONNX file -> the model.pt of a run, so that training can go on from it.

    python -m export.unfold models/fauxto-r18 DATA --out RUN
    python -m train DATA --weights RUN/model.pt --out NEXT
    python -m train.tools.recalibrate RUN --out NEXT --max-short-side 640   # the same network, calibrated anew

A release holds its batch norms folded into the convolutions, where they cannot adapt. Here they are set apart again,
with the mean and the variance that training crops of DATA have in each of them: in use the network answers as before,
and in training it starts from norms that fit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import nn
from torchvision.models import ResNet

from export.weights import network
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from train.checkpoint import MODEL, save
from train.config import FILES, Config
from train.crops import TrainingCrops, training_batches
from train.data import read_images
from train.errors import TrainError, exit_status
from train.model import build
from train.sampling import sampling_weights

CROPS, BATCH = 640, 64  # ten batches: enough for the statistics of a channel


@torch.no_grad()
def unfolded(file: Path) -> ResNet:
    """The network of an ONNX file as training builds it, in eval mode. Its norms pass everything as it is."""
    released, own = network(file), build("none").eval()
    sources = [layer for layer in released.modules() if isinstance(layer, nn.Conv2d)]
    convolutions = [layer for layer in own.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in own.modules() if isinstance(layer, nn.BatchNorm2d)]
    for source, convolution, norm in zip(sources, convolutions, norms, strict=True):
        assert source.bias is not None  # for the type checker: every one has them
        assert norm.running_var is not None
        convolution.weight.copy_(source.weight)
        norm.bias.copy_(source.bias)
        norm.running_var.fill_(1 - norm.eps)
    for joined, halves in ((released.fc.weight, own.fc.weight), (released.fc.bias, own.fc.bias)):
        halves.copy_(torch.cat([joined, -joined]) / 2)  # LABELS: "ai", then "real"
    return own


@torch.no_grad()
def set_norms(model: nn.Module, crops: torch.Tensor, batch: int = BATCH) -> None:
    """Give norms that pass everything the statistics of `crops` (N, 3, S, S) float32; their scale undoes them."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    sums = {norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in norms}

    def add(norm: nn.Module, inputs: tuple[torch.Tensor], _: torch.Tensor) -> None:
        values = inputs[0].transpose(0, 1).flatten(1).double()
        sums[norm] += torch.stack(  # type: ignore[index] # hooked to norms alone
            [values.sum(1), values.square().sum(1), torch.full_like(values[:, 0], values.shape[1])]
        )

    hooks = [norm.register_forward_hook(add) for norm in norms]
    for start in range(0, len(crops), batch):
        model(crops[start : start + batch])
    for norm, hook in zip(norms, hooks, strict=True):
        hook.remove()
        total, squares, count = sums[norm]
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0)
        assert norm.running_mean is not None  # for the type checker
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean.float())


def unfold(model: Model, data: Path, out: Path) -> None:
    """Write OUT/model.pt.

    Raises:
        ModelError: the model's reference file is missing or damaged.
        TrainError: DATA cannot be trained on, or OUT holds a run.
    """
    if (out / MODEL).exists():
        raise TrainError(f"{out}: holds a run already; name another --out")
    card = model.card.raw
    absent = dict.fromkeys(FILES, "")  # files that the settings name did not come along
    config = Config.from_settings(card["training"], data=data, **absent)
    own = unfolded(model.file(MODEL_FILE)[0])
    images, _ = read_images(data, config.val_share, config.seed)
    drawn = TrainingCrops(images, sampling_weights(images), CROPS, config.train_crop, config.seed, epoch=0)
    batches = training_batches(drawn, config.preprocessing(), BATCH, config.workers)
    set_norms(own, torch.cat([crops for crops, _ in batches]))
    out.mkdir(parents=True, exist_ok=True)
    copied = {name: card[name] for name in ("architecture", "calibration", "operating_points")}
    save(out / MODEL, {**copied, "config": config.to_dict(), "model": own.state_dict()})
    print(f"written: {out / MODEL}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Unfold MODEL into RUN/model.pt. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.unfold",
        description="Turn a released ONNX file into the model.pt of a run, so that training can go on from it.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a released model, with model.onnx in it")
    parser.add_argument("data", type=Path, metavar="DATA", help="pictures that the next run trains on")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder to write model.pt into")
    args = parser.parse_args(argv)
    return exit_status("export.unfold", lambda: unfold(Model.open(args.model), args.data, args.out))


if __name__ == "__main__":
    sys.exit(main())
