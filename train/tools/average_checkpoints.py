"""Average the weights of finished runs into one network, then calibrate and report it as a run of its own.

Runs that started from one another lie in one valley of the loss, where the mean of the weights is often better
than each (Wortsman et al. 2022, "Model soups"). Nothing is slower for it. Compare on val before using it.

    python -m train.tools.average_checkpoints RUN RUN … --out NEW

A RUN that is named twice counts twice.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from train.checkpoint import MODEL, read_model
from train.config import Config
from train.errors import TrainError, exit_status
from train.tools.recalibrate import finish_anew, refuse_used

PROGRAM = "train.tools.average_checkpoints"


def main(argv: list[str] | None = None) -> int:
    """Average RUNs into NEW. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a finished run; the last one's settings count"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="NEW", help="folder to write")
    args = parser.parse_args(argv)
    return exit_status(PROGRAM, lambda: average(args.runs, args.out))


def average(runs: Sequence[Path], out: Path) -> None:
    """Write NEW as if it had been trained, with the last run's settings and history.

    Raises:
        TrainError: there is only one run, one is unusable, or NEW is in use.
    """
    if len(runs) < 2:
        raise TrainError("one RUN has no average; python -m train.tools.recalibrate calibrates one anew")
    refuse_used(out)
    states = [read_model(run / MODEL) for run in runs]
    finish_anew(mean([state["model"] for state in states]), Config.from_checkpoint(states[-1]), runs[-1], out)


def mean(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor; counters are taken from the last state."""
    last = states[-1]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in last.items()
    }


if __name__ == "__main__":
    sys.exit(main())
