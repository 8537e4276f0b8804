"""Score the photographs of a training set, so that the next run draws those more often that look like AI.

Rounds on hard negatives, after Felzenszwalb et al. 2010, "Object Detection with Discriminatively Trained Part-Based
Models"; softer than theirs, for some labels are wrong, and those get the highest scores.

    python -m train.tools.hard_negatives DATA --weights RUN/model.pt --out HARD.csv
    python -m train DATA --weights RUN/model.pt --hard-negatives HARD.csv --out NEXT
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from fauxto.evaluate.corruptions import clean
from fauxto.evaluate.dataset import of_class
from fauxto.files import replacing
from fauxto.progress import tell
from train.calibrate import probability
from train.checkpoint import read_model
from train.config import Config
from train.data import read_images
from train.device import choose_device, place
from train.errors import exit_status
from train.measure import measure
from train.model import with_weights
from train.sampling import HARD_NEGATIVE_COLUMNS

PROGRAM = "train.tools.hard_negatives"


def main(argv: list[str] | None = None) -> int:
    """Write HARD.csv for the photographs that DATA trains on. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder that the next run trains on")
    parser.add_argument("--weights", type=Path, required=True, metavar="MODEL", help="model.pt of a finished run")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="file to write")
    args = parser.parse_args(argv)
    return exit_status(PROGRAM, lambda: write_scores(args.data, args.weights, args.out))


def write_scores(data: Path, weights: Path, out: Path) -> None:
    """Write OUT: each photograph of DATA's training part, and its p of being AI, by its centre crop alone.

    That is cheap and enough for an order; the calibration was fitted to more crops, so p is a little low. Raises
    TrainError for a DATA or a model that cannot be used.
    """
    state = read_model(weights)
    config, calibration = Config.from_checkpoint(state), state["calibration"]
    network = place(with_weights(state["model"]), choose_device(config.device))
    photographs = of_class(read_images(data, config.val_share, config.seed)[0], "real")
    found = measure(network, photographs, config.preprocessing(), clean, config.workers, crops=1)
    p_ai = probability(found.logits, calibration["temperature"], calibration["bias"])
    with replacing(out, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HARD_NEGATIVE_COLUMNS)
        writer.writerows(
            (image.path.relative_to(data).as_posix(), f"{p:.4f}") for image, p in zip(found.images, p_ai, strict=True)
        )
    tell(f"{out}: {len(p_ai)} photographs, {np.mean(p_ai >= 0.5):.1%} of them more likely AI than not")


if __name__ == "__main__":
    sys.exit(main())
