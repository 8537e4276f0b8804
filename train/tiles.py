"""Large pictures -> small tiles at native size, so that decoding is not what training waits for.

A 1024 px picture takes as long to decode as its 160 px crop takes to learn from. TILES is a DATA folder
again: DATA/train cut up, DATA/val as it is, and an index.csv.

    python -m train.tiles DATA --out TILES
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import INDEX_COLUMNS, LabelledImage, find, read_index
from fauxto.image.decode import load
from train.augment import FILTERS
from train.errors import TrainError, exit_status

SIDE = 448  # px: room for a 224 px crop at half size, or a 160 px crop at 0.4
COUNT = 4  # native tiles of one picture, beside one of the whole picture scaled down
QUALITY = 95  # JPEG 4:4:4; the augmentation's own codec rounds come on top, for both classes


def cut(image: Image.Image, rng: random.Random) -> list[Image.Image]:
    """COUNT tiles of at most SIDE px at native size, and the picture scaled to a short side of SIDE px.

    A picture that is not much larger than one tile stays whole.
    """
    if image.width * image.height <= 2 * SIDE * SIDE:
        return [image]
    tiles = [random_part(image, rng) for _ in range(COUNT)]
    scale = SIDE / min(image.size)
    if scale < 1:
        tiles.append(image.resize(tuple(round(side * scale) for side in image.size), rng.choice(FILTERS)))
    return tiles


def random_part(image: Image.Image, rng: random.Random) -> Image.Image:
    """At most SIDE px of the picture each way, from anywhere in it."""
    width, height = (min(SIDE, side) for side in image.size)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def write_tiles(picture: LabelledImage, source: Path, target: Path) -> list[dict[str, str]]:
    """Write a picture's tiles below `target`, and return their rows for the index; none if it cannot be read."""
    name = picture.path.relative_to(source)
    try:
        tiles = cut(load(picture.path), random.Random(name.as_posix()))
    except ImageError as error:
        print(f"left out {picture.path}: {error}", file=sys.stderr)
        return []
    rows = []
    for number, tile in enumerate(tiles):
        path = name.with_name(f"{name.stem}-{number}.jpg")
        rows.append(index_row(picture, path))
        if not (target / path).exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            save_whole(tile, target / path)
    return rows


def save_whole(picture: Image.Image, path: Path) -> None:
    """Save a JPEG beside `path` and rename it, so that an interrupted run never leaves half a picture."""
    partial = path.with_suffix(".part")
    picture.save(partial, "JPEG", quality=QUALITY, subsampling=0)
    os.replace(partial, path)


def index_row(picture: LabelledImage, path: Path) -> dict[str, str]:
    """What the index says of `picture`, under the path of its tile."""
    told = {name: getattr(picture, name) for name in INDEX_COLUMNS}
    return {"path": path.as_posix()} | told


def main(argv: list[str] | None = None) -> int:
    """Cut DATA up. A run that was stopped goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m train.tiles", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/{ai,real} and val/{ai,real}")
    parser.add_argument("--out", type=Path, required=True, metavar="TILES", help="folder to write")
    args = parser.parse_args(argv)
    return exit_status("train.tiles", lambda: make(args.data, args.out))


def make(data: Path, out: Path) -> None:
    """Write TILES/train, TILES/val and TILES/index.csv. Raises TrainError for another layout."""
    for part in ("train", "val"):
        if not (data / part).is_dir():
            raise TrainError(f"{data / part}: no such folder; DATA needs train/{{ai,real}} and val/{{ai,real}}")
    index = read_index(data)
    pictures = find(data / "train", index)
    rows = []
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(write_tiles, picture, data / "train", out / "train") for picture in pictures]
        for job in tqdm(jobs, unit="picture", desc="tiles", disable=None):
            rows += job.result()
    for picture in tqdm(find(data / "val", index), unit="picture", desc="val", disable=None):
        path = picture.path.relative_to(data / "val")
        rows.append(index_row(picture, path))
        copy(picture.path, out / "val" / path)
    with (out / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def copy(source: Path, target: Path) -> None:
    """A second name for the same file, or a copy where the file system has no such thing."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
