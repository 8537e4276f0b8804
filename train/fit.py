"""The training loop, top to bottom: one short epoch of the head, then one-cycle over the whole network."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from fauxto.evaluate.corruptions import clean
from fauxto.evaluate.dataset import LabelledImage
from fauxto.progress import Progress, on_terminal, tell
from train.checkpoint import Checkpoint, Row, TrainingState, save_checkpoint
from train.config import Config
from train.crops import TrainingCrops, training_batches
from train.data import TrainingData
from train.device import choose_device, memory_layout
from train.measure import measure
from train.model import ai_logit, build, freeze_body, parameter_groups
from train.quantise import QuantisedResNet, fold_norms, set_steps
from train.sampling import even_subset

TensorList = tuple[torch.Tensor, ...] | list[torch.Tensor]
HEAD_EPOCH_SHARE = 0.25  # the head alone learns fast; its epoch draws this share of the crops


def fit(config: Config, data: TrainingData, run: Path, begun: Checkpoint | None = None) -> tuple[nn.Module, list[Row]]:
    """Train. Returns the averaged network, on its device and in eval mode, and a row for each epoch.

    Writes RUN/checkpoint.pt and RUN/metrics.csv after every epoch. An interrupted run that is resumed (`begun`)
    gives the same network as one that was not, on the same machine and number of threads.
    """
    device = choose_device(config.device)
    tell(f"device {device}, precision {config.precision}")
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if config.precision == "bf16" else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],  # the frozen ones
    )
    set_seed(config.seed)
    model, teacher = networks(config, data, device)
    optimizer = torch.optim.AdamW(parameter_groups(model, config.lr, config.weight_decay))
    model, optimizer = accelerator.prepare(model, optimizer)
    teacher = accelerator.prepare_model(teacher, evaluation_mode=True) if teacher else None
    network = accelerator.unwrap_model(model)
    average = AveragedModel(network, multi_avg_fn=exponential_average(config.ema), use_buffers=True)
    state, history = TrainingState(network, average, optimizer), list(begun.history if begun else ())
    peaks = [group["lr"] for group in optimizer.param_groups]
    if begun:
        restore(state, begun, peaks, config, accelerator.num_processes)

    watched = even_subset(data.val, config.val_pictures, config.seed)
    for epoch in range(len(history), config.epochs + 1):
        freeze_body(network, frozen=epoch == 0)
        if epoch == 1:
            state.schedule = one_cycle(optimizer, peaks, config, accelerator.num_processes)
        samples = max(int(config.samples * HEAD_EPOCH_SHARE) if epoch == 0 else config.samples, config.batch)
        batches = accelerator.prepare(loader(config, data, samples, epoch))
        loss, seconds = one_epoch(accelerator, model, teacher, state, batches, f"epoch {epoch}/{config.epochs}: ")
        if accelerator.is_main_process:
            row: Row = {"epoch": epoch, "loss": round(loss, 5), "pictures_per_s": round(samples / seconds, 1)}
            history.append(row | validate(average.module, watched, config))
            save_checkpoint(run, config, state, history)
            tell("  ".join(f"{name} {value}" for name, value in history[-1].items()))
        accelerator.wait_for_everyone()
    return average.module.eval(), history


def networks(config: Config, data: TrainingData, device: str) -> tuple[nn.Module, nn.Module | None]:
    """The network to train, and the one that it is to answer as; for a plain run None: the labels are what counts."""
    layout = memory_layout(device)
    plain = build(config.weights).to(memory_format=layout)
    if not config.quantise:
        return plain, None
    teacher = fold_norms(plain.eval()).requires_grad_(False)
    network = QuantisedResNet(copy.deepcopy(teacher)).requires_grad_()
    crops, _ = next(iter(loader(config, data, config.batch, epoch=0)))
    set_steps(network, crops)
    return network.to(memory_format=layout), teacher


def one_cycle(optimizer: torch.optim.Optimizer, peaks: list[float], config: Config, processes: int) -> OneCycleLR:
    """The schedule of the learning rates over all epochs but the first (Smith and Topin 2018, arXiv 1708.07120)."""
    steps = max(1, config.epochs * (max(1, max(config.samples, config.batch) // config.batch // processes)))
    return OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=config.pct_start)


def restore(state: TrainingState, begun: Checkpoint, peaks: list[float], config: Config, processes: int) -> None:
    """Put a checkpoint's state into `state`."""
    state.network.load_state_dict(begun.state["model"])
    state.average.load_state_dict(begun.state["ema"])
    if begun.state["schedule"]:
        state.schedule = one_cycle(state.optimizer, peaks, config, processes)  # it resets the optimizer's rates
        state.schedule.load_state_dict(begun.state["schedule"])
    state.optimizer.load_state_dict(begun.state["optimizer"])


def loader(config: Config, data: TrainingData, samples: int, epoch: int) -> DataLoader[Any]:
    """The Batches of an epoch."""
    crops = TrainingCrops(
        data.train, data.weights, samples, config.train_crop, config.seed, epoch, data.pairs, config.aligned_share
    )
    return training_batches(crops, config.preprocessing(), config.batch, config.workers)


def one_epoch(
    accelerator: Accelerator,
    model: nn.Module,
    teacher: nn.Module | None,
    state: TrainingState,
    batches: DataLoader[Any],
    label: str,
) -> tuple[float, float]:
    """One pass over `batches`; `model` is the network as accelerate wrapped it. Returns (mean loss, seconds).

    With a `teacher`, the loss is the squared difference from its logits, and the labels do not count.
    """
    model.train()
    layout = memory_layout(accelerator.device.type)
    losses: list[torch.Tensor] = []
    progress = Progress(accelerator.is_main_process and on_terminal(), label, len(batches), "batches")
    started = time.perf_counter()
    for crops, labels in batches:
        crops = crops.contiguous(memory_format=layout)
        outputs = model(crops)
        loss = mse_loss(ai_logit(outputs), ai_logit(teacher(crops))) if teacher else cross_entropy(outputs, labels)
        accelerator.backward(loss)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        if state.schedule:
            state.schedule.step()
        state.average.update_parameters(state.network)
        losses.append(loss.detach())
        # Reading a loss makes the processor wait for the device, so it is only read when it is shown.
        progress.update(len(losses), lambda: f"loss {losses[-1].item():.3f}")
    progress.clear()
    return float(sum(losses)) / max(1, len(losses)), time.perf_counter() - started


def validate(network: nn.Module, images: Sequence[LabelledImage], config: Config) -> Row:
    """AUC and loss on the watched val images, of the centre crop alone: cheap, for the curve."""
    found = measure(network, images, config.preprocessing(), clean, config.workers, crops=1)
    loss = float(np.mean(np.logaddexp(0, np.where(found.is_ai, -found.logits, found.logits))))
    return {"val_loss": round(loss, 5), "val_auc": round(float(roc_auc_score(found.is_ai, found.logits)), 5)}


def exponential_average(decay: float) -> Callable[[TensorList, TensorList, torch.Tensor | int], None]:
    """Weight averaging whose memory grows to 1 / (1 - decay) steps, so that early steps do not linger."""

    @torch.no_grad()
    def average(averaged: TensorList, current: TensorList, count: torch.Tensor | int) -> None:
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - min(decay, float((1 + count) / (10 + count))))
        else:
            torch._foreach_copy_(averaged, current)  # the batch norms' counters

    return average
