"""Compare ways of cropping: a trained network on val, reading each picture in several ways.

    python -m train.tools.compare_crops RUN --pictures 400

Prints AUC over all pictures, mean AUC over the generators, recall at 1 % false positives, and the pixels
that the network reads, for each way. Val alone: it may choose.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fauxto.argument_types import positive
from fauxto.evaluate.corruptions import CONDITIONS, refuse_unknown
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.metrics import auc, by_generator, recall_at
from fauxto.image.preprocess import pool
from train.checkpoint import MODEL, read_model
from train.config import CENTRE_AND_QUARTERS, Config
from train.data import read_images
from train.device import choose_device, place
from train.errors import exit_status
from train.measure import crop_logits
from train.model import with_weights
from train.sampling import even_subset

PROGRAM = "train.tools.compare_crops"
CENTRE = CENTRE_AND_QUARTERS[:1]
NINE = tuple((x, y) for y in (0.5, 0.1, 0.9) for x in (0.5, 0.1, 0.9))
WAYS = {  # name: (side of a crop px, positions, largest short side px)
    "1 x 224": (224, CENTRE, 640),
    "5 x 160": (160, CENTRE_AND_QUARTERS, 640),
    "5 x 224": (224, CENTRE_AND_QUARTERS, 640),
    "9 x 224": (224, NINE, 640),
    "5 x 320": (320, CENTRE_AND_QUARTERS, 640),
    "1 x 448": (448, CENTRE, 640),
    "5 x 224, at most 512": (224, CENTRE_AND_QUARTERS, 512),
    "5 x 224, at most 1024": (224, CENTRE_AND_QUARTERS, 1024),
    "1 x 224, whole picture": (224, CENTRE, 224),
}


def main(argv: list[str] | None = None) -> int:
    """Measure WAYS with a finished run. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--data", type=Path, metavar="DATA", help="folder of pictures (default: RUN's)")
    parser.add_argument(
        "--pictures", type=positive, default=400, metavar="N", help="pictures of each class (default: 400)"
    )
    parser.add_argument(
        "--conditions", default="clean", metavar="NAMES", help=f"of {','.join(CONDITIONS)} (default: clean)"
    )
    args = parser.parse_args(argv)
    return exit_status(PROGRAM, lambda: compare(args.run, args.data, args.pictures, args.conditions.split(",")))


def compare(run: Path, data: Path | None, count: int, conditions: list[str]) -> None:
    """Print a row for each way, and for the mean of its largest, its larger half, and all of its crops.

    Raises:
        FauxtoError: an unknown condition.
        TrainError: a RUN or DATA that cannot be used.
    """
    refuse_unknown(conditions)
    state = read_model(run / MODEL)
    config = Config.from_checkpoint(state)
    network = place(with_weights(state["model"]), choose_device("auto"))
    images = even_subset(read_images(data or config.data, config.val_share, config.seed)[1], count, config.seed)
    print("| crops | largest, pooled | condition | AUC | mean AUC of generators | recall at 1 % | megapixels read |")
    print("|---|---|---|---|---|---|---|")
    for name, (size, positions, limit) in WAYS.items():
        rule = replace(config.preprocessing(), crop_size=size, positions=positions, max_short_side=limit)
        for condition in conditions:
            logits, kept = crop_logits(network, images, rule, CONDITIONS[condition], config.workers)
            for largest in sorted({1, (len(positions) + 1) // 2, len(positions)}):
                found = figures_of(pool(logits, replace(rule, pooled_crops=largest)), kept)
                pixels = len(positions) * size * size / 1e6
                print(f"| {name} | {largest} | {condition} | {found} | {pixels:.2f} |", flush=True)


def figures_of(logits: npt.NDArray[np.float64], images: Sequence[LabelledImage]) -> str:
    """AUC, mean AUC of the generators with five images or more, recall at 1 %: three cells."""
    is_ai = np.array([image.is_ai for image in images])
    groups = by_generator(is_ai, logits, is_ai, [image.generator for image in images], None)
    areas = [group["auc"] for group in groups.values() if group["n"] >= 5]
    mean = f"{np.mean(areas):.4f}" if areas else "-"
    return f"{auc(is_ai, logits):.4f} | {mean} | {recall_at(is_ai, logits, 0.01):.3f}"


if __name__ == "__main__":
    sys.exit(main())
