"""A whole run: read, fit, finish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from train.calibrate import read_bias
from train.checkpoint import CHECKPOINT, MODEL, read_checkpoint
from train.config import Config, write_config
from train.data import TrainingData
from train.device import choose_device, choose_precision, processes
from train.errors import TrainError
from train.finish import finish
from train.fit import fit


def train(config: Config, run: Path, resume: bool) -> None:
    """Write RUN, from its beginning or from its last finished epoch.

    Where several processes were launched, all of them fit, and the main one alone writes.

    Raises:
        TrainError: DATA, a setting or RUN cannot be used. Nothing was changed then.
    """
    if not resume and any((run / name).exists() for name in (CHECKPOINT, MODEL)):
        raise TrainError(f"{run}: holds a run already; add --resume to continue it, or name another --out")
    if config.bias_file:
        read_bias(config.bias_file)  # a wrong file is refused now, not after the last epoch
    begun = read_checkpoint(run, config) if resume else None
    data = TrainingData.read(config)
    device = choose_device(config.device)
    wanted = begun.config.precision if begun and config.precision == "auto" else config.precision
    config = replace(config, precision=choose_precision(wanted, device, config.batch, config.train_crop))
    run.mkdir(parents=True, exist_ok=True)
    is_main = processes(device).is_main_process
    if is_main:
        write_config(config, run)
    network, history = fit(config, data, run, begun)
    if is_main:
        finish(network, config, data, run, history)
