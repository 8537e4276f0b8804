"""The training loop, top to bottom: one short epoch of the head, then one-cycle over the whole network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
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

from fauxto.evaluate.corruptions import clean
from fauxto.evaluate.dataset import LabelledImage
from train.checkpoint import Checkpoint, save_checkpoint
from train.config import Config
from train.data import TrainingCrops, aligned_pairs, collate, draw_weights, even_subset, read_doubts
from train.errors import TrainError
from train.measure import pooled_logits
from train.model import build, freeze_body, memory_layout, parameter_groups
from train.resident import ResidentCrops, autoencoders

TensorList = tuple[torch.Tensor, ...] | list[torch.Tensor]
EpochBatches = Callable[[int, int], Iterable[tuple[torch.Tensor, torch.Tensor]]]
"""(samples, epoch) -> that epoch's batches, crops and labels, on the device."""
HEAD_EPOCH_SHARE = 0.25  # the head alone learns fast; its epoch draws this share of the pictures


def fit(
    config: Config, train: Sequence[LabelledImage], val: Sequence[LabelledImage], run: Path, begun: Checkpoint | None
) -> nn.Module:
    """Train, and return the averaged network on its device, in eval mode.

    Writes RUN/checkpoint.pt and RUN/metrics.csv after every epoch. An interrupted run that is resumed (`begun`)
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
    ema = AveragedModel(bare, multi_avg_fn=exponential_average(config.ema), use_buffers=True)

    steps = max(1, config.epochs * steps_of(config.samples, config, accelerator.num_processes))
    peaks = [group["lr"] for group in optimizer.param_groups]
    state, history = begun or (None, [])
    one_cycle = partial(OneCycleLR, optimizer, peaks, total_steps=steps, pct_start=config.warm_up)
    schedule = None
    if state:
        bare.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        if state["schedule"]:
            schedule = one_cycle()
            schedule.load_state_dict(state["schedule"])
        optimizer.load_state_dict(state["optimizer"])

    epoch_batches = batch_source(config, train, accelerator)
    watched = even_subset(val, config.val_pictures, config.seed)
    for epoch in range(len(history), config.epochs + 1):
        freeze_body(bare, frozen=epoch == 0)
        if epoch == 1:
            schedule = one_cycle()
        samples = max(int(config.samples * HEAD_EPOCH_SHARE) if epoch == 0 else config.samples, config.batch)
        batches = tqdm(
            epoch_batches(samples, epoch),
            desc=f"epoch {epoch}/{config.epochs}",
            total=steps_of(samples, config, accelerator.num_processes),
            unit="batch",
            disable=not (accelerator.is_main_process and sys.stderr.isatty()),
        )
        loss, seconds = one_epoch(accelerator, model, ema, optimizer, schedule, batches, layout)
        row = {"epoch": epoch, "loss": round(loss, 5), "pictures_per_s": round(samples / seconds, 1)}
        if accelerator.is_main_process:
            row |= watch(ema.module, watched, config)
            history.append(row)
            save_checkpoint(run, config, bare, ema, optimizer, schedule, history)
            print("  ".join(f"{name} {value}" for name, value in row.items()), file=sys.stderr)
        accelerator.wait_for_everyone()
    return ema.module.eval()


def batch_source(config: Config, train: Sequence[LabelledImage], accelerator: Accelerator) -> EpochBatches:
    """The function that gives an epoch's batches, from the workers' hands or from the device's own memory."""
    weights = draw_weights(train, read_doubts(config.doubts, Path(config.data)))
    folder = Path(config.aligned) if config.aligned else None
    rule = config.preprocessing()
    if config.augment_on == "device":
        if accelerator.num_processes > 1:
            raise TrainError("--augment-on device: for one device; leave it out for several")
        device = accelerator.device.type
        encoders = autoencoders(folder, device) if folder else []
        crops = ResidentCrops(train, weights, config.crop, rule, device, config.workers, encoders, config.aligned_share)
        return lambda samples, epoch: crops.batches(samples, config.batch, config.seed, epoch)
    pairs = aligned_pairs(folder) if folder else []

    def loader(samples: int, epoch: int) -> DataLoader[Any]:
        crops = TrainingCrops(train, weights, samples, config.crop, config.seed, epoch, pairs, config.aligned_share)
        collated = collate(rule)
        return accelerator.prepare(
            DataLoader(crops, config.batch, num_workers=config.workers, collate_fn=collated, drop_last=True)
        )

    return loader


def one_epoch(
    accelerator: Accelerator,
    model: nn.Module,
    ema: AveragedModel,
    optimizer: torch.optim.Optimizer,
    schedule: OneCycleLR | None,
    batches: tqdm[tuple[torch.Tensor, torch.Tensor]],
    layout: torch.memory_format,
) -> tuple[float, float]:
    """One pass over `batches`. Returns (mean loss, seconds)."""
    model.train()
    losses: list[torch.Tensor] = []
    started = time.perf_counter()
    for crops, labels in batches:
        loss = cross_entropy(model(crops.contiguous(memory_format=layout)), labels)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if schedule:
            schedule.step()
        ema.update_parameters(accelerator.unwrap_model(model))
        losses.append(loss.detach())
        if not batches.disable:  # reading a loss makes the processor wait for the device
            batches.set_postfix(loss=f"{loss.item():.3f}")
    return float(sum(losses)) / max(1, len(losses)), time.perf_counter() - started


def watch(model: nn.Module, pictures: Sequence[LabelledImage], config: Config) -> dict[str, float]:
    """AUC and loss on the watched val pictures, seen through the centre view alone: cheap, for the curve."""
    logits, kept = pooled_logits(model, pictures, config.preprocessing(), clean, config.workers, views=1)
    is_ai = np.array([picture.is_ai for picture in kept])
    loss = float(np.mean(np.logaddexp(0, np.where(is_ai, -logits, logits))))
    return {"val_loss": round(loss, 5), "val_auc": round(float(roc_auc_score(is_ai, logits)), 5)}


def steps_of(samples: int, config: Config, processes: int) -> int:
    """Optimizer steps of an epoch of so many crops, as drop_last and the sharding over processes leave them."""
    return max(1, max(samples, config.batch) // config.batch // processes)


def exponential_average(decay: float) -> Callable[[TensorList, TensorList, torch.Tensor | int], None]:
    """Weight averaging whose memory grows to 1 / (1 - decay) steps, so that early steps do not linger."""

    @torch.no_grad()
    def average(averaged: TensorList, current: TensorList, count: torch.Tensor | int) -> None:
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - min(decay, float((1 + count) / (10 + count))))
        else:
            torch._foreach_copy_(averaged, current)  # the batch norms' counters

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
