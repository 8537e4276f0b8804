"""Where and how a network trains: the device, the order of its axes, the precision."""

from __future__ import annotations

import math
import time

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from torch import nn
from torch.nn.functional import cross_entropy

from fauxto.progress import Progress, tell
from train.errors import TrainError
from train.model import build

STEPS = 3  # of each precision when they are timed; the fastest counts


def choose_device(wanted: str) -> str:
    """Turn "auto" into mps, else cuda, else cpu. Raises TrainError where the wanted device is not there."""
    there = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, usable in there.items() if usable)
    if not there[wanted]:
        raise TrainError(f"--device {wanted}: not usable here; try --device auto")
    return wanted


def memory_layout(device: str) -> torch.memory_format:
    """The order of the axes that convolutions are fastest in on this device."""
    return torch.channels_last if device != "mps" else torch.contiguous_format


def place(network: nn.Module, device: str) -> nn.Module:
    """The network on `device`, its axes in the order that is fastest there."""
    return network.to(device).to(memory_format=memory_layout(device))


def processes(device: str) -> PartialState:
    """The processes that train together, on `device`; one where nothing launched more."""
    return PartialState(cpu=device == "cpu")


def choose_precision(wanted: str, device: str, batch: int, crop: int) -> str:
    """Turn "auto" into "fp32" or "bf16": timed by the main process, and the same for all processes."""
    chosen = [wanted]
    if wanted == "auto":
        if processes(device).is_main_process:
            chosen = [faster_precision(device, batch, crop)]
        broadcast_object_list(chosen)
    return chosen[0]


def faster_precision(device: str, batch: int, crop: int) -> str:
    """Which of "fp32" and "bf16" takes less time for a training step of `batch` crops (on a CPU, at most 8)."""
    tell(f"timing {STEPS} steps in fp32 and in bf16 on {device}, to choose the faster")
    network = place(build("none"), device)
    crops = torch.randn(min(batch, 8 if device == "cpu" else batch), 3, crop, crop, device=device)
    crops = crops.contiguous(memory_format=memory_layout(device))
    labels = torch.zeros(len(crops), dtype=torch.long, device=device)

    def step(bf16: bool) -> float:
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss = cross_entropy(network(crops).float(), labels)
        torch.autograd.backward(loss)
        loss.item()  # waits for the device
        return time.perf_counter() - started

    progress, seconds = (
        Progress(label="step ", total=2 * STEPS, unit="steps"),
        dict.fromkeys(("fp32", "bf16"), math.inf),
    )
    try:
        for number in range(2 * STEPS):
            name = "fp32" if number < STEPS else "bf16"
            seconds[name] = min(seconds[name], step(name == "bf16"))
            progress.update(number + 1)
    except RuntimeError:  # a device without bf16
        return "fp32"
    finally:
        progress.clear()
    tell(", ".join(f"{name} {value:.2f} s a step" for name, value in seconds.items()))
    return min(seconds, key=seconds.__getitem__)
