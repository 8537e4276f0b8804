"""Pictures to measure with, made from a random seed: as large as what cameras and generators give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"12 MP JPEG": (4032, 3024), "1024 px PNG": (1024, 1024), "512 px JPEG": (512, 512)}


def write_pictures(folder: Path) -> dict[str, str]:
    """Write them into `folder`. Returns name -> path."""
    found = {}
    for place, (name, size) in enumerate(SIZES.items()):
        kind = name.split()[-1]
        path = folder / f"{place}.{kind.lower()}"
        save(picture(*size), path, kind)
        found[name] = str(path)
    return found


def save(image: Image.Image, path: Path, kind: str) -> None:
    """Write it as "JPEG", of quality 90, or as "PNG"."""
    image.save(path, kind, **({"quality": 90} if kind == "JPEG" else {}))


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth shapes under a grain, to compress like a photograph."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
