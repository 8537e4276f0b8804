"""Class activation maps: where in an image the evidence lies. A hint: what moved the network, not what is fake.

The network's second output is its evidence: for each 32 px cell of a crop, what the cell adds to the logit (the
class activation map of Zhou et al. 2016). Here overlapping crops are laid over the whole image, and their
cells blended into one map.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.image.preprocess import Preprocessing, offset, prepare, scale

HeatMap = npt.NDArray[np.float32]

AI, REAL = (200, 60, 20), (30, 90, 200)
FULL = 4.0  # log-odds from which the colour is at its strongest: 98 %
OPACITY = 0.6


def cover(size: tuple[int, int], rule: Preprocessing) -> Preprocessing:
    """The rule with as many crops as it takes to see every place twice in each direction.

    `size` is the width and height, px, that the image is seen at.
    """
    free = [max(0, side - rule.crop_size) for side in size]
    columns, rows = (math.ceil(2 * side / rule.crop_size) + 1 for side in free)
    places = [[i / (count - 1) if count > 1 else 0.5 for i in range(count)] for count in (columns, rows)]
    return replace(rule, positions=tuple((x, y) for y in places[1] for x in places[0]))


def heat_map(
    image: Image.Image,
    rule: Preprocessing,
    local_log_odds: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> HeatMap:
    """Calibrated log-odds of "ai" at each place of an upright RGB image, as far as that place is seen alone.

    Args:
        image: width W, height H.
        rule: of the model.
        local_log_odds: (1, 3, S, S) float32 crop -> (h, w) float32 cells.

    Returns:
        (H, W) float32; above 0 speaks for ai, below against it.
    """
    size, seen = rule.crop_size, scale(image, rule)
    width, height = seen.size
    total = np.zeros((max(height, size), max(width, size)), np.float32)
    weight = np.zeros_like(total)
    ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)).astype(np.float32)
    blend = np.outer(ramp, ramp)  # a crop counts most in its middle, so that no seam shows
    for place in cover(seen.size, rule).positions:
        cells = local_log_odds(prepare(seen, replace(rule, positions=(place,))))
        left, top = offset(place[0], width - size), offset(place[1], height - size)
        window = slice(top, top + size), slice(left, left + size)
        total[window] += blend * np.asarray(Image.fromarray(cells).resize((size, size), Image.Resampling.BILINEAR))
        weight[window] += blend
    # A side shorter than a crop was mirrored at both edges; what was added is cut off again.
    top, left = (total.shape[0] - height) // 2, (total.shape[1] - width) // 2
    mean = (total / weight)[top : top + height, left : left + width]
    return np.asarray(Image.fromarray(mean).resize(image.size, Image.Resampling.BILINEAR), np.float32)


def bare(heat: HeatMap) -> Image.Image:
    """The map alone, (H, W) -> RGB: red for ai, blue against it, white where nothing speaks."""
    return overlay(Image.new("RGB", heat.shape[::-1], "white"), heat, opacity=1.0)


def overlay(image: Image.Image, heat: HeatMap, opacity: float = OPACITY) -> Image.Image:
    """The map over its image; the stronger the evidence, the less of the image is left."""
    strength = np.clip(np.abs(heat) / FULL, 0, 1)[..., None] * opacity
    colour = np.where(heat[..., None] > 0, np.array(AI), np.array(REAL))
    mixed = (1 - strength) * np.asarray(image) + strength * colour
    return Image.fromarray(mixed.round().astype(np.uint8))
