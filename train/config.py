"""Every setting of a training run, in one place; RUN/config.toml is this, written out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from fauxto.argument_types import natural, positive, share
from fauxto.files import replacing
from fauxto.image.preprocess import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CENTRE_AND_QUARTERS = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))

FILES = ("aligned", "hard_negatives", "held_out", "bias_file")
"""Settings that name a file or folder of this machine, which a released model does not bring along."""

NO_RUN = ("imagenet", "none")
"""Initial weights that are no earlier run's."""

RENAMED = {
    "crop": "train_crop",
    "doubts": "hard_negatives",
    "leave_out": "held_out",
    "pooled_views": "pooled_crops",
    "unseen": "bias_file",
    "view_size": "crop_size",
    "views": "crops",
    "warm_up": "pct_start",
}
"""Settings of 0.1.0 and what they are called now."""

DATA, OPTIMISATION, MACHINE, USE = "training data", "optimisation", "machine", "validation and the exported model"


def option(
    group: str,
    text: str,
    kind: Callable[[str], Any] = str,
    metavar: str | None = None,
    choices: tuple[Any, ...] | None = None,
    resumable: bool = False,
) -> dict[str, Any]:
    """What the command line says of a setting. `kind` parses it; --resume may change it if it is `resumable`."""
    return {"group": group, "help": text, "type": kind, "metavar": metavar, "choices": choices, "resumable": resumable}


