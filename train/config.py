"""Every setting of a training run, in one place; RUN/config.toml is this, written out."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fauxto.preprocess import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CENTRE_AND_QUARTERS = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))


@dataclass(frozen=True)
class Config:
    """Settings of one run. Each field is an option of `python -m train` of the same name."""

    data: str = ""
    weights: str = "imagenet"  # or "none"
    device: str = "auto"
    precision: str = "auto"  # or "fp32", "bf16": auto times both
    seed: int = 0
    epochs: int = 8  # unfrozen epochs, after one epoch of the head alone
    samples: int = 8000  # pictures drawn for one epoch
    crop: int = 160  # training crop, px
    batch: int = 64
    lr: float = 1e-3  # of the head; earlier groups take less (model.LR_SCALE)
    weight_decay: float = 0.05
    ema: float = 0.995
    workers: int = 2
    val_share: float = 0.15  # of the groups, where DATA has no val folder
    val_pictures: int = 600  # pictures of each class that every epoch is measured on
    report_pictures: int = 600  # pictures of each class that the calibration and the report use
    view_size: int = 224  # of the model that is shipped, px
    max_short_side: int = 1024  # px
    views: int = 5

    def preprocessing(self) -> Preprocessing:
        """What the runtime must do to a picture before this model sees it."""
        return Preprocessing(
            view_size=self.view_size,
            max_short_side=self.max_short_side,
            filter="bicubic",
            positions=CENTRE_AND_QUARTERS[: self.views],
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
        )


CHOICES = {
    "weights": ("imagenet", "none"),
    "device": ("auto", "mps", "cuda", "cpu"),
    "precision": ("auto", "fp32", "bf16"),
    "views": (1, 5),
}


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
    for field in dataclasses.fields(Config):
        if field.name != "data":
            parser.add_argument(
                "--" + field.name.replace("_", "-"),
                type=type(field.default),
                default=field.default,
                choices=CHOICES.get(field.name),
                help=" ",
            )
    values = vars(parser.parse_args(argv))
    out, resume = values.pop("out"), values.pop("resume")
    return Config(**values), out, resume
