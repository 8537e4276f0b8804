"""Estimate a calibration bias for unseen sources.

Val has few sources (nine of photographs, for the released model), training has hundreds. Each RUN held some training
sources out. It is calibrated on val, and then the constant is fitted that makes its mean probability right on the
held-out sources. Probabilities change with it; the ranking, and the verdicts at the thresholds, do not.

    python -m train DATA --held-out SOURCES.txt --out RUN
    python -m train.tools.held_out_bias RUN … --out BIAS.json
    python -m train.tools.recalibrate RELEASE --bias-file BIAS.json --out NEW
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fauxto.argument_types import positive
from fauxto.evaluate.corruptions import CONDITIONS
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.metrics import auc, expected_calibration_error
from fauxto.files import replacing
from fauxto.progress import tell
from train.calibrate import fit_bias, fit_calibration, probability, stacked
from train.checkpoint import MODEL, read_model
from train.config import Config
from train.data import hold_out, of_new_sources, read_images
from train.device import choose_device, place
from train.errors import TrainError, exit_status
from train.measure import measure_corruptions
from train.model import with_weights
from train.sampling import even_subset

PROGRAM = "train.tools.held_out_bias"
PER_SOURCE = 30  # images of each class, at most, so that no large source rules


def main(argv: list[str] | None = None) -> int:
    """Write BIAS.json, and print what it does for each RUN. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a finished run that was trained with --held-out"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="JSON", help="file to write")
    parser.add_argument(
        "--pictures",
        type=positive,
        default=300,
        metavar="N",
        help="val pictures of each class to calibrate a run on (default: 300)",
    )
    args = parser.parse_args(argv)
    return exit_status(PROGRAM, lambda: write_bias(args.runs, args.out, args.pictures))


@dataclass(frozen=True)
class HeldOut:
    """What a run makes of the sources that it held out.

    Attributes:
        run: its folder's name.
        logits: (N,) float64, calibrated on val: sigmoid(logit) is the p that a user would get.
        is_ai: (N,) bool.
        sources: how many there are.
    """

    run: str
    logits: npt.NDArray[np.float64]
    is_ai: npt.NDArray[np.bool_]
    sources: int


def write_bias(runs: Sequence[Path], out: Path, per_class: int) -> None:
    """Write OUT: the bias that makes calibrated logits right on held-out sources.

    Each run is also printed by itself, with its ECE before, and after the bias of the *other* runs was added: if that
    is no lower, leave OUT unused. Raises TrainError for a RUN that cannot be used.
    """
    found = [measure_held_out(run, per_class) for run in runs]
    print("| run | sources | pictures | AUC | bias | ECE | ECE with the other runs' bias |")
    print("|---|---|---|---|---|---|---|")
    for part in found:
        biases = (0.0, bias_of([other for other in found if other is not part]))
        eces = (expected_calibration_error(part.is_ai, probability(part.logits, 1, bias)) for bias in biases)
        count, area = len(part.is_ai) // len(CONDITIONS), auc(part.is_ai, part.logits)
        cells = [f"{value:.3f}" for value in (area, bias_of([part]), *eces)]
        print(f"| {part.run} | {part.sources} | {count} | {' | '.join(cells)} |")
    bias = bias_of(found)
    content = {
        "bias": bias,
        "sources": sum(part.sources for part in found),
        "n": sum(len(part.is_ai) for part in found),
    }
    with replacing(out) as file:
        file.write(json.dumps(content, indent=1) + "\n")
    tell(f"{out}: bias {bias:.3f}")


def bias_of(parts: Sequence[HeldOut]) -> float:
    """What all of these runs' calibrated logits lack together; 0 for no runs at all."""
    if not parts:
        return 0.0
    return fit_bias(np.concatenate([part.logits for part in parts]), np.concatenate([part.is_ai for part in parts]))


def measure_held_out(run: Path, per_class: int) -> HeldOut:
    """Calibrate a run on val's sources that DATA/train does not have, and measure those that the run held out."""
    state = read_model(run / MODEL)
    config = Config.from_checkpoint(state)
    train, val = read_images(config.data, config.val_share, config.seed)
    held_out = few_of_each_source(hold_out(train, config.held_out)[1], config.seed)
    if len({image.is_ai for image in held_out}) < 2:
        raise TrainError(f"{run}: held out no sources of both classes; train it with --held-out")
    network = place(with_weights(state["model"]), choose_device(config.device))
    chosen = even_subset(of_new_sources(val, train), per_class, config.seed)
    temperature, bias = fit_calibration(*stacked(measure_corruptions(network, chosen, config, f"{run}: val")))
    logits, is_ai = stacked(measure_corruptions(network, held_out, config, f"{run}: held-out"))
    return HeldOut(run.name, logits / temperature + bias, is_ai, len({image.origin for image in held_out}))


def few_of_each_source(images: Sequence[LabelledImage], seed: int) -> list[LabelledImage]:
    """At most PER_SOURCE images of each source and class, drawn by the seed."""
    groups = defaultdict(list)
    for image in images:
        groups[image.origin, image.is_ai].append(image)
    rng = random.Random(seed)
    return [p for _, group in sorted(groups.items()) for p in rng.sample(group, min(PER_SOURCE, len(group)))]


if __name__ == "__main__":
    sys.exit(main())
