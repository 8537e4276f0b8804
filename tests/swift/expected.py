"""What Pillow makes of noise in many sizes: the tests of runtime/swift expect the same.

`PYTHONPATH=runtime:. python -m tests.swift.expected` writes it to runtime/swift/Tests/FauxtoTests/expected.json.
"""

from __future__ import annotations

import json
import random
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.image.synthetic import SIZES, golden_image
from tests.helpers import ROOT

FILE = ROOT / "runtime/swift/Tests/FauxtoTests/expected.json"

EDGES = (
    ((1, 1), (1, 1)),
    ((1, 1), (7, 5)),
    ((2, 3), (1, 1)),
    ((5000, 1), (3, 2)),
    ((1, 5000), (2, 3)),
    ((5, 5000), (5, 9)),
    ((5000, 700), (4571, 640)),
    ((1281, 1280), (641, 640)),
    ((641, 900), (640, 899)),
    ((127, 64), (129, 64)),
    ((640, 641), (256, 256)),
    ((300, 128), (1, 5000)),
    ((128, 300), (5000, 1)),
)
"""((width, height), (width, height)) px, from and to: ends of the range, one side unchanged, around a strip's width."""

COUNT, MAX_SIDE, MAX_PIXELS = 150, 5000, 700_000


def noise(width: int, height: int) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8: every level, and no two neighbours alike, so that sums leave 0..255."""
    value = np.arange(width * height * 3, dtype=np.uint32) * np.uint32(2_654_435_761)
    value ^= value >> np.uint32(15)
    value *= np.uint32(2_246_822_519)
    return (value >> np.uint32(24)).astype(np.uint8).reshape(height, width, 3)


def cases() -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """EDGES, and sizes drawn evenly on a logarithmic scale, as many large as small ones."""
    draw = random.Random(0)
    found = list(EDGES)
    while len(found) < len(EDGES) + COUNT:
        a, b, c, d = (round(MAX_SIDE ** draw.random()) for _ in range(4))
        if max(a * b, c * d, c * b) <= MAX_PIXELS:
            found.append(((a, b), (c, d)))
    return found


def resized(image: Image.Image, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Pillow's bicubic, horizontal pass first, whichever it would choose by itself."""
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(image.resize((width, image.height), bicubic).resize((width, height), bicubic))


def entry(size: tuple[int, int], to: tuple[int, int]) -> dict[str, object]:
    """What Pillow makes of one size."""
    pixels = resized(Image.fromarray(noise(*size)), *to)
    return {"from": size, "to": to, "crc32": zlib.crc32(pixels.tobytes())}


def text() -> str:
    """All of the file."""
    golden = json.dumps([zlib.crc32(golden_image(number).tobytes()) for number in range(len(SIZES))])
    lines = ",\n".join(json.dumps(entry(*case)) for case in cases())
    return f'{{"golden": {golden}, "resized": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
