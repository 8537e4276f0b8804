"""RUN/model.pt -> the network, and the card that describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import nn
from torchvision.models import ResNet

from export.errors import ExportError
from fauxto.evaluate.dataset import LABELS
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing, pool, prepare
from fauxto.image.source import Source
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.model.card import SCHEMA
from fauxto.model.model import sha256
from fauxto.system import git_commit
from train.checkpoint import read_model
from train.config import FILES, Config
from train.errors import TrainError
from train.model import ai_logit, one_output, with_weights
from train.quantise import QuantisedResNet, fold_norms

MINIMUM_SHORT_SIDE = 224  # px, of the smallest pictures of val; below it the verdict is "unsure"
WEIGHTS_LICENCE = "Apache-2.0"


def load_run(path: Path) -> tuple[dict[str, Any], str]:
    """RUN/model.pt, checked, and its sha256. Raises ExportError."""
    if not path.exists():
        raise ExportError(f"{path}: not there; has `python -m train` finished?")
    try:
        checkpoint = read_model(path)
    except TrainError as error:
        raise ExportError(str(error)) from None
    if checkpoint.get("labels") != list(LABELS):
        raise ExportError(f"{path}: its labels are not {', '.join(LABELS)}")
    if "calibration" not in checkpoint:
        raise ExportError(f"{path}: has no calibration; finish the run with python -m train … --resume")
    if "val" not in checkpoint:
        raise ExportError(
            f"{path}: an unfolded release without figures; python -m train.tools.recalibrate RUN --out NEW adds them"
        )
    return checkpoint, sha256(path)


@torch.no_grad()
def network_of(checkpoint: dict[str, Any]) -> ResNet:
    """The checkpoint's network as it is released: in eval mode, norms folded into the convolutions, one output (the
    other is 0), weights rounded to half precision.

    Every file is made of these very numbers, so that the small ones are as near to torch as the large ones.
    """
    network = with_weights(checkpoint["model"])
    if isinstance(network, QuantisedResNet):
        raise ExportError("RUN is an int8 network: export the fp32 run that it was made from, with --int8 RUN")
    fold_norms(network)
    one_output(network)
    for name, values in network.named_parameters():
        if name.endswith("weight"):
            values.copy_(values.half().float())
    return network.requires_grad_(False)


def make_card(
    name: str, checkpoint: dict[str, Any], state_hash: str, network: ResNet, version: int = 0
) -> dict[str, Any]:
    """The card, but for the opset, the files and their parity checks, and test's figures.

    Args:
        name: of the model, the same for all of its releases.
        checkpoint: of the run.
        state_hash: sha256 of the checkpoint's file.
        network: as it is released.
        version: number of the release; 0 for none.
    """
    rule = Config.from_checkpoint(checkpoint).preprocessing()
    return {
        "card": SCHEMA,
        "name": name,
        "version": version,
        "description": "Tells AI-generated pictures from photographs. A hint, never proof.",
        "weights_licence": WEIGHTS_LICENCE,
        "architecture": checkpoint["architecture"],
        "labels": checkpoint["labels"],
        "positive_label": "ai",
        "input": {
            "colour": "RGB",
            "crop_size": rule.crop_size,
            "max_short_side": rule.max_short_side,
            "filter": rule.filter,
            "positions": [list(position) for position in rule.positions],
            "pooling": "mean of the largest",
            "pooled_crops": rule.pooled_crops,
            "mean": list(rule.mean),
            "std": list(rule.std),
        },
        "calibration": checkpoint["calibration"],
        "operating_points": checkpoint["operating_points"],
        "default_operating_point": "fpr1",
        "minimum_short_side": MINIMUM_SHORT_SIDE,
        "val": checkpoint["val"],
        "trivial_baseline": checkpoint["trivial_baseline"],
        "data": checkpoint["data"],
        "training": training_settings(checkpoint["config"]),
        "checkpoint_sha256": state_hash,
        "precision": "fp32",
        "created": datetime.now(UTC).date().isoformat(),
        "git_commit": git_commit(),
        "versions": {"torch": checkpoint["torch"], "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        "golden": golden_logits(network, rule),
    }


def golden_logits(network: nn.Module, rule: Preprocessing) -> list[dict[str, float]]:
    """The card's "golden": the logits of the golden images."""
    return [{"picture": i, "logit": torch_logit(network, golden_image(i), rule)} for i in range(len(SIZES))]


def training_settings(config: dict[str, Any]) -> dict[str, Any]:
    """The run's settings without this machine's folders."""
    weights = config["weights"]
    return {key: value for key, value in config.items() if key != "data"} | {
        "weights": weights if weights in ("imagenet", "none") else "/".join(Path(weights).parts[-2:]),
        **{key: Path(config.get(key, "")).name for key in FILES},
    }


@torch.no_grad()
def torch_logit(network: nn.Module, image: Source, rule: Preprocessing) -> float:
    """Pooled logit of one image, by torch on the CPU."""
    logits = ai_logit(network(torch.from_numpy(prepare(load(image), rule))))
    return float(pool(logits.numpy()[None], rule)[0])
