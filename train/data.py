"""A folder of pictures -> lists of pictures, a fair draw for each epoch, and batches.

Layouts: DATA/train/{ai,real} with DATA/val/{ai,real}, or DATA/{ai,real} alone, which is split here.
An optional DATA/index.csv gives sources, generators and styles: see fauxto.labelled.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LABELS, LabelledImage, find, of_class, read_index
from fauxto.image.decode import load
from fauxto.image.decoded import Corruption
from fauxto.image.preprocess import Preprocessing, normalise, prepare
from train.augment import augment
from train.errors import TrainError

MIN_SIDE = 32  # px; a smaller picture says nothing
ENOUGH = 100  # pictures of each class to calibrate on
MATCHED = 3  # times the odds for a source of both classes
FACE_SHARE = 0.1  # of each class's draws, where both classes have faces
DOUBT = 4  # a photograph that an earlier network was sure to be generated has 1 + DOUBT times the odds
DOUBT_COLUMNS = ("path", "p_ai")  # of the file that train.doubts writes


def read(data: Path, val_share: float, seed: int) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """The usable pictures of DATA as (train, val). Unusable ones are named on stderr and left out.

    Raises:
        TrainError: DATA or one of its classes has no usable picture.
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
    nameless = sum(not picture.source for picture in (*train, *val))
    if nameless > len(train + val) / 2:
        print(
            f"{data}: {nameless} pictures name no source, in a sub-folder or an index.csv; where val has pictures of "
            "the sources that training saw, its figures flatter",
            file=sys.stderr,
        )
    return train, val


def usable(pictures: list[LabelledImage], folder: Path) -> list[LabelledImage]:
    """Leave out what no header can be read of, or what is tiny, and name it."""

    def trouble(picture: LabelledImage) -> str:
        try:
            with Image.open(picture.path) as image:
                side = min(image.size)
            return f"only {side} px wide or high" if side < MIN_SIDE else ""
        except Exception as error:  # whatever is wrong with one picture, the others go on
            return f"{error}"

    with ThreadPoolExecutor(4) as pool:
        troubles = list(pool.map(trouble, pictures))
    for picture, what in zip(pictures, troubles, strict=True):
        if what:
            print(f"left out {picture.path}: {what}", file=sys.stderr)
    good = [picture for picture, what in zip(pictures, troubles, strict=True) if not what]
    print(f"{folder}: " + ", ".join(f"{len(of_class(good, label))} {label}" for label in LABELS), file=sys.stderr)
    return good


