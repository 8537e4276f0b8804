"""All training pictures decoded in the memory of the device: `python -m train --augment-on device`.

A GPU learns from more crops a second than the processor's cores can decode and augment. So every picture is decoded
once, FRAME x FRAME px of it at most (make TILES first: python -m train.tiles), and the crops are drawn and augmented
where they are learnt from, by batch_augment.py. A picture takes 0.6 MB there: 40,000 tiles fill 24 GB.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LABELS, LabelledImage
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing
from train.augment import P_CODEC, P_WEBP, QUALITY, webp
from train.batch_augment import Dice, augment, resample, whole
from train.errors import TrainError
from train.reconstruct import SCALE, read_autoencoder
from train.reconstruct import SIDE as TILE
from train.tiles import SIDE as FRAME
from train.tiles import random_part

SHARE = 0.7  # of a GPU's free memory at most; the rest is for the batch in hand
Autoencoder = Callable[[torch.Tensor], torch.Tensor]


class ResidentCrops:
    """The crops of any number of epochs, as batches on the device.

    A WebP round cannot be computed there: as many pictures as would get one are put through one when they are decoded.
    With autoencoders, `pair_share` of each batch are photographs beside their reconstructions, made on the spot.
    """

    def __init__(
        self,
        pictures: Sequence[LabelledImage],
        weights: torch.Tensor,
        size: int,
        rule: Preprocessing,
        device: str,
        workers: int,
        autoencoders: Sequence[Autoencoder] = (),
        pair_share: float = 0.0,
    ) -> None:
        self.size, self.device = size, device
        self.frames, self.sizes = frames(pictures, device, workers)
        self.weights = weights * (self.sizes.amin(1).cpu() > 0)  # never one that could not be decoded
        self.labels = torch.tensor([LABELS.index("ai" if p.is_ai else "real") for p in pictures], device=device)
        self.mean, self.std = (torch.tensor(of, device=device)[:, None, None] for of in (rule.mean, rule.std))
        self.autoencoders, self.pair_share = autoencoders, pair_share
        large = self.sizes.amin(1).cpu() * SCALE[1] >= TILE
        self.photographs = torch.tensor([not p.is_ai for p in pictures]) & large
        if autoencoders and not self.photographs.any():
            raise TrainError(f"no photograph with {TILE / SCALE[1]:.0f} px or more on both sides to reconstruct")

    def batches(self, samples: int, batch: int, seed: int, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch's batches: (B, 3, S, S) float32 normalised, (B,) int64. All hangs on (seed, epoch) alone."""
        drawing, throwing = (torch.Generator().manual_seed(2 * (seed * 1000 + epoch) + k) for k in (0, 1))
        torch.manual_seed(seed * 1000 + epoch)  # of the noise, which is drawn on the device
        chooser = random.Random(f"{seed}-{epoch}")
        drawn = torch.multinomial(self.weights, samples, replacement=True, generator=drawing)
        pairs = round(batch * self.pair_share / 2) if self.autoencoders else 0
        if pairs:
            own = self.weights * self.photographs
            paired = torch.multinomial(own, samples // batch * pairs, replacement=True, generator=drawing)
        twin = torch.arange(batch)
        twin[1 : 2 * pairs : 2] -= 1
        dice = Dice(throwing, twin, self.device)
        for step in range(samples // batch):
            chosen = drawn[step * batch : (step + 1) * batch].to(self.device)
            pictures, sizes, labels = self.frames[chosen], self.sizes[chosen], self.labels[chosen]
            pictures = pictures.permute(0, 3, 1, 2)
            if pairs:
                originals = paired[step * pairs : (step + 1) * pairs].to(self.device)
                autoencoder = chooser.choice(self.autoencoders)
                pictures[: 2 * pairs, :, :TILE, :TILE] = self.pair(originals, autoencoder, throwing)
                sizes[: 2 * pairs] = TILE
                labels[: 2 * pairs] = torch.arange(2, device=self.device).repeat(pairs).flip(0)  # "real", "ai", …
            crops = augment(pictures, sizes, self.size, dice)
            yield (crops / 255 - self.mean) / self.std, labels

    @torch.no_grad()
    def pair(self, originals: torch.Tensor, autoencoder: Autoencoder, generator: torch.Generator) -> torch.Tensor:
        """(2 P, 3, TILE, TILE) uint8: of each original a part, scaled down as in train.reconstruct, and what the
        autoencoder makes of it.
        """
        dice = Dice(generator, torch.arange(len(originals)), self.device)
        sizes = self.sizes[originals]
        scale = torch.maximum(dice.uniform(*SCALE), TILE / sizes.amin(1))
        photographs = resample(self.frames[originals].permute(0, 3, 1, 2), sizes, scale, TILE, dice)
        with torch.autocast(torch.device(self.device).type, torch.float16, enabled=self.device == "cuda"):
            fakes = whole(autoencoder(photographs / 255).float() * 255)
        return torch.stack([photographs, fakes], 1).flatten(0, 1).byte()


def frames(pictures: Sequence[LabelledImage], device: str, workers: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, FRAME, FRAME, 3) uint8 with each picture at the top left, and (N, 2) int64, its height and width.

    Raises:
        TrainError: they do not fit into a GPU's memory.
    """
    if device == "cuda":
        refuse_too_many(len(pictures), torch.cuda.mem_get_info()[0])
    pixels = torch.zeros(len(pictures), FRAME, FRAME, 3, dtype=torch.uint8)
    sizes = torch.zeros(len(pictures), 2, dtype=torch.long)

    def place(number: int) -> None:
        try:
            picture = decoded(pictures[number].path)
        except ImageError as error:  # its header was fine, its pixels are not
            print(f"left out {pictures[number].path}: {error}", file=sys.stderr)
            return
        height, width = picture.shape[:2]
        pixels[number, :height, :width] = torch.from_numpy(picture)
        sizes[number] = torch.tensor((height, width))

    with ThreadPoolExecutor(max(1, workers)) as pool:
        list(tqdm(pool.map(place, range(len(pictures))), "decode", len(pictures), unit="picture", disable=None))
    return pixels.to(device), sizes.to(device)


def refuse_too_many(count: int, free: int) -> None:
    """Raise TrainError where `count` pictures leave too little of `free` bytes to train in."""
    needed = count * FRAME * FRAME * 3
    if needed > SHARE * free:
        raise TrainError(
            f"{count} pictures take {needed / 1e9:.1f} GB of the device's memory, of which {free / 1e9:.1f} GB are "
            "free; make fewer tiles, or leave --augment-on out"
        )


def decoded(path: Path) -> np.ndarray:
    """(H, W, 3) uint8: at most FRAME px of the picture each way, cut out at random."""
    rng = random.Random(path.name)
    image = random_part(load(path), rng)
    return np.array(webp(image, rng.randint(*QUALITY)) if rng.random() < P_CODEC * P_WEBP else image)


def autoencoders(folder: Path, device: str) -> list[nn.Module]:
    """The autoencoders of FOLDER/*.pt2, files of torch.export: (B, 3, TILE, TILE) float32 in 0..1 to the same.

    Raises:
        TrainError: there is none, or one cannot be used.
    """
    found = [read_autoencoder(file, device) for file in sorted(folder.glob("*.pt2"))]
    if not found:
        raise TrainError(f"{folder}: no autoencoder in it, *.pt2 of torch.export.save")
    return found
