"""Which views of a picture are worth their time: the trained network on val, seen in several ways.

    python -m train.views RUN --pictures 400

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

from fauxto.evaluate.corruptions import CONDITIONS, refuse_unknown
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.metrics import auc, by_generator, recall_at
from fauxto.image.preprocess import pool
from train.config import CENTRE_AND_QUARTERS, Config
from train.data import even_subset, read
from train.errors import exit_status
from train.fit import choose_device
from train.measure import view_logits
from train.model import build, memory_layout, read_model

CENTRE = CENTRE_AND_QUARTERS[:1]
NINE = tuple((x, y) for y in (0.5, 0.1, 0.9) for x in (0.5, 0.1, 0.9))
WAYS = {  # name: (view size px, positions, largest short side px)
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
    """Measure WAYS with a finished run."""
    parser = argparse.ArgumentParser(prog="python -m train.views", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--data", type=Path, help="folder like the run's (default: the run's own)")
    parser.add_argument("--pictures", type=int, default=400, help="of each class (default: 400)")
    parser.add_argument("--conditions", default="clean", help="of clean,web,hard (default: clean)")
    args = parser.parse_args(argv)
    return exit_status("train.views", lambda: compare(args.run, args.data, args.pictures, args.conditions.split(",")))


def compare(run: Path, data: Path | None, count: int, conditions: list[str]) -> None:
    """Print a row for each way, and for the mean of its largest, its larger half, and all of its views.

    Raises:
        FauxtoError: an unknown condition.
        TrainError: a RUN or DATA that cannot be used.
    """
    refuse_unknown(conditions)
    checkpoint = read_model(run / "model.pt")
    config = Config(**checkpoint["config"])
    device = choose_device("auto")
    model = build("none").to(device, memory_format=memory_layout(device))
    model.load_state_dict(checkpoint["model"])
    data = data or Path(config.data)
    pictures = even_subset(read(data, config.val_share, config.seed)[1], count, config.seed)
    print(
        "| views | pooled, the largest | condition | AUC | mean AUC of generators | recall at 1 % | megapixels read |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, (size, positions, limit) in WAYS.items():
        rule = replace(config.preprocessing(), view_size=size, positions=positions, max_short_side=limit)
        for condition in conditions:
            logits, kept = view_logits(model, pictures, rule, CONDITIONS[condition], config.workers)
            for largest in sorted({1, (len(positions) + 1) // 2, len(positions)}):
                found = figures_of(pool(logits, replace(rule, pooled_views=largest)), kept)
                pixels = len(positions) * size * size / 1e6
                print(f"| {name} | {largest} | {condition} | {found} | {pixels:.2f} |", flush=True)


def figures_of(scores: np.ndarray, pictures: Sequence[LabelledImage]) -> str:
    """AUC, mean AUC of the generators with five pictures or more, recall at 1 %: three cells."""
    is_ai = np.array([picture.is_ai for picture in pictures])
    groups = by_generator(is_ai, scores, is_ai, [picture.generator for picture in pictures], None)
    areas = [group["auc"] for group in groups.values() if group["n"] >= 5]
    mean = f"{np.mean(areas):.4f}" if areas else "-"
    return f"{auc(is_ai, scores):.4f} | {mean} | {recall_at(is_ai, scores, 0.01):.3f}"


if __name__ == "__main__":
    sys.exit(main())