@dataclass(frozen=True)
class Config:
    """Settings of one run. Each field but `data` is an option of `python -m train` of the same name."""

    data: Path = field(metadata={"resumable": True})

    aligned: Path | None = field(
        default=None,
        metadata=option(
            DATA, "photographs with their reconstructions, from train.tools.reconstruct", Path, "DIR", resumable=True
        ),
    )
    aligned_share: float = field(
        default=0.15, metadata=option(DATA, "share of the crops that come from --aligned", share, "SHARE")
    )
    hard_negatives: Path | None = field(
        default=None,
        metadata=option(
            DATA,
            "scores from train.tools.hard_negatives; photographs that look like AI are then drawn more often",
            Path,
            "CSV",
        ),
    )
    held_out: Path | None = field(
        default=None,
        metadata=option(DATA, "text file of sources to keep out of training, one a line", Path, "FILE"),
    )
    val_share: float = field(
        default=0.15, metadata=option(DATA, "share of DATA for validation, if it has no val folder", share, "SHARE")
    )

    weights: str = field(
        default="imagenet",
        metadata=option(
            OPTIMISATION, "initial weights: imagenet, none (random), or the model.pt of an earlier run", str, "WEIGHTS"
        ),
    )
    quantise: bool = field(
        default=False,
        metadata=option(OPTIMISATION, "train an int8 network to answer as the fp32 one of --weights RUN/model.pt does"),
    )
    epochs: int = field(
        default=8,
        metadata=option(
            OPTIMISATION, "epochs of the whole network, after a short one of the head alone", positive, "N"
        ),
    )
    samples: int = field(default=8000, metadata=option(OPTIMISATION, "crops in an epoch", positive, "N"))
    train_crop: int = field(default=192, metadata=option(OPTIMISATION, "side of a training crop, px", positive, "PX"))
    batch: int = field(default=64, metadata=option(OPTIMISATION, "crops in a step, per process", positive, "N"))
    lr: float = field(
        default=1e-3,
        metadata=option(
            OPTIMISATION, "peak learning rate of the head; earlier layers take a half and a quarter", float, "RATE"
        ),
    )
    pct_start: float = field(
        default=0.3,
        metadata=option(
            OPTIMISATION,
            "share of the steps in which the learning rate rises; small if --weights is a trained model",
            share,
            "SHARE",
        ),
    )
    weight_decay: float = field(
        default=0.05,
        metadata=option(OPTIMISATION, "weight decay of AdamW, except for norms and biases", float, "DECAY"),
    )
    ema: float = field(
        default=0.995,
        metadata=option(
            OPTIMISATION, "decay of the averaged weights, which are the ones that are saved", share, "DECAY"
        ),
    )
    seed: int = field(default=0, metadata=option(OPTIMISATION, "random seed", int, "SEED"))

    device: str = field(
        default="auto",
        metadata=option(
            MACHINE,
            "device to train on; auto is mps, else cuda, else cpu",
            choices=("auto", "mps", "cuda", "cpu"),
            resumable=True,
        ),
    )
    precision: str = field(
        default="auto",
        metadata=option(
            MACHINE,
            "training precision; auto times both on the device and takes the faster",
            choices=("auto", "fp32", "bf16"),
            resumable=True,
        ),
    )
    workers: int = field(
        default=2, metadata=option(MACHINE, "processes that decode and augment", natural, "N", resumable=True)
    )

    val_pictures: int = field(
        default=600, metadata=option(USE, "pictures of each class to validate on after every epoch", positive, "N")
    )
    report_pictures: int = field(
        default=600,
        metadata=option(USE, "pictures of each class for calibration and report", positive, "N", resumable=True),
    )
    bias_file: Path | None = field(
        default=None,
        metadata=option(
            USE, "bias to add to the calibration, from train.tools.held_out_bias", Path, "JSON", resumable=True
        ),
    )
    crop_size: int = field(
        default=224, metadata=option(USE, "side of a crop that the exported model reads, px", positive, "PX")
    )
    max_short_side: int = field(
        default=640, metadata=option(USE, "short side that larger pictures are scaled down to, px", positive, "PX")
    )
    crops: int = field(
        default=5, metadata=option(USE, "crops that the exported model reads of a picture", int, choices=(1, 5))
    )
    pooled_crops: int = field(
        default=3,
        metadata=option(
            USE,
            "crops, those with the largest logits, whose mean is the picture's logit",
            positive,
            "N",
            resumable=True,
        ),
    )

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], **changes: Any) -> Config:
        """Settings as they were stored, by this version or an older one, with `changes`.

        Settings that are unknown here are dropped, those that are missing get their default.
        """
        current = {RENAMED.get(name, name): value for name, value in settings.items()}
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in (current | changes).items() if name in known}
        for name in ("data", *FILES):
            if isinstance(values.get(name), str):
                values[name] = Path(values[name]) if values[name] or name == "data" else None
        return cls(**values)

    @classmethod
    def from_checkpoint(cls, state: Mapping[str, Any]) -> Config:
        """The settings in a checkpoint.pt or model.pt."""
        return cls.from_settings(state["config"])

    def to_dict(self) -> dict[str, str | int | float]:
        """Plain values, as TOML and torch.load(weights_only=True) take them; a file that is not named is ""."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return values | {name: str(values[name] or "") for name in ("data", *FILES)}

    def preprocessing(self) -> Preprocessing:
        """What the runtime must do to an image before this model reads it."""
        return Preprocessing(
            crop_size=self.crop_size,
            max_short_side=self.max_short_side,
            filter="bicubic",
            positions=CENTRE_AND_QUARTERS[: self.crops],
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            pooled_crops=min(self.crops, self.pooled_crops),
        )


RESUMABLE = tuple(item.name for item in fields(Config) if item.metadata["resumable"])
"""Settings that --resume may change."""


def flag(name: str) -> str:
    """The option of a setting: "--train-crop"."""
    return "--" + name.replace("_", "-")


def write_config(config: Config, run: Path) -> None:
    """Write RUN/config.toml."""
    with replacing(run / "config.toml") as file:
        file.write(tomli_w.dumps(config.to_dict()))


def parse(argv: list[str] | None = None) -> tuple[Config, Path, bool]:
    """Read the command line. Returns (config, RUN folder, whether to resume)."""
    parser = argparse.ArgumentParser(
        prog="python -m train",
        usage="python -m train DATA --out RUN [--resume] [OPTION ...]",
        description="Train a detector on DATA/train/{ai,real} and DATA/val/{ai,real}, or on DATA/{ai,real}.",
        epilog="example: python -m train ~/pictures --out runs/first --epochs 4",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with one sub-folder for each class")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder that the run writes into")
    parser.add_argument("--resume", action="store_true", help="continue RUN after its last finished epoch")
    groups = {name: parser.add_argument_group(name) for name in (DATA, OPTIMISATION, MACHINE, USE)}
    for item in fields(Config)[1:]:
        told = dict(item.metadata)
        group = groups[told.pop("group")]
        told.pop("resumable")
        if item.default is False:
            group.add_argument(flag(item.name), action="store_true", help=told["help"])
            continue
        told["help"] += "" if item.default is None else " (default: %(default)s)"
        group.add_argument(flag(item.name), default=item.default, **told)
    values = vars(parser.parse_args(argv))
    out, resume = values.pop("out"), values.pop("resume")
    config = Config(**values)
    if config.crop_size > config.max_short_side:
        parser.error(f"--crop-size {config.crop_size} is larger than --max-short-side {config.max_short_side}")
    if config.quantise and config.weights in NO_RUN:
        parser.error("--quantise needs --weights RUN/model.pt: the network to quantise")
    return config, out, resume
