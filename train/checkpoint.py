"""The files of a run: checkpoint.pt (what it needs to continue), model.pt (its result), metrics.csv (its course)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from fauxto.evaluate.dataset import LABELS
from fauxto.files import replacing
from train.config import RESUMABLE, Config, flag
from train.errors import TrainError

FORMAT = 2
"""Of checkpoint.pt and model.pt. Format 1, of 0.1.0, has other names of settings and of operating points' fields."""

CHECKPOINT, MODEL, METRICS = "checkpoint.pt", "model.pt", "metrics.csv"
REMOVED = {"head": "trained", "augment_on": "workers"}
"""Settings that 0.1.0 had, and the one value that is still what training does."""

Row = dict[str, float]
"""What metrics.csv says of an epoch."""


@dataclass
class TrainingState:
    """All that changes while a network trains.

    Attributes:
        network: the one that the optimizer changes.
        average: its exponential moving average, which is what is saved in the end.
        optimizer: of the network's parameters.
        schedule: the one-cycle schedule; None before it begins, in the epoch of the head.
    """

    network: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: OneCycleLR | None = None

    def state_dict(self) -> dict[str, Any]:
        """What `checkpoint.pt` keeps of it."""
        schedule = self.schedule.state_dict() if self.schedule else None
        return {
            "model": self.network.state_dict(),
            "ema": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": {k: v for k, v in schedule.items() if not callable(v)} if schedule else None,
        }


@dataclass(frozen=True)
class Checkpoint:
    """RUN/checkpoint.pt, read.

    Attributes:
        config: the settings that the run was begun with.
        state: of TrainingState.
        history: a row for each finished epoch.
    """

    config: Config
    state: Mapping[str, Any]
    history: Sequence[Row]


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` with the format's number and the labels, whole or not at all."""
    with replacing(path, "wb") as file:
        torch.save({"format": FORMAT, "labels": list(LABELS), **content}, file)


def save_checkpoint(run: Path, config: Config, state: TrainingState, history: Sequence[Row]) -> None:
    """Write RUN/checkpoint.pt and RUN/metrics.csv."""
    save(run / CHECKPOINT, {"config": config.to_dict(), "history": list(history), **state.state_dict()})
    write_history(run, history)


def write_history(run: Path, history: Sequence[Row]) -> None:
    """Write RUN/metrics.csv: a row for each epoch."""
    with replacing(run / METRICS, newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def read_history(run: Path) -> list[Row]:
    """RUN/metrics.csv, a row for each epoch; none for a run that never trained, as an unfolded release.

    Raises:
        TrainError: it is damaged.
    """
    path = run / METRICS
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
            return [{k: int(v) if k == "epoch" else float(v) for k, v in row.items()} for row in rows]
    except (ValueError, TypeError, csv.Error) as error:
        raise TrainError(f"{path}: damaged ({error}); delete it, and the learning curve is left out") from None


def read_checkpoint(run: Path, config: Config) -> Checkpoint:
    """RUN/checkpoint.pt, for a run that continues with `config`.

    Raises:
        TrainError: it is missing or damaged, or was begun with other settings.
    """
    path = run / CHECKPOINT
    if not path.exists():
        raise TrainError(f"{path}: nothing to resume; leave --resume out to begin")
    state = _read(path, "a whole checkpoint of a run", "; train anew with another --out")
    if missing := {"config", "history", "model", "ema", "optimizer", "schedule"} - state.keys():
        raise TrainError(f"{path}: '{min(missing)}' is missing in it; train anew with another --out")
    for name, kept in REMOVED.items():
        if (value := state["config"].get(name, kept)) != kept:
            raise TrainError(f"{path}: was begun with {flag(name)} {value}, which fauxto has no longer")
    begun = Config.from_checkpoint(state)
    old, new = begun.to_dict(), config.to_dict()
    for name, value in new.items():
        if name not in RESUMABLE and old[name] != value:
            raise TrainError(f"{path}: was begun with {flag(name)} {old[name]}, not {value}")
    return Checkpoint(begun, state, state["history"])


def read_model(path: Path) -> dict[str, Any]:
    """The model.pt of a finished run, of this format or an older one, as this format has it.

    Raises:
        TrainError: it is missing, damaged, something else, or newer than this fauxto.
    """
    state = _read(path, "the model.pt of a finished run")
    if state.get("architecture") != "resnet18":
        raise TrainError(f"{path}: not a resnet18, the model.pt of a finished run")
    if state.get("format", 1) < 2:
        for point in state.get("operating_points", {}).values():
            if "photo_below" in point:
                point["no_sign_below"] = point.pop("photo_below")
    return state | {"format": FORMAT, "config": Config.from_checkpoint(state).to_dict()}


def _read(path: Path, wanted: str, fix: str = "") -> dict[str, Any]:
    """A file of torch.save, read without running any code in it. Raises TrainError where it is not what is `wanted`."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the damage leads to
        reason = str(error).splitlines()[0].split(". ")[0] if str(error) else type(error).__name__
        raise TrainError(f"{path}: not {wanted} ({reason}){fix}") from None
    if not isinstance(state, dict) or not isinstance(state.get("config"), dict):
        raise TrainError(f"{path}: not {wanted}{fix}")
    number = state.get("format", 1)
    if not isinstance(number, int) or number > FORMAT:
        raise TrainError(f"{path}: format {number}, written by a newer fauxto; this one reads up to {FORMAT}")
    return state
