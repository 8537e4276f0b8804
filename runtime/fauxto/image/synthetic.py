"""Golden images: made by integer arithmetic, so that every machine and language makes the same ones.

The card holds the logit of each; an installation that gets another logit is broken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIZES = ((150, 120), (320, 240), (1500, 1100))
"""(width, height) px of golden image 0, 1, 2: one that is mirrored, one plain, one that is scaled down."""


def golden_image(number: int) -> npt.NDArray[np.uint8]:
    """Golden image `number` (an index of SIZES), (H, W, 3) uint8 RGB: smooth waves under a fine grain."""
    width, height = SIZES[number]
    y, x, channel = np.ogrid[0:height, 0:width, 0:3]
    smooth = np.abs((x * (channel + 2) + y * 3 + number * 40) // 2 % 400 - 200)
    grain = (x * 7919 + y * 104729 + channel * 1299709) * (x + 3 * y + 11) // 8 % 32
    image: npt.NDArray[np.uint8] = (smooth + grain).astype(np.uint8)
    return image


def pattern(width: int, height: int, seed: int, *, grain: int = 32) -> npt.NDArray[np.uint8]:
    """A picture that PNG makes small, (H, W, 3) uint8 RGB: slopes, edges, and bands of grain, up to `grain` levels."""
    y, x, channel = np.ogrid[0:height, 0:width, 0:3]
    right, down, step = (seed * 7 + 3) % 11 - 5, (seed * 5 + 2) % 9 - 4, (seed * 3 + 1) % 7 + 2
    slopes = np.abs((x * (right + channel * step % 5) + y * (down - channel) + seed * 53) // 2 % 400 - 200) + 20
    edges = ((x * 3 + y * seed) // 61 + (y * 5 - x) // 83) % 3 * 14 * (1 + channel) // 2
    band = (x + 2 * y + seed * 29) // 24 % 8 == 0
    noise = (x * 7919 + y * 104729 + channel * 1299709) * (x + 3 * y + 11 + seed) // 8 % max(1, grain)
    made: npt.NDArray[np.uint8] = np.clip(slopes + edges + noise * band - 10, 0, 255).astype(np.uint8)
    return made
