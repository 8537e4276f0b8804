"""Pass photographs once through an autoencoder: fakes that differ from their originals in nothing else.

What a latent diffusion model draws leaves through its decoder, and so does such a reconstruction; but size, content,
colour and file are the photograph's own, so that only the decoder's traces are left to learn from (Rajan et al. 2024,
"Aligned Datasets Improve Detection of Latent Diffusion-Generated Images"). `python -m train --aligned PAIRS` uses them.

    python -m train.tools.reconstruct DATA --autoencoder taef2.pt2 --trust --out PAIRS

The autoencoder is a file of torch.export: (1, 3, S, S) float32 in 0..1 to the same, S = SIDE. Such a file holds
pickles, which can run any code when it is loaded; hence --trust.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fauxto.argument_types import positive
from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LabelledImage, find, of_class, read_index
from fauxto.image.decode import load
from fauxto.progress import tell, tracked
from train.augment import FILTERS
from train.errors import TrainError, exit_status
from train.sampling import even_subset
from train.tools.tile_dataset import save_jpeg

PROGRAM = "train.tools.reconstruct"
SIDE = 256  # px: room for a 224 px crop and its margin
SCALE = (0.5, 0.9)  # the photograph is made smaller first: that wipes out its own codec's traces, which the fake lacks


def main(argv: list[str] | None = None) -> int:
    """Reconstruct photographs; a run that was stopped continues where it was. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/{ai,real}")
    parser.add_argument(
        "--autoencoder", type=Path, required=True, metavar="FILE", help="autoencoder, as torch.export.save writes it"
    )
    parser.add_argument("--trust", action="store_true", help="load --autoencoder, which may run code that is in it")
    parser.add_argument("--out", type=Path, required=True, metavar="PAIRS", help="folder to write")
    parser.add_argument("--count", type=positive, default=3000, metavar="N", help="photographs to draw (default: 3000)")
    parser.add_argument("--seed", type=int, default=0, metavar="SEED", help="random seed (default: 0)")
    args = parser.parse_args(argv)
    return exit_status(
        PROGRAM, lambda: write_pairs(args.data, args.autoencoder, args.trust, args.out, args.count, args.seed)
    )


def write_pairs(data: Path, autoencoder: Path, trust: bool, out: Path, count: int, seed: int) -> None:
    """Write OUT/{real,ai}/NUMBER.jpg. Raises TrainError for a DATA or a file that cannot be used."""
    if not trust:
        raise TrainError(
            f"{autoencoder}: loading a file of torch.export can run code that is in it; add --trust if you made it, or "
            "trust who did"
        )
    chosen, network = photographs(data, count, seed), read_autoencoder(autoencoder)
    for part in ("real", "ai"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(tracked(chosen, "reconstruct ", "photographs")):
        name = f"{number:05d}.jpg"
        if (out / "ai" / name).exists():
            continue
        try:
            tile = cut(load(image.path), random.Random(f"{seed}-{number}"))
        except ImageError as error:
            tell(f"left out {error}")
            continue
        if tile:
            save_jpeg(tile, out / "real" / name)
            save_jpeg(reconstruct(tile, network), out / "ai" / name)


def photographs(data: Path, count: int, seed: int) -> list[LabelledImage]:
    """At most `count` of DATA's training photographs, drawn as training draws. Raises TrainError without DATA/train."""
    if not (data / "train").is_dir():
        raise TrainError(f"{data / 'train'}: no such folder; DATA needs train/{{ai,real}}")
    return of_class(even_subset(find(data / "train", read_index(data)), count, seed), "real")


def read_autoencoder(file: Path) -> torch.nn.Module:
    """The program of a file of torch.export.save. It is trusted. Raises TrainError where it cannot be used."""
    try:
        return torch.export.load(file).module()
    except Exception as error:  # torch.export raises whatever the damage leads to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainError(f"{file}: not a file of torch.export.save ({reason})") from None


def cut(image: Image.Image, rng: random.Random) -> Image.Image | None:
    """A random SIDE x SIDE px part of the image, scaled down; None where the image is too small for one."""
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


if __name__ == "__main__":
    sys.exit(main())
