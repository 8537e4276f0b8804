"""After the last epoch: calibrate, evaluate, report, save. RUN/model.pt is all that export needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fauxto.evaluate.dataset import LABELS, LabelledImage, of_class
from fauxto.evaluate.metrics import figures
from fauxto.evaluate.records import Baseline, Figures
from fauxto.files import replacing
from fauxto.model.card import OperatingPoint
from fauxto.progress import tell
from train.calibrate import Calibration, calibrate, read_bias
from train.checkpoint import MODEL, Row, save
from train.config import Config
from train.data import TrainingData, of_new_sources
from train.measure import Measured, measure_corruptions, trivial_baseline
from train.report import write_report
from train.sampling import even_subset


def finish(network: nn.Module, config: Config, data: TrainingData, run: Path, history: Sequence[Row]) -> None:
    """Calibrate on val's images of sources that are not in train, and write what RUN promises.

    The figures are measured on the images that the calibration was fitted on; they choose, they do
    not prove. A set that was never looked at is for `fauxto eval`.
    """
    held_out_bias = read_bias(config.bias_file) if config.bias_file else None
    chosen = for_calibration(data.train, data.val, config)
    measured, calibration, val = calibrated(network, chosen, config, held_out_bias)
    baseline = trivial_baseline(data, config)
    area = f"AUC {baseline['auc']:.3f}" if "auc" in baseline else baseline["reason"]
    tell(f"trivial features on the training crops: {area}")
    write_figures(run, val, baseline)
    write_report(run, measured, calibration, val, data, history)
    save_model(
        run, network, config, calibration, {"val": val, "trivial_baseline": baseline, "data": summary(data, config)}
    )


def for_calibration(
    train: Sequence[LabelledImage], val: Sequence[LabelledImage], config: Config
) -> list[LabelledImage]:
    """Val's images that a network is calibrated on."""
    return even_subset(of_new_sources(val, train), config.report_pictures, config.seed)


def calibrated(
    network: nn.Module, images: Sequence[LabelledImage], config: Config, held_out_bias: Mapping[str, Any] | None
) -> tuple[dict[str, Measured], Calibration, dict[str, Figures]]:
    """Measure a network under each corruption and calibrate it; with its figures on the same images."""
    measured = measure_corruptions(network, images, config)
    calibration = calibrate(measured, held_out_bias)
    return measured, calibration, evaluate(measured, calibration)


def evaluate(measured: Mapping[str, Measured], calibration: Calibration) -> dict[str, Figures]:
    """The figures under each corruption, at each operating point; the AUCs are printed."""
    points = [OperatingPoint(name=name, **point) for name, point in calibration.operating_points.items()]
    found = {}
    for name, part in measured.items():
        found[name] = figures(part.is_ai, calibration.probability(part.logits), points, part.origins)
        told = found[name]
        tell(f"val {name}: AUC {told['auc']:.4f}, n {told['n_ai']} ai + {told['n_real']} real")
    return found


def write_figures(run: Path, val: Mapping[str, Figures], baseline: Baseline) -> None:
    """Write RUN/val.json."""
    with replacing(run / "val.json") as file:
        json.dump({**val, "trivial_baseline": baseline}, file, indent=2)


def save_model(
    run: Path, network: nn.Module, config: Config, calibration: Calibration, for_card: Mapping[str, Any]
) -> None:
    """Write RUN/model.pt: the network, its settings and calibration, and what else the card says of it."""
    content = {
        "architecture": "resnet18",
        "config": config.to_dict(),
        "model": {name: tensor.cpu() for name, tensor in network.state_dict().items()},
        "calibration": calibration_card(calibration, for_card["val"]),
        "operating_points": calibration.operating_points,
        **for_card,
        "torch": str(torch.__version__),
    }
    save(run / MODEL, content)


def calibration_card(calibration: Calibration, val: Mapping[str, Figures]) -> dict[str, Any]:
    """The card's "calibration"."""
    moved = {"held_out_bias": dict(calibration.held_out_bias)} if calibration.held_out_bias else {}
    return {
        "method": "temperature and bias",
        "temperature": calibration.temperature,
        "bias": calibration.bias,
        "conditions": list(val),
        "n": calibration.n,
        **moved,
    }


def summary(data: TrainingData, config: Config) -> dict[str, Any]:
    """What the network learnt from, for the card: counts and names, without the images."""
    return {
        "sha256": data_hash(data, config.data),
        "train": {label: len(of_class(data.train, label)) for label in LABELS},
        "val": {label: len(of_class(data.val, label)) for label in LABELS},
        "aligned": f"{len(data.pairs)} pairs" if data.pairs else "",
        "generators": sorted({image.generator for image in of_class(data.train, "ai")} - {""}),
    }


def data_hash(data: TrainingData, folder: Path) -> str:
    """sha256 over the names and sizes of all images used: which data this was, without the data."""
    digest = hashlib.sha256()
    for name, part in (("train", data.train), ("val", data.val)):
        for image in sorted(part, key=lambda image: image.path):
            path = image.path.relative_to(folder).as_posix()
            digest.update(f"{name} {path} {image.path.stat().st_size}\n".encode())
    return digest.hexdigest()
