"""What the Python runtime makes of patterns in many sizes: the tests of runtime/js expect the same.

`PYTHONPATH=runtime:. python -m tests.js.expected` writes it to runtime/js/test/expected.json.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.image.preprocess import FILTERS, cut_crops, normalise
from fauxto.model.model import Model

FILE = Path(__file__).parents[2] / "runtime/js/test/expected.json"

SIZES = (
    *((1, 1), (7, 5), (224, 224), (223, 224), (224, 223), (223, 300), (300, 223), (100, 700), (700, 100)),
    *((640, 640), (641, 641), (640, 641), (641, 640), (1500, 1100), (1100, 1500), (1281, 1280), (999, 1333)),
    *((3000, 700), (700, 3000), (6000, 641), (4000, 100)),
)
"""(width, height) px: portrait and landscape, around a crop's side and the largest short side, and long strips."""

RESIZED = (300, 280)
"""(width, height) px that each is also resized to, smaller or larger."""


def pattern(width: int, height: int) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8: golden image 1's pattern in any size, see fauxto.image.synthetic."""
    y, x, channel = np.ogrid[0:height, 0:width, 0:3]
    smooth = np.abs((x * (channel + 2) + y * 3 + 40) // 2 % 400 - 200)
    grain = (x * 7919 + y * 104729 + channel * 1299709) * (x + 3 * y + 11) // 8 % 32
    image: npt.NDArray[np.uint8] = (smooth + grain).astype(np.uint8)
    return image


def digest(array: npt.NDArray[np.generic]) -> str:
    """The sha256 of an array's bytes, its first 16 digits."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def entry(width: int, height: int) -> dict[str, object]:
    """What Python makes of one size."""
    rule = Model.open().card.preprocessing
    image = Image.fromarray(pattern(width, height))
    crops = cut_crops(image, rule)
    return {
        "size": [width, height],
        "crops": digest(crops),
        "input": digest(normalise(crops, rule.mean, rule.std)),
        "resized": {
            name: digest(np.asarray(image.resize((RESIZED[0], height), kernel).resize(RESIZED, kernel)))
            for name, kernel in FILTERS.items()
        },
    }


def text() -> str:
    """All of the file."""
    lines = ",\n".join(json.dumps(entry(*size)) for size in SIZES)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
