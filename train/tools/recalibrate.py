"""Calibrate a finished run anew: the same weights, on more pictures, for another size, or with a bias.

python -m train.tools.recalibrate RUN --out NEW --max-short-side 640
python -m train.tools.recalibrate RUN --out NEW --bias-file BIAS.json
python -m train.tools.recalibrate RUN --out NEW --report-pictures 1500
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fauxto.argument_types import positive
from train.checkpoint import MODEL, read_history, read_model, write_history
from train.config import Config, write_config
from train.data import TrainingData
from train.device import choose_device, place
from train.errors import TrainError, exit_status
from train.finish import finish
from train.model import with_weights

PROGRAM = "train.tools.recalibrate"


def main(argv: list[str] | None = None) -> int:
    """Calibrate RUN anew into NEW. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run, or of an unfolded release")
    parser.add_argument("--out", type=Path, required=True, metavar="NEW", help="folder to write")
    parser.add_argument(
        "--max-short-side",
        type=positive,
        metavar="PX",
        help="short side that larger pictures are scaled down to, px (default: RUN's)",
    )
    parser.add_argument(
        "--bias-file",
        type=Path,
        metavar="JSON",
        help="bias to add to the calibration, from train.tools.held_out_bias (default: RUN's)",
    )
    parser.add_argument(
        "--report-pictures",
        type=positive,
        metavar="N",
        help="val pictures of each class to calibrate and report on (default: RUN's)",
    )
    args = parser.parse_args(argv)
    names = ("max_short_side", "bias_file", "report_pictures")
    changes = {name: value for name in names if (value := getattr(args, name))}
    return exit_status(PROGRAM, lambda: recalibrate(args.run, args.out, changes))


def recalibrate(run: Path, out: Path, changes: Mapping[str, Any]) -> None:
    """Write NEW with RUN's weights, and its settings but for `changes`.

    Raises:
        TrainError: RUN or a file that its settings name cannot be used, or NEW is in use.
    """
    refuse_used(out)
    state = read_model(run / MODEL)
    finish_anew(state["model"], replace(Config.from_checkpoint(state), **changes), run, out)


def finish_anew(weights: Mapping[str, torch.Tensor], config: Config, run: Path, out: Path) -> None:
    """Write OUT as if these weights had been trained there, with the history of `run`."""
    data, history, device = TrainingData.read(config), read_history(run), choose_device(config.device)
    network = place(with_weights(weights), device)
    out.mkdir(parents=True)
    write_config(config, out)
    if history:
        write_history(out, history)
    finish(network, config, data, out, history)


def refuse_used(out: Path) -> None:
    """Raise TrainError where OUT exists."""
    if out.exists():
        raise TrainError(f"{out}: exists; choose another --out")


if __name__ == "__main__":
    sys.exit(main())
