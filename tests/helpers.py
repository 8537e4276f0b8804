"""What tests of several rooms share: pictures that they make themselves, and options of runs that cost seconds."""

from __future__ import annotations

import io
import math
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from fauxto.image.preprocess import Preprocessing

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

GOLDEN_TOLERANCE = 5e-3
"""Of a golden logit, by the default file: stored int8 weights are up to 0.0048 from the fp32 file's, which they are
held to; an int8 file has golden logits of its own, and gives them to 1e-6 in onnxruntime on x86 and in WebAssembly."""

SMALL_RUN = shlex.split(
    "--weights none --device cpu --precision fp32 --epochs 2 --samples 32 --batch 8 --train-crop 64 "
    "--crop-size 64 --crops 1 --val-pictures 8 --report-pictures 8 --workers 0 --lr 0.003"
)
"""Options of `python -m train` for a run of seconds."""


def make_photo(width: int = 320, height: int = 240, seed: int = 0) -> Image.Image:
    """A smooth image with grain: enough structure that a wrong pixel shows."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8))


def write_blurred(folder: Path) -> None:
    """A data set of train and val that a network learns in seconds: sharp images are "real", blurred ones "ai"."""
    for part, count in (("train", 16), ("val", 10)):
        for label in ("ai", "real"):
            place = folder / part / label
            place.mkdir(parents=True)
            for i in range(count):
                sharp = make_photo(220, 210, seed=i)
                image = sharp.filter(ImageFilter.GaussianBlur(3)) if label == "ai" else sharp
                image.save(place / f"{i}.png")


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """`image` as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def scaled_rows(pixels: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 -> (H, width, 3), width <= W: one pass of Pillow's bicubic in its fixed point of 22 bits.

    Keys's cubic convolution with a = -1/2 (1981, eq. 4) as wide as the scale; Pillow's libImaging/Resample.c.
    """
    size, scale = pixels.shape[1], pixels.shape[1] / width
    centre, place = (np.arange(width)[:, None] + 0.5) * scale, np.arange(size)
    d = np.abs((place - centre + 0.5) / scale)
    weights = np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((2.5 - 0.5 * d) * d - 4) * d + 2, 0))
    weights[(place < np.trunc(centre - 2 * scale + 0.5)) | (place >= np.trunc(centre + 2 * scale + 0.5))] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    fixed = np.trunc(weights * 2**22 + np.copysign(0.5, weights))
    sums = np.einsum("xp,ypc->yxc", fixed, pixels.astype(np.float64), optimize=True)  # whole numbers under 2 ** 53
    scaled: npt.NDArray[np.uint8] = np.clip(np.floor((sums + 2**21) / 2**22), 0, 255).astype(np.uint8)
    return scaled


def naive_crops(image: Image.Image, rule: Preprocessing) -> npt.NDArray[np.uint8]:
    """Preprocessing's rule, step by step, without Pillow: scale the whole image, mirror it, cut. (V, S, S, 3) uint8."""
    array, size = np.asarray(image), rule.crop_size
    if min(image.size) > rule.max_short_side:
        assert rule.filter == "bicubic"
        width, height = (math.floor(side * rule.max_short_side / min(image.size) + 0.5) for side in image.size)
        array = scaled_rows(scaled_rows(array, width).transpose(1, 0, 2), height).transpose(1, 0, 2)
    gaps = [max(0, size - side) for side in array.shape[:2]]
    array = np.pad(array, [(gap // 2, gap - gap // 2) for gap in gaps] + [(0, 0)], mode="symmetric")
    crops = []
    for fx, fy in rule.positions:
        left = math.floor(fx * (array.shape[1] - size) + 0.5)
        top = math.floor(fy * (array.shape[0] - size) + 0.5)
        crops.append(array[top : top + size, left : left + size])
    return np.stack(crops)
