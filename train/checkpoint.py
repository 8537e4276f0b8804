"""RUN/checkpoint.pt: all that a run needs to go on, and RUN/metrics.csv, how it went so far."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from fauxto.evaluate.dataset import LABELS
from train.config import Config
from train.errors import TrainError

Checkpoint = tuple[dict[str, Any], list[dict[str, float]]]
"""What RUN/checkpoint.pt holds, and its history: a row for each epoch."""
METRICS = "metrics.csv"
MAY_CHANGE_ON_RESUME = (
    "data",
    "aligned",
    "device",
    "precision",
    "workers",
    "report_pictures",
    "unseen",
    "head",
    "pooled_views",
)


def save_checkpoint(
    run: Path,
    config: Config,
    model: nn.Module,
    ema: AveragedModel,
    optimizer: torch.optim.Optimizer,
    schedule: OneCycleLR | None,
    history: list[dict[str, float]],
) -> None:
    """Write RUN/checkpoint.pt beside itself and rename it, so that a killed run never leaves half a file."""
    write_whole(
        run / "checkpoint.pt",
        {
            "format": 1,
            "config": asdict(config),
            "labels": list(LABELS),
            "history": history,
            "model": model.state_dict(),
            "ema": ema.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": {k: v for k, v in schedule.state_dict().items() if not callable(v)} if schedule else None,
        },
    )
    with (run / METRICS).open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def read_history(run: Path) -> list[dict[str, float]]:
    """RUN/metrics.csv, a row for each epoch; none for a run that never trained."""
    if not (run / METRICS).exists():
        return []
    with (run / METRICS).open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """torch.save to a file beside `path`, then rename."""
    partial = path.with_suffix(".part")
    torch.save(content, partial)
    os.replace(partial, path)


def load_checkpoint(run: Path, config: Config) -> Checkpoint:
    """RUN/checkpoint.pt and its history. Raises TrainError where it is missing or was made otherwise."""
    path = run / "checkpoint.pt"
    if not path.exists():
        raise TrainError(f"{path}: nothing to resume; leave --resume out to begin")
    state = torch.load(path, map_location="cpu", weights_only=True)
    begun = asdict(Config(**state["config"]))
    for name, value in asdict(config).items():
        if name not in MAY_CHANGE_ON_RESUME and begun[name] != value:
            raise TrainError(f"{path}: was begun with --{name.replace('_', '-')} {begun[name]}, not {value}")
    return state, state["history"]
