"""Average the weights of finished runs into one network, then finish it as a run of its own.

Runs that started from one another lie in one valley of the loss, where the mean of the weights is often better
than each (Wortsman et al. 2022, "Model soups"). Nothing is slower for it. Compare on val before using it. One RUN
alone is calibrated anew, with --max-short-side for views of another size, with --unseen for sources not in training.

    python -m train.average RUN … --out NEW
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fauxto.argument_types import positive
from train.checkpoint import METRICS
from train.config import Config, write
from train.data import leave_out, read
from train.errors import TrainError, exit_status
from train.finish import finish
from train.fit import choose_device
from train.model import build, memory_layout, read_model


def main(argv: list[str] | None = None) -> int:
    """Average RUNs into NEW."""
    parser = argparse.ArgumentParser(prog="python -m train.average", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run; the last one's settings count")
    parser.add_argument("--out", type=Path, required=True, metavar="NEW", help="folder to write")
    parser.add_argument("--max-short-side", type=positive, metavar="PX", help="(default: the last RUN's)")
    parser.add_argument("--unseen", metavar="FILE", help="of train.unseen (default: the last RUN's)")
    args = parser.parse_args(argv)
    changed = {name: value for name in ("max_short_side", "unseen") if (value := getattr(args, name))}
    return exit_status("train.average", lambda: average(args.runs, args.out, changed))


def average(runs: Sequence[Path], out: Path, changed: Mapping[str, Any]) -> None:
    """Write NEW as if it had been trained, with the last run's settings but for those that are `changed`.

    Raises TrainError for runs that do not fit, or where NEW is in use.
    """
    if out.exists():
        raise TrainError(f"{out}: exists; choose another --out")
    states = [read_model(run / "model.pt") for run in runs]
    config = replace(Config(**states[-1]["config"]), **changed)
    train, val = read(Path(config.data), config.val_share, config.seed)
    train, _ = leave_out(train, config.leave_out)
    model = build("none")
    model.load_state_dict(mean([state["model"] for state in states]))
    out.mkdir(parents=True)
    write(config, out)
    if (runs[-1] / METRICS).exists():  # a released model that was unfolded has none
        shutil.copyfile(runs[-1] / METRICS, out / METRICS)
    device = choose_device(config.device)
    finish(model.to(device, memory_format=memory_layout(device)).eval(), config, train, val, out)


def mean(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor; counters are taken from the last state."""
    last = states[-1]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in last.items()
    }


if __name__ == "__main__":
    sys.exit(main())
