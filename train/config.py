"""Every setting of a training run, in one place; RUN/config.toml is this, written out."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from fauxto.image.preprocess import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

FILES = ("aligned", "doubts", "leave_out", "unseen")
"""Settings that name a file or folder of this machine, which a released model does not bring along."""

CENTRE_AND_QUARTERS = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))


def option(default: Any, text: str, choices: tuple[Any, ...] | None = None) -> Any:
    """A setting with its default, what --help says of it, and what it may be."""
    return field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class Config:
    """Settings of one run. Each field is an option of `python -m train` of the same name."""

    data: str = ""
    weights: str = option("imagenet", "what the network starts from: imagenet, none, or the model.pt of a run")
    device: str = option("auto", "auto is mps, else cuda, else cpu", ("auto", "mps", "cuda", "cpu"))
    precision: str = option("auto", "auto times both on this device", ("auto", "fp32", "bf16"))
    seed: int = option(0, "of all chance in the run")
    epochs: int = option(8, "epochs of the whole network, after one of the head alone")
    samples: int = option(8000, "pictures drawn for one epoch")
    aligned: str = option(
        "", "pairs to draw: a folder of train.reconstruct; with --augment-on device, one of autoencoders (*.pt2)"
    )
    aligned_share: float = option(0.15, "share of the draws that such pairs take, where there are some")
    doubts: str = option("", "file of train.doubts: photographs to draw more often than others")
    leave_out: str = option("", "file of sources, one a line, to keep out of training, for train.unseen")
    unseen: str = option("", "file of train.unseen: the calibration is moved by it, for sources not in training")
    augment_on: str = option(
        "workers", "who draws and augments crops: processes, or the device itself (a GPU)", ("workers", "device")
    )
    crop: int = option(192, "side of a training crop, px")
    batch: int = option(64, "crops in one step, on each device")
    lr: float = option(1e-3, "peak rate of the head; earlier layers take a half and a quarter of it")
    warm_up: float = option(0.3, "share of the steps in which the rate rises; short where --weights are good already")
    weight_decay: float = option(0.05, "of AdamW, not for norms and biases")
    ema: float = option(0.995, "decay of the averaged weights, which are the ones that are kept")
    workers: int = option(2, "processes that decode and augment")
    val_share: float = option(0.15, "share of the pictures for val, where DATA has no val folder")
    val_pictures: int = option(600, "pictures of each class that every epoch is measured on")
    report_pictures: int = option(600, "pictures of each class for the calibration and the report")
    head: str = option("trained", "the last layer: as trained, or only what speaks for ai", ("trained", "positive"))
    view_size: int = option(224, "side of the views that the exported model reads, px")
    max_short_side: int = option(640, "larger pictures are scaled down to this short side, px")
    views: int = option(5, "views that the exported model reads of a picture", (1, 5))
    pooled_views: int = option(3, "views, those with the largest logits, whose mean is the picture's")

    def preprocessing(self) -> Preprocessing:
        """What the runtime must do to a picture before this model sees it."""
        return Preprocessing(
            view_size=self.view_size,
            max_short_side=self.max_short_side,
            filter="bicubic",
            positions=CENTRE_AND_QUARTERS[: self.views],
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            pooled_views=min(self.views, self.pooled_views),
        )


def write(config: Config, run: Path) -> None:
    """Write RUN/config.toml."""
    (run / "config.toml").write_text(tomli_w.dumps(asdict(config)), encoding="utf-8")


def parse(argv: list[str] | None = None) -> tuple[Config, Path, bool]:
    """Read the command line. Returns (config, RUN folder, whether to resume)."""
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a detector on DATA/train/{ai,real} and DATA/val/{ai,real}, or on DATA/{ai,real}.",
        epilog="example: python -m train ~/pictures --out runs/first --epochs 4",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", help="folder with one sub-folder for each class")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder that the run writes into")
    parser.add_argument("--resume", action="store_true", help="go on from RUN's last finished epoch")
    for setting in fields(Config)[1:]:
        flag = "--" + setting.name.replace("_", "-")
        parser.add_argument(flag, type=type(setting.default), default=setting.default, **setting.metadata)
    values = vars(parser.parse_args(argv))
    out, resume = values.pop("out"), values.pop("resume")
    return Config(**values), out, resume
