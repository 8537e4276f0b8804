"""Cut large pictures into small tiles at native size, so that training does not wait for decoding.

A 1024 px picture takes as long to decode as its 160 px crop takes to learn from. TILES is a DATA folder
again: DATA/train cut up, DATA/val as it is, and an index.csv.

    python -m train.tools.tile_dataset DATA --out TILES
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

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import INDEX_COLUMNS, LabelledImage, find, read_index
from fauxto.files import replacing
from fauxto.image.decode import load
from fauxto.progress import tell, tracked
from fauxto.system import usable_cpus
from train.augment import FILTERS
from train.errors import TrainError, exit_status

PROGRAM = "train.tools.tile_dataset"
SIDE = 448  # px: room for a 224 px crop at half size, or a 160 px crop at 0.4
COUNT = 4  # native tiles of one image, beside one of the whole image scaled down
QUALITY = 95  # JPEG 4:4:4; the augmentation's own codec rounds come on top, for both classes

IndexRow = dict[str, str]


def main(argv: list[str] | None = None) -> int:
    """Cut DATA up; a run that was stopped continues where it was. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/{ai,real} and val/{ai,real}")
    parser.add_argument("--out", type=Path, required=True, metavar="TILES", help="folder to write")
    args = parser.parse_args(argv)
    return exit_status(PROGRAM, lambda: tile_dataset(args.data, args.out))


def tile_dataset(data: Path, out: Path) -> None:
    """Write TILES/train, TILES/val and TILES/index.csv. Raises TrainError for another layout."""
    for part in ("train", "val"):
        if not (data / part).is_dir():
            raise TrainError(f"{data / part}: no such folder; DATA needs train/{{ai,real}} and val/{{ai,real}}")
    index = read_index(data)
    rows: list[IndexRow] = []
    with ProcessPoolExecutor(usable_cpus()) as pool:
        jobs = [pool.submit(write_tiles, image, data, out) for image in find(data / "train", index)]
        for job in tracked(jobs, "tiles ", "pictures"):
            rows += job.result()
    for image in tracked(find(data / "val", index), "val ", "pictures"):
        path = image.path.relative_to(data)
        rows.append(index_row(image, path))
        link(image.path, out / path)
    if not rows:
        raise TrainError(f"{data}: no pictures in train/{{ai,real}} and val/{{ai,real}}")
    with replacing(out / "index.csv", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_tiles(image: LabelledImage, data: Path, out: Path) -> list[IndexRow]:
    """Write an image's tiles below `out`, and return their rows for the index; none if it cannot be read."""
    name = image.path.relative_to(data)
    try:
        tiles = cut(load(image.path), random.Random(name.relative_to("train").as_posix()))
    except ImageError as error:
        tell(f"left out {error}")
        return []
    rows = []
    for number, tile in enumerate(tiles):
        path = name.with_name(f"{name.stem}-{number}.jpg")
        rows.append(index_row(image, path))
        if not (out / path).exists():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            save_jpeg(tile, out / path)
    return rows


def cut(image: Image.Image, rng: random.Random) -> list[Image.Image]:
    """COUNT tiles of at most SIDE px at native size, and the image scaled to a short side of SIDE px.

    An image that is not much larger than one tile stays whole.
    """
    if image.width * image.height <= 2 * SIDE * SIDE:
        return [image]
    tiles = [random_part(image, rng) for _ in range(COUNT)]
    scale = SIDE / min(image.size)
    if scale < 1:
        width, height = (round(side * scale) for side in image.size)
        tiles.append(image.resize((width, height), rng.choice(FILTERS)))
    return tiles


def random_part(image: Image.Image, rng: random.Random) -> Image.Image:
    """At most SIDE px of the image each way, from anywhere in it."""
    width, height = (min(SIDE, side) for side in image.size)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def save_jpeg(image: Image.Image, path: Path) -> None:
    """Write a JPEG of QUALITY, whole or not at all."""
    with replacing(path, "wb") as file:
        image.save(file, "JPEG", quality=QUALITY, subsampling=0)


def index_row(image: LabelledImage, path: Path) -> IndexRow:
    """What the index says of `image`, under the path of its tile below TILES."""
    return {"path": path.as_posix()} | {name: getattr(image, name) for name in INDEX_COLUMNS}


def link(source: Path, target: Path) -> None:
    """A second name for the same file, or a copy where the file system has no such thing."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with source.open("rb") as original, replacing(target, "wb") as file:
            shutil.copyfileobj(original, file)


if __name__ == "__main__":
    sys.exit(main())
