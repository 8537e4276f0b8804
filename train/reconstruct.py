"""Real photographs passed once through an autoencoder: fakes that differ from their originals in nothing else.

What a latent diffusion model draws leaves through its decoder, and so does such a reconstruction; but size, content,
colour and file are the photograph's own, so that only the decoder's traces are left to learn from (Rajan et al. 2024,
"Aligned Datasets Improve Detection of Latent Diffusion-Generated Images"). `python -m train --aligned PAIRS` uses them.

    python -m train.reconstruct DATA --autoencoder taef2.pt2 --out PAIRS

The autoencoder is a file of torch.export: (1, 3, S, S) float32 in 0..1 to the same, S = SIDE.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.export.passes import move_to_device_pass
from tqdm import tqdm

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LabelledImage, find, of_class, read_index
from fauxto.image.decode import load
from train.augment import FILTERS
from train.data import even_subset
from train.errors import TrainError, exit_status
from train.tiles import save_whole

SIDE = 256  # px: room for a 224 px crop and its margin
SCALE = (0.5, 0.9)  # the photograph is made smaller first: that wipes out its own codec's traces, which the fake lacks


def cut(image: Image.Image, rng: random.Random) -> Image.Image | None:
    """A random SIDE x SIDE px part of the picture, scaled down; None where the picture is too small for one."""
    scale = max(rng.uniform(*SCALE), SIDE / min(image.size))
    if scale > SCALE[1]:
        return None
    side = min(SIDE / scale, *image.size)
    left, top = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
    return image.resize((SIDE, SIDE), rng.choice(FILTERS), box=(left, top, left + side, top + side))


@torch.no_grad()
def reconstruct(tile: Image.Image, autoencoder: torch.nn.Module) -> Image.Image:
    """The tile, encoded and decoded."""
    pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1)[None].float() / 255
    output = autoencoder(pixels.contiguous(memory_format=torch.channels_last))[0]
    return Image.fromarray((output.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def read_autoencoder(file: Path, device: str = "cpu") -> torch.nn.Module:
    """The program of a file of torch.export.save, on `device`. Raises TrainError where it cannot be used."""
    try:
        return move_to_device_pass(torch.export.load(file), device).module()
    except Exception as error:  # torch.export raises whatever the damage leads to
        raise TrainError(f"{file}: not a file of torch.export.save ({str(error).splitlines()[0]})") from None


def photographs(data: Path, count: int, seed: int) -> list[LabelledImage]:
    """At most `count` of DATA's training photographs, drawn as training draws. Raises TrainError without DATA/train."""
    if not (data / "train").is_dir():
        raise TrainError(f"{data / 'train'}: no such folder; DATA needs train/{{ai,real}}")
    return of_class(even_subset(find(data / "train", read_index(data)), count, seed), "real")


def make(data: Path, autoencoder: Path, out: Path, count: int, seed: int) -> None:
    """Write OUT/{real,ai}/NUMBER.jpg. Raises TrainError for a DATA or a file that cannot be used."""
    chosen, network = photographs(data, count, seed), read_autoencoder(autoencoder)
    for part in ("real", "ai"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(tqdm(chosen, unit="picture", desc="reconstruct", disable=None)):
        name = f"{number:05d}.jpg"
        if (out / "ai" / name).exists():
            continue
        try:
            tile = cut(load(picture.path), random.Random(f"{seed}-{number}"))
        except ImageError as error:
            print(f"left out {picture.path}: {error}", file=sys.stderr)
            continue
        if tile:
            save_whole(tile, out / "real" / name)
            save_whole(reconstruct(tile, network), out / "ai" / name)


def main(argv: list[str] | None = None) -> int:
    """Reconstruct photographs of DATA/train/real. A run that was stopped goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m train.reconstruct", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/{ai,real}")
    parser.add_argument("--autoencoder", type=Path, required=True, metavar="FILE", help="of torch.export.save")
    parser.add_argument("--out", type=Path, required=True, metavar="PAIRS", help="folder to write")
    parser.add_argument("--count", type=int, default=3000, metavar="N", help="photographs (default: 3000)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    args = parser.parse_args(argv)
    return exit_status("train.reconstruct", lambda: make(args.data, args.autoencoder, args.out, args.count, args.seed))


if __name__ == "__main__":
    sys.exit(main())
