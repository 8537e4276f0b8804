"""Images -> tensors, in the loader's processes: augmented crops to train on, the runtime's own crops to measure on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LABELS, LabelledImage
from fauxto.image.decode import load
from fauxto.image.decoded import Corruption, corrupted
from fauxto.image.preprocess import Preprocessing, normalise, prepare
from fauxto.progress import tell
from train.augment import augment
from train.data import Pair

Pixels = npt.NDArray[np.uint8]
Batch = tuple[torch.Tensor, torch.Tensor]
"""Crops (B, 3, S, S) float32, and their classes (B,) int64."""


class TrainingCrops(Dataset[tuple[Pixels, int]]):
    """One epoch: `samples` images drawn by weight, each augmented by a seed of its own.

    The seed depends on (run, epoch, position) alone, so neither the number of workers nor an interruption changes
    what the network sees. A share of the neighbouring positions is filled from `pairs` instead: a photograph and its
    reconstruction, in one batch, under the same augmentation.

    Items are ((size, size, 3) uint8, index of LABELS).
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        weights: torch.Tensor,
        samples: int,
        size: int,
        seed: int,
        epoch: int,
        pairs: Sequence[Pair] = (),
        pair_share: float = 0.0,
    ) -> None:
        self.images, self.size, self.key = images, size, (seed, epoch)
        self.pairs, self.pair_share = pairs, pair_share
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        self.indices: list[int] = torch.multinomial(weights, samples, replacement=True, generator=generator).tolist()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[Pixels, int]:
        shared = random.Random(f"{self.key}-pair-{position // 2}")
        rng = random.Random(f"{self.key}-{position}")
        if self.pairs and shared.random() < self.pair_share:
            photograph, fake = shared.choice(self.pairs)
            path, label = (fake, "ai") if position % 2 else (photograph, "real")
            try:
                return augment(load(path), self.size, shared), LABELS.index(label)
            except ImageError as error:
                tell(f"left out {error}")
        image = self.images[self.indices[position]]
        while True:
            try:
                return augment(load(image.path), self.size, rng), LABELS.index("ai" if image.is_ai else "real")
            except ImageError as error:  # its header was fine, its pixels are not
                tell(f"left out {error}")
                image = rng.choice([other for other in self.images if other.is_ai == image.is_ai])


class WholeImages(Dataset[npt.NDArray[np.float32]]):
    """Images as the runtime sees them: (V, 3, S, S) float32 crops; NaN where one cannot be read.

    `corruption` changes the decoded image first.
    """

    def __init__(self, images: Sequence[LabelledImage], rule: Preprocessing, corruption: Corruption) -> None:
        self.images, self.rule, self.corruption = images, rule, corruption

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> npt.NDArray[np.float32]:
        path = self.images[position].path
        try:
            return prepare(corrupted(load(path), self.corruption), self.rule)
        except ImageError as error:
            tell(f"left out {path}: {error.reason}")
            size = self.rule.crop_size
            return np.full((len(self.rule.positions), 3, size, size), np.nan, np.float32)


def collate(items: list[tuple[Pixels, int]], rule: Preprocessing) -> Batch:
    """A batch of crops, normalised by the runtime's own arithmetic: (B, 3, S, S) float32 and (B,) int64."""
    crops, labels = zip(*items, strict=True)
    return torch.from_numpy(normalise(np.stack(crops), rule.mean, rule.std)), torch.tensor(labels)


def training_batches(crops: TrainingCrops, rule: Preprocessing, batch: int, workers: int) -> DataLoader[Any]:
    """The Batches of an epoch; what is left over after the last whole batch is dropped."""
    # A partial of a module's function can be sent to workers that are spawned, as on macOS; a closure cannot.
    return DataLoader(crops, batch, num_workers=workers, collate_fn=partial(collate, rule=rule), drop_last=True)
