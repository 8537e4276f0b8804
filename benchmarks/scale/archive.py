"""Archives to scan: any number of files, hard links to a few made pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from fauxto.bench.images import SIZES, picture, save

DISTINCT = 98  # pictures of a mixed archive; a file system allows some ten thousand links to each
FOLDER = 1000  # files in one folder


def alike(folder: Path, name: str, count: int) -> list[str]:
    """`count` times the picture `name` of fauxto.bench.images, below `folder`. Returns the paths."""
    kind = name.split()[-1]
    original = folder / f"one.{kind.lower()}"
    folder.mkdir(parents=True)
    save(picture(*SIZES[name]), original, kind)
    return _links([original], folder / "all", count)


def mixed(folder: Path, count: int) -> list[str]:
    """`count` files below `folder`: JPEG and a tenth PNG of 256 to 512 px, two of a hundred cut off or no picture."""
    folder.mkdir(parents=True)
    originals = []
    for seed in range(DISTINCT):
        side, kind = 256 + 64 * (seed % 5), "PNG" if seed % 10 == 9 else "JPEG"
        originals.append(folder / f"{seed}.{kind.lower()}")
        save(picture(side, side * 3 // 4, seed), originals[-1], kind)
    whole = originals[0].read_bytes()
    for name, content in (("cut-off.jpg", whole[: len(whole) // 2]), ("text.jpg", b"no picture, whatever its name\n")):
        originals.append(folder / name)
        originals[-1].write_bytes(content)
    return _links(originals, folder / "all", count)


def _links(originals: Sequence[Path], folder: Path, count: int) -> list[str]:
    paths = []
    for number, original in enumerate(islice(cycle(originals), count)):
        below = folder / f"{number // FOLDER:03d}"
        below.mkdir(parents=True, exist_ok=True)
        paths.append(str(below / f"{number:06d}{original.suffix}"))
        os.link(original, paths[-1])
    return paths