def split(
    pictures: list[LabelledImage], val_share: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split by group, class by class: a class's pictures of one source (or sub-folder) never part."""
    rng = random.Random(seed)
    parts: tuple[list[LabelledImage], list[LabelledImage]] = ([], [])
    for label in LABELS:
        groups = defaultdict(list)
        for picture in of_class(pictures, label):
            groups[picture.origin].append(picture)
        order = sorted(groups)
        rng.shuffle(order)
        wanted, taken = val_share * sum(map(len, groups.values())), 0
        for name in order:
            to_val = taken < wanted
            parts[to_val].extend(groups[name])
            taken += len(groups[name]) if to_val else 0
    return parts


def leave_out(pictures: Sequence[LabelledImage], file: str) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """The pictures of the sources that a file does not name, and those of the ones that it names, one a line.

    Raises:
        TrainError: it names a source that no picture has, or leaves no picture of a class.
    """
    names = set(filter(None, Path(file).read_text("utf-8").splitlines())) if file else set()
    if unknown := names - {picture.origin for picture in pictures}:
        raise TrainError(f"{file}: no picture for training is of the source '{min(unknown)}'")
    parts: tuple[list[LabelledImage], list[LabelledImage]] = ([], [])
    for picture in pictures:
        parts[picture.origin in names].append(picture)
    for label in LABELS:
        if not of_class(parts[0], label):
            raise TrainError(f"{file}: leaves no '{label}' picture to train on")
    return parts


def unseen(val: Sequence[LabelledImage], train: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Val's pictures of sources that are not in `train`; all of val where a class has fewer than ENOUGH of them.

    A network is surer of the sources that it knows than of others, and users have only others.
    """
    known = {(picture.is_ai, picture.origin) for picture in train}
    new = [picture for picture in val if (picture.is_ai, picture.origin) not in known]
    if min(len(of_class(new, label)) for label in LABELS) >= ENOUGH:
        return new
    print(
        f"fewer than {ENOUGH} val pictures of each class are of sources not in train: taking all of val",
        file=sys.stderr,
    )
    return list(val)


def read_doubts(file: str, data: Path) -> dict[Path, float]:
    """What train.doubts wrote of DATA's photographs: path -> p of being generated. Empty without a file.

    Raises:
        TrainError: it is no such file, or of another DATA.
    """
    if not file:
        return {}
    with open(file, newline="", encoding="utf-8") as rows:
        reader = csv.DictReader(rows)
        if tuple(reader.fieldnames or ()) != DOUBT_COLUMNS:
            raise TrainError(f"{file}: not a file of train.doubts, whose columns are {', '.join(DOUBT_COLUMNS)}")
        doubts = {data / row["path"]: float(row["p_ai"]) for row in reader}
    if not any(path.exists() for path in doubts):
        raise TrainError(f"{file}: names no picture of {data}; write it for this DATA with python -m train.doubts")
    return doubts


def draw_weights(
    pictures: Sequence[LabelledImage], doubts: Mapping[Path, float] = MappingProxyType({})
) -> torch.Tensor:
    """(N,) float64 odds of each picture: the classes evenly, then sources and generators, then pictures.

    A group counts by the square root of its size: even enough that no large source rules, without
    showing a group of three pictures as often as one of a thousand. So does a prompt, or one that was
    given to forty generators would be drawn forty times. A source of both classes counts MATCHED times:
    there the site's taste, sizes and encoder tell nothing. Photographs that an earlier network took for generated
    (`doubts`, path -> p) count more, up to 1 + DOUBT times. Faces get the same share of both
    classes, or the detector would learn that portraits are generated.
    """
    groups = Counter((p.is_ai, p.source, p.generator) for p in pictures)
    prompts = Counter((p.is_ai, p.prompt) for p in pictures)
    classes = Counter(source for _, source in {(p.is_ai, p.source) for p in pictures} if source)

    def odds(p: LabelledImage) -> float:
        repeats = prompts[p.is_ai, p.prompt] if p.prompt else 1
        matched = MATCHED if classes[p.source] == 2 else 1
        doubted = 1 + DOUBT * doubts.get(p.path, 0.0)
        return matched * doubted * (groups[p.is_ai, p.source, p.generator] * repeats) ** -0.5

    weights = np.array([odds(p) for p in pictures])
    is_ai = np.array([p.is_ai for p in pictures])
    faces = np.array([p.style == "face" for p in pictures])
    both = faces[is_ai].any() and faces[~is_ai].any()
    for own in (is_ai, ~is_ai):
        parts = [(FACE_SHARE, faces), (1 - FACE_SHARE, ~faces)] if both else [(1.0, np.ones_like(faces))]
        for share, part in parts:
            chosen = part & own
            weights[chosen] *= share / max(weights[chosen].sum(), 1e-12)
    return torch.from_numpy(weights)


def aligned_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """The (photograph, reconstruction) files of a folder that train.reconstruct wrote. Raises TrainError for none."""
    pairs = [(folder / "real" / fake.name, fake) for fake in sorted((folder / "ai").glob("*.jpg"))]
    if not pairs:
        raise TrainError(f"{folder}: no ai/*.jpg in it; write some with python -m train.reconstruct")
    return pairs


class TrainingCrops(Dataset[tuple[np.ndarray, int]]):
    """One epoch: `samples` pictures drawn by weight, each augmented by its own seed.

    The seed hangs on (run, epoch, position) alone, so neither the number of workers nor an
    interruption changes what the network sees. A share of the neighbouring positions is filled from
    `pairs` instead: a photograph and its reconstruction, in one batch, under the same augmentation.
    """

    def __init__(
        self,
        pictures: Sequence[LabelledImage],
        weights: torch.Tensor,
        samples: int,
        size: int,
        seed: int,
        epoch: int,
        pairs: Sequence[tuple[Path, Path]] = (),
        pair_share: float = 0.0,
    ) -> None:
        self.pictures, self.size, self.key = pictures, size, (seed, epoch)
        self.pairs, self.pair_share = pairs, pair_share
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        self.indices = torch.multinomial(weights, samples, replacement=True, generator=generator).tolist()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[np.ndarray, int]:
        shared = random.Random(f"{self.key}-pair-{position // 2}")
        rng = random.Random(f"{self.key}-{position}")
        if self.pairs and shared.random() < self.pair_share:
            photograph, fake = shared.choice(self.pairs)
            path, label = (fake, "ai") if position % 2 else (photograph, "real")
            try:
                return augment(load(path), self.size, shared), LABELS.index(label)
            except ImageError as error:
                print(f"left out {path}: {error}", file=sys.stderr)
        picture = self.pictures[self.indices[position]]
        while True:
            try:
                return augment(load(picture.path), self.size, rng), LABELS.index("ai" if picture.is_ai else "real")
            except ImageError as error:  # its header was fine, its pixels are not
                print(f"left out {picture.path}: {error}", file=sys.stderr)
                picture = rng.choice([p for p in self.pictures if p.is_ai == picture.is_ai])


class WholePictures(Dataset[np.ndarray]):
    """Pictures as the runtime sees them: (N, 3, S, S) float32 views; NaN where one cannot be read.

    `condition` changes the decoded picture first (fauxto.conditions).
    """

    def __init__(self, pictures: Sequence[LabelledImage], rule: Preprocessing, condition: Corruption) -> None:
        self.pictures, self.rule, self.condition = pictures, rule, condition

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, position: int) -> np.ndarray:
        try:
            return prepare(self.condition(load(self.pictures[position].path)), self.rule)
        except ImageError as error:
            print(f"left out {self.pictures[position].path}: {error}", file=sys.stderr)
            size = self.rule.crop_size
            return np.full((len(self.rule.positions), 3, size, size), np.nan, np.float32)


def collate(rule: Preprocessing) -> Callable[[list[tuple[np.ndarray, int]]], tuple[torch.Tensor, torch.Tensor]]:
    """Batches of crops, normalised by the runtime's own arithmetic: (B, 3, S, S) float32 and (B,) int64."""

    def batch(items: list[tuple[np.ndarray, int]]) -> tuple[torch.Tensor, torch.Tensor]:
        crops, labels = zip(*items, strict=True)
        return torch.from_numpy(normalise(np.stack(crops), rule.mean, rule.std)), torch.tensor(labels)

    return batch


def even_subset(pictures: Sequence[LabelledImage], per_class: int, seed: int) -> list[LabelledImage]:
    """At most `per_class` pictures of each class, drawn with the odds of draw_weights, none twice."""
    weights = draw_weights(pictures)
    chosen: list[int] = []
    for is_ai in (True, False):
        own = [i for i, picture in enumerate(pictures) if picture.is_ai == is_ai]
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.multinomial(weights[own], min(per_class, len(own)), replacement=False, generator=generator)
        chosen += [own[i] for i in drawn.tolist()]
    return [pictures[i] for i in sorted(chosen)]
