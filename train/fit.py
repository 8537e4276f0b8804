"""The training loop, top to bottom: one short epoch of the head, then one-cycle over the whole network."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from fauxto.conditions import clean
from fauxto.labelled import LABELS, Picture
from train.config import Config
from train.data import TrainingCrops, aligned_pairs, collate, draw_weights, even_subset, read_doubts
from train.errors import TrainError
from train.measure import pooled_logits
from train.model import build, freeze_body, memory_layout, parameter_groups

MAY_CHANGE_ON_RESUME = (
    "data",
    "aligned",
    "device",
    "precision",
    "workers",
    "report_pictures",
    "head",
    "pooled_views",
)
HEAD_EPOCH_SHARE = 0.25  # the head alone learns fast; its epoch draws this share of the pictures


def fit(config: Config, train: Sequence[Picture], val: Sequence[Picture], run: Path, resume: bool) -> nn.Module:
    """Train, and return the averaged network on its device, in eval mode.

    Writes RUN/checkpoint.pt and RUN/metrics.csv after every epoch. An interrupted run that is resumed
    gives the same network as one that was not, on the same machine and number of threads.
    """
    device, precision = choose_device(config.device), config.precision
    layout = memory_layout(device)
    if precision == "auto":
        precision = faster_precision(device, config.batch, config.crop)
    print(f"device {device}, precision {precision}", file=sys.stderr)
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if precision == "bf16" else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],  # the frozen ones
    )

    set_seed(config.seed)
    model = build(config.weights).to(memory_format=layout)
    optimizer = torch.optim.AdamW(parameter_groups(model, config.lr, config.weight_decay))
    model, optimizer = accelerator.prepare(model, optimizer)
    bare = accelerator.unwrap_model(model)
    ema = AveragedModel(bare, avg_fn=exponential_average(config.ema), use_buffers=True)

    steps = max(1, config.epochs * steps_per_epoch(config, accelerator.num_processes))
    peaks = [group["lr"] for group in optimizer.param_groups]
    state, history = load_checkpoint(run, config) if resume else (None, [])
    one_cycle = partial(OneCycleLR, optimizer, peaks, total_steps=steps, pct_start=config.warm_up)
    schedule = None
    if state:
        bare.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        if state["schedule"]:
            schedule = one_cycle()
            schedule.load_state_dict(state["schedule"])
        optimizer.load_state_dict(state["optimizer"])

    weights = draw_weights(train, read_doubts(config.doubts, Path(config.data)))
    pairs = aligned_pairs(Path(config.aligned)) if config.aligned else []
    watched = even_subset(val, config.val_pictures, config.seed)
    for epoch in range(len(history), config.epochs + 1):
        freeze_body(bare, frozen=epoch == 0)
        if epoch == 1:
            schedule = one_cycle()
        samples = int(config.samples * HEAD_EPOCH_SHARE) if epoch == 0 else config.samples
        drawn = max(samples, config.batch)
        crops = TrainingCrops(train, weights, drawn, config.crop, config.seed, epoch, pairs, config.aligned_share)
        to_batch = collate(config.preprocessing())
        loader = accelerator.prepare(
            DataLoader(crops, config.batch, num_workers=config.workers, collate_fn=to_batch, drop_last=True)
        )
        loss, seconds = one_epoch(accelerator, model, ema, optimizer, schedule, loader, layout, epoch, config)
        row = {"epoch": epoch, "loss": round(loss, 5), "pictures_per_s": round(len(crops) / seconds, 1)}
        if accelerator.is_main_process:
            row |= watch(ema.module, watched, config)
            history.append(row)
            save_checkpoint(run, config, bare, ema, optimizer, schedule, history)
            print("  ".join(f"{name} {value}" for name, value in row.items()), file=sys.stderr)
        accelerator.wait_for_everyone()
    return ema.module.eval()


def one_epoch(
    accelerator: Accelerator,
    model: nn.Module,
    ema: AveragedModel,
    optimizer: torch.optim.Optimizer,
    schedule: OneCycleLR | None,
    loader: DataLoader[Any],
    layout: torch.memory_format,
    epoch: int,
    config: Config,
) -> tuple[float, float]:
    """One pass over `loader`. Returns (mean loss, seconds)."""
    model.train()
    total, started = 0.0, time.perf_counter()
    quiet = not (accelerator.is_main_process and sys.stderr.isatty())
    bar = tqdm(total=len(loader) * config.batch, unit="picture", desc=f"epoch {epoch}/{config.epochs}", disable=quiet)
    for crops, labels in loader:
        loss = cross_entropy(model(crops.contiguous(memory_format=layout)), labels)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if schedule:
            schedule.step()
        ema.update_parameters(accelerator.unwrap_model(model))
        total += loss.item()
        bar.update(config.batch)
        bar.set_postfix(loss=f"{loss.item():.3f}")
    bar.close()
    return total / max(1, len(loader)), time.perf_counter() - started


def watch(model: nn.Module, pictures: Sequence[Picture], config: Config) -> dict[str, float]:
    """AUC and loss on the watched val pictures, seen through the centre view alone: cheap, for the curve."""
    logits, kept = pooled_logits(model, pictures, config.preprocessing(), clean, config.workers, views=1)
    is_ai = np.array([picture.is_ai for picture in kept])
    loss = float(np.mean(np.logaddexp(0, np.where(is_ai, -logits, logits))))
    return {"val_loss": round(loss, 5), "val_auc": round(float(roc_auc_score(is_ai, logits)), 5)}


def steps_per_epoch(config: Config, processes: int) -> int:
    """Optimizer steps of a full epoch, as drop_last and the sharding over processes leave them."""
    return max(1, max(config.samples, config.batch) // config.batch // processes)


def exponential_average(decay: float) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor | int], torch.Tensor]:
    """Weight averaging whose memory grows to 1 / (1 - decay) steps, so that early steps do not linger."""

    def average(averaged: torch.Tensor, current: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
        if not averaged.is_floating_point():
            return current  # a batch norm's counter
        return torch.lerp(averaged, current, 1 - min(decay, float((1 + count) / (10 + count))))

    return average


def choose_device(wanted: str) -> str:
    """Turn "auto" into mps, else cuda, else cpu. Raises TrainError where the wanted device is not there."""
    there = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, usable in there.items() if usable)
    if not there[wanted]:
        raise TrainError(f"--device {wanted}: not usable here; try --device auto")
    return wanted


def faster_precision(device: str, batch: int, crop: int) -> str:
    """Which of "bf16" and "fp32" trains a small batch faster on this device."""
    model = build("none").to(device, memory_format=torch.channels_last)
    pictures = torch.randn(min(batch, 8 if device == "cpu" else batch), 3, crop, crop, device=device)
    labels = torch.zeros(len(pictures), dtype=torch.long, device=device)

    def step(enabled: bool) -> float:
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=enabled):
            loss = cross_entropy(model(pictures).float(), labels)
        loss.backward()
        loss.item()  # waits for the device
        return time.perf_counter() - started

    try:
        seconds = {name: min(step(enabled) for _ in range(3)) for name, enabled in (("fp32", False), ("bf16", True))}
    except RuntimeError:  # a device without bf16
        return "fp32"
    return min(seconds, key=seconds.__getitem__)


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
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """torch.save to a file beside `path`, then rename."""
    partial = path.with_suffix(".part")
    torch.save(content, partial)
    os.replace(partial, path)


def load_checkpoint(run: Path, config: Config) -> tuple[dict[str, Any], list[dict[str, float]]]:
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
