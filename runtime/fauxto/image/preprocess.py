"""An image -> the model's input. Numpy and Pillow only, and the very same pixels that training saw.

The rule, short enough to write again in another language:

1.  If the short side is over `max_short_side`, the whole image is scaled so that the short side is `max_short_side`;
    the long side is rounded half up to whole pixels. By Pillow's antialiased filter in 8-bit fixed point, the
    horizontal pass first, then the vertical one; what lies between them is rounded to 8 bits.
2.  Crops of S x S pixels are cut out of that. Crop (fx, fy) starts at
    floor(fx * (width - S) + 0.5), floor(fy * (height - S) + 0.5).
3.  A side shorter than S is first extended to S by mirroring, edge pixel included, half on each side.
4.  value = (pixel / 255 - mean) / std, channels first.

And once the network has answered: an image's logit is the mean of the `pooled_crops` largest of its crops'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
SUPPORT = 3
"""Pixels of the result on either side that the widest of the filters, lanczos, reaches over."""
BAND = 256
"""Rows that are scaled at once."""


@dataclass(frozen=True)
class Preprocessing:
    """What the card says of the way from image to input.

    Attributes:
        crop_size: S, the side of a crop in pixels.
        max_short_side: larger images are scaled down to this short side, in pixels.
        filter: name of the resampling filter, a key of FILTERS.
        positions: the crops' places, (fx, fy) each in 0..1: 0 is left or top, 1 is right or bottom.
        mean, std: per channel in RGB order, for pixels scaled to 0..1.
        pooled_crops: how many of the crops' logits, the largest, an image's logit is the mean of.
    """

    crop_size: int
    max_short_side: int
    filter: str
    positions: tuple[tuple[float, float], ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pooled_crops: int = 1


def pool(logits: npt.NDArray[np.floating], rule: Preprocessing) -> npt.NDArray[np.float64]:
    """(N, V) logits of N images' crops -> (N,) float64, the mean of the `pooled_crops` largest of each."""
    ordered = np.sort(logits.astype(np.float64), axis=1)
    mean: npt.NDArray[np.float64] = ordered[:, -rule.pooled_crops :].mean(axis=1)
    return mean


def cut_crops(image: Image.Image, rule: Preprocessing) -> npt.NDArray[np.uint8]:
    """Cut the crops out of an upright RGB image.

    Returns:
        (N, S, S, 3) uint8, one row for each of `rule.positions`.
    """
    size = rule.crop_size
    width, height = scaled_size(image.size, rule.max_short_side)
    places = [(offset(fx, width - size), offset(fy, height - size)) for fx, fy in rule.positions]
    tops = [top for _, top in places]
    seen = scale(image, rule, (min(tops), min(max(tops) + size, height)))
    crops = np.empty((len(rule.positions), size, size, 3), np.uint8)
    for crop, (left, top) in zip(crops, places, strict=True):
        box = (left, top, min(left + size, width), min(top + size, height))
        crop[:] = mirror_pad(np.asarray(seen.crop(box)), size)
    return crops


def scale(image: Image.Image, rule: Preprocessing, rows: tuple[int, int] | None = None) -> Image.Image:
    """An upright RGB image at the size that it is seen at: itself where its short side is small enough.

    `rows`, (first, last + 1), are those of the result that are looked at, and the others may be black: most of the work
    is the horizontal pass, over every row of the image.
    """
    width, height = scaled_size(image.size, rule.max_short_side)
    if (width, height) == image.size:
        return image
    kernel, ratio = FILTERS[rule.filter], image.height / height
    first, last = rows or (0, height)
    first = max(0, math.floor((first - SUPPORT) * ratio))
    last = min(image.height, math.ceil((last + SUPPORT) * ratio))
    # Two passes, since Pillow chooses by the sizes, and by its version, which direction it scales first; the first one
    # band by band, since what Pillow cuts out of an image it copies.
    narrow = Image.new("RGB", (width, image.height))
    for top in range(first, last, BAND):
        band = image.crop((0, top, image.width, min(top + BAND, last)))
        narrow.paste(band.resize((width, band.height), kernel), (0, top))
    return narrow.resize((width, height), kernel)


def normalise(crops: npt.NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> npt.NDArray[np.float32]:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32, as (pixel / 255 - mean) / std."""
    scale = (1 / (255 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)
    planar = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
    planar *= scale[:, None, None]
    planar += shift[:, None, None]
    return planar


def prepare(image: Image.Image, rule: Preprocessing) -> npt.NDArray[np.float32]:
    """An upright RGB image -> (N, 3, S, S) float32, ready for the model."""
    return normalise(cut_crops(image, rule), rule.mean, rule.std)


def scaled_size(size: tuple[int, int], max_short_side: int) -> tuple[int, int]:
    """The size in pixels, (width, height), that an image of `size` is seen at."""
    short = min(size)
    if short <= max_short_side:
        return size
    width, height = (math.floor(side * max_short_side / short + 0.5) for side in size)
    return width, height


def mirror_pad(pixels: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Extend (H, W, 3) to at least (size, size, 3) by mirroring at the edges, evenly on both sides."""
    missing = [max(0, size - side) for side in pixels.shape[:2]]
    if not any(missing):
        return pixels
    pads = [(gap // 2, gap - gap // 2) for gap in missing]
    return np.pad(pixels, (*pads, (0, 0)), mode="symmetric")


def offset(fraction: float, free: int) -> int:
    """Where a crop starts, px, that lies at `fraction` of `free` px; at 0 where nothing is free."""
    return math.floor(fraction * max(0, free) + 0.5)
