"""A folder of pictures -> the images to train and to validate on.

Layouts: DATA/train/{ai,real} with DATA/val/{ai,real}, or DATA/{ai,real} alone, which is split here.
An optional DATA/index.csv gives sources, generators and styles: see fauxto.evaluate.dataset.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from fauxto.evaluate.dataset import LABELS, LabelledImage, find, of_class, read_index
from fauxto.files import images_in
from fauxto.progress import tell, tracked
from train.config import Config
from train.errors import TrainError
from train.sampling import read_hard_negatives, sampling_weights

MIN_SIDE = 32  # px; a smaller image says nothing
ENOUGH = 100  # images of each class to calibrate on

Pair = tuple[Path, Path]
"""A photograph and what an autoencoder made of it."""


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from, read once.

    Attributes:
        train, val: the images.
        weights: (N,) float64 sampling weights of `train`.
        pairs: photographs with their reconstructions, which fill a share of the crops.
    """

    train: Sequence[LabelledImage]
    val: Sequence[LabelledImage]
    weights: torch.Tensor
    pairs: Sequence[Pair] = ()

    @classmethod
    def read(cls, config: Config) -> TrainingData:
        """What `config` names.

        Raises:
            TrainError: DATA or one of its classes has no usable image, or a file that `config` names does not fit it.
            FauxtoError: DATA/index.csv is damaged.
        """
        train, val = read_images(config.data, config.val_share, config.seed)
        train, _ = hold_out(train, config.held_out)
        negatives = read_hard_negatives(config.hard_negatives, config.data) if config.hard_negatives else {}
        pairs = read_pairs(config.aligned) if config.aligned else ()
        return cls(train, val, sampling_weights(train, negatives), pairs)


def read_images(data: Path, val_share: float, seed: int) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """The usable images of DATA as (train, val). Unusable ones are named on stderr and left out.

    Raises:
        TrainError: DATA or one of its classes has no usable image.
        FauxtoError: DATA/index.csv is damaged.
    """
    index = read_index(data)
    if (data / "train").is_dir():
        train, val = (usable(find(data / part, index), data / part) for part in ("train", "val"))
    else:
        train, val = split(usable(find(data, index), data), val_share, seed)
    for name, part in (("train", train), ("val", val)):
        for label in LABELS:
            if not of_class(part, label):
                raise TrainError(f"{data}: no usable '{label}' picture for {name}; it needs some in both classes")
    nameless = sum(not image.source for image in (*train, *val))
    if nameless > len(train + val) / 2:
        tell(
            f"{data}: {nameless} pictures have no source (a sub-folder, or a row of index.csv); if val shares sources "
            "with train, its figures are too good"
        )
    return train, val


def usable(images: list[LabelledImage], folder: Path) -> list[LabelledImage]:
    """Leave out images whose header cannot be read, or that are tiny, and name them."""

    def trouble(image: LabelledImage) -> str:
        try:
            with Image.open(image.path) as file:
                side = min(file.size)
            return f"only {side} px wide or high" if side < MIN_SIDE else ""
        except Exception as error:  # whatever is wrong with one image, the others go on
            return f"{error}"

    with ThreadPoolExecutor(4) as pool:
        troubles = list(tracked(pool.map(trouble, images), f"{folder}: "))
    for image, what in zip(images, troubles, strict=True):
        if what:
            tell(f"left out {image.path}: {what}")
    good = [image for image, what in zip(images, troubles, strict=True) if not what]
    tell(f"{folder}: " + ", ".join(f"{len(of_class(good, label))} {label}" for label in LABELS))
    return good


def split(images: list[LabelledImage], val_share: float, seed: int) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split into (train, val), class by class; a class's images of one source (or sub-folder) stay together."""
    rng = random.Random(seed)
    parts: tuple[list[LabelledImage], list[LabelledImage]] = ([], [])
    for label in LABELS:
        groups = defaultdict(list)
        for image in of_class(images, label):
            groups[image.origin].append(image)
        order = sorted(groups)
        rng.shuffle(order)
        wanted, taken = val_share * sum(map(len, groups.values())), 0
        for name in order:
            to_val = taken < wanted
            parts[to_val].extend(groups[name])
            taken += len(groups[name]) if to_val else 0
    return parts


def hold_out(images: Sequence[LabelledImage], file: Path | None) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """(kept, held out): a file names the sources to hold out, one a line.

    Raises:
        TrainError: it names a source that no image has, or leaves no image of a class.
    """
    names = set(filter(None, file.read_text("utf-8").splitlines())) if file else set()
    if unknown := names - {image.origin for image in images}:
        raise TrainError(f"{file}: no picture for training is of the source '{min(unknown)}'")
    parts: tuple[list[LabelledImage], list[LabelledImage]] = ([], [])
    for image in images:
        parts[image.origin in names].append(image)
    for label in LABELS:
        if not of_class(parts[0], label):
            raise TrainError(f"{file}: leaves no '{label}' picture to train on")
    return parts


def of_new_sources(val: Sequence[LabelledImage], train: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Val's images of sources that are not in `train`; all of val where a class has fewer than ENOUGH of them.

    A network is surer of the sources that it knows than of others, and users have only others.
    """
    known = {(image.is_ai, image.origin) for image in train}
    new = [image for image in val if (image.is_ai, image.origin) not in known]
    if min(len(of_class(new, label)) for label in LABELS) >= ENOUGH:
        return new
    tell(f"fewer than {ENOUGH} val pictures of each class are of sources not in train: taking all of val")
    return list(val)


def read_pairs(folder: Path) -> list[Pair]:
    """The pairs in a folder that train.tools.reconstruct wrote. Raises TrainError where there are none."""
    pairs = [(folder / "real" / Path(fake).name, Path(fake)) for fake in images_in(folder / "ai")]
    if not pairs:
        raise TrainError(f"{folder}: no pairs in it; write some with python -m train.tools.reconstruct")
    return pairs
