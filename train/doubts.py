"""Photographs that a trained network takes for generated, drawn more often in the next run.

Rounds on hard negatives, after Felzenszwalb et al. 2010, "Object Detection with Discriminatively Trained Part-Based
Models"; softer than theirs, for some labels are wrong, and those are doubted most.

    python -m train.doubts DATA --weights RUN/model.pt --out DOUBTS.csv
    python -m train DATA --weights RUN/model.pt --doubts DOUBTS.csv --out NEXT
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from fauxto.evaluate.corruptions import clean
from fauxto.evaluate.dataset import of_class
from train.calibrate import probability
from train.config import Config
from train.data import DOUBT_COLUMNS, read
from train.errors import exit_status
from train.fit import choose_device
from train.measure import pooled_logits
from train.model import build, memory_layout, read_model


def main(argv: list[str] | None = None) -> int:
    """Write DOUBTS.csv for the photographs that DATA trains on."""
    parser = argparse.ArgumentParser(prog="python -m train.doubts", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="what the next run trains on")
    parser.add_argument("--weights", type=Path, required=True, metavar="MODEL", help="the model.pt of a finished run")
    parser.add_argument("--out", type=Path, required=True, metavar="DOUBTS", help="file to write")
    args = parser.parse_args(argv)
    return exit_status("train.doubts", lambda: write(args.data, args.weights, args.out))


def write(data: Path, weights: Path, out: Path) -> None:
    """Write OUT: each photograph of DATA's training part, and its p of being generated, by its centre view alone.

    That is cheap and enough for an order; the calibration was fitted to more views, so p is a little low. Raises
    TrainError for a DATA or a model that cannot be used.
    """
    state = read_model(weights)
    config, calibration = Config(**state["config"]), state["calibration"]
    device = choose_device(config.device)
    model = build(str(weights)).to(device, memory_format=memory_layout(device))
    photographs = of_class(read(data, config.val_share, config.seed)[0], "real")
    logits, kept = pooled_logits(model, photographs, config.preprocessing(), clean, config.workers, views=1)
    p_ai = probability(logits, calibration["temperature"], calibration["bias"])
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(DOUBT_COLUMNS)
        writer.writerows(
            (picture.path.relative_to(data).as_posix(), f"{p:.4f}") for picture, p in zip(kept, p_ai, strict=True)
        )
    print(f"{out}: {len(kept)} photographs, {np.mean(p_ai >= 0.5):.1%} of them more likely generated", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
