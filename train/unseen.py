"""How far a calibration on val is off for sources that a network never saw, by runs that left some of training's out.

Val has few sources (photographs of nine, for the released model), training has hundreds. A run that left a part of them
out is calibrated on val as any other, and then says what its calibrated logit lacks to be right in the mean on what it
left out: a bias. Only p moves; the order of the pictures, and the words at the thresholds, stay.

    python -m train DATA --leave-out PART.txt --out RUN
    python -m train.unseen RUN … --out UNSEEN.json
    python -m train.average RELEASE --unseen UNSEEN.json --out NEW
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

from fauxto.argument_types import positive
from fauxto.evaluate.corruptions import CONDITIONS
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.metrics import auc, expected_calibration_error
from train.calibrate import fit_bias, fit_calibration, probability
from train.config import Config
from train.data import even_subset, leave_out, read, unseen
from train.errors import TrainError, exit_status
from train.fit import choose_device
from train.measure import pooled_logits
from train.model import build, memory_layout, read_model

OF_A_SOURCE = 30  # pictures of each class, at most, so that no large source rules


def main(argv: list[str] | None = None) -> int:
    """Write UNSEEN.json, and print what it does for each RUN."""
    parser = argparse.ArgumentParser(prog="python -m train.unseen", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run with --leave-out")
    parser.add_argument("--out", type=Path, required=True, metavar="UNSEEN", help="file to write")
    parser.add_argument("--pictures", type=positive, default=300, help="of val, of each class (default: 300)")
    args = parser.parse_args(argv)
    return exit_status("train.unseen", lambda: write(args.runs, args.out, args.pictures))


@dataclass(frozen=True)
class LeftOut:
    """What a run makes of the sources that it left out.

    Attributes:
        run: its folder's name.
        logits: (N,) float64, calibrated on val: sigmoid(logit) is the p that a user would get.
        is_ai: (N,) bool.
        sources: how many there are.
    """

    run: str
    logits: np.ndarray
    is_ai: np.ndarray
    sources: int


def write(runs: Sequence[Path], out: Path, per_class: int) -> None:
    """Write OUT: the bias that makes calibrated logits right on sources that were left out.

    Each run is also printed by itself, with its ECE before, and after the bias of the *other* runs was added: if that
    is no lower, leave OUT unused. Raises TrainError for a RUN that cannot be used.
    """
    found = [measure(run, per_class) for run in runs]
    print("| run | sources | pictures | AUC | bias | ECE | ECE, moved by the other runs |")
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
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{out}: bias {bias:.3f}", file=sys.stderr)


def bias_of(parts: Sequence[LeftOut]) -> float:
    """What all of these runs' calibrated logits lack together; 0 for no runs at all."""
    if not parts:
        return 0.0
    return fit_bias(np.concatenate([part.logits for part in parts]), np.concatenate([part.is_ai for part in parts]))


def measure(run: Path, per_class: int) -> LeftOut:
    """Calibrate a run on val's sources that DATA/train does not have, and look at those that the run left out."""
    state = read_model(run / "model.pt")
    config = Config(**state["config"])
    train, val = read(Path(config.data), config.val_share, config.seed)
    left = few_of_each_source(leave_out(train, config.leave_out)[1], config.seed)
    if len({picture.is_ai for picture in left}) < 2:
        raise TrainError(f"{run}: left out no sources of both classes; train it with --leave-out")
    device = choose_device(config.device)
    model = build("none").to(device, memory_format=memory_layout(device))
    model.load_state_dict(state["model"])

    def seen(pictures: Sequence[LabelledImage]) -> tuple[np.ndarray, np.ndarray]:
        logits, truth = [], []
        for name, condition in CONDITIONS.items():
            print(f"{run}: measuring {len(pictures)} pictures, {name}", file=sys.stderr)
            values, kept = pooled_logits(model, pictures, config.preprocessing(), condition, config.workers)
            logits.append(values)
            truth += [picture.is_ai for picture in kept]
        return np.concatenate(logits), np.array(truth)

    temperature, bias = fit_calibration(*seen(even_subset(unseen(val, train), per_class, config.seed)))
    logits, is_ai = seen(left)
    return LeftOut(run.name, logits / temperature + bias, is_ai, len({picture.origin for picture in left}))


def few_of_each_source(pictures: Sequence[LabelledImage], seed: int) -> list[LabelledImage]:
    """At most OF_A_SOURCE pictures of each source and class, drawn by the seed."""
    groups = defaultdict(list)
    for picture in pictures:
        groups[picture.origin, picture.is_ai].append(picture)
    rng = random.Random(seed)
    return [p for _, group in sorted(groups.items()) for p in rng.sample(group, min(OF_A_SOURCE, len(group)))]


if __name__ == "__main__":
    sys.exit(main())
