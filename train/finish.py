"""After the last epoch: calibrate, report, and write RUN/model.pt, which is all that export needs."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fauxto.evaluate import plots
from fauxto.evaluate.corruptions import CONDITIONS
from fauxto.evaluate.dataset import LABELS, LabelledImage, of_class
from fauxto.evaluate.metrics import figures
from fauxto.model.card import OperatingPoint
from train import report
from train.calibrate import fit_calibration, operating_points, probability, read_unseen
from train.checkpoint import read_history, write_whole
from train.config import Config
from train.data import aligned_pairs, draw_weights, even_subset, unseen
from train.measure import pooled_logits, trivial_baseline
from train.model import stay_positive


def finish(
    model: nn.Module, config: Config, train: Sequence[LabelledImage], val: Sequence[LabelledImage], run: Path
) -> None:
    """Cut the last layer as the settings say, calibrate on val's unseen sources, and write what RUN promises.

    Calibration takes clean, web and hard in equal parts, and then what train.unseen wrote, where it is named; for the
    thresholds, a source of photographs counts by the root of its size, as in the draw, and a photograph counts once in
    the interval, not once for each condition.

    The figures are measured on the pictures that the calibration was fitted on; they choose, they do
    not prove. A set that was never looked at is for `fauxto eval`.
    """
    moved = {"unseen": read_unseen(config.unseen)} if config.unseen else {}
    if config.head == "positive":
        stay_positive(model)
    chosen = even_subset(unseen(val, train), config.report_pictures, config.seed)
    logits, truth, kept = {}, {}, {}
    for name, condition in CONDITIONS.items():
        print(f"measuring {len(chosen)} val pictures, {name}", file=sys.stderr)
        logits[name], kept[name] = pooled_logits(model, chosen, config.preprocessing(), condition, config.workers)
        truth[name] = np.array([picture.is_ai for picture in kept[name]])
    every_truth = np.concatenate(list(truth.values()))
    temperature, bias = fit_calibration(np.concatenate(list(logits.values())), every_truth)
    if moved:
        bias += moved["unseen"]["bias"]
    p_ai = {name: probability(values, temperature, bias) for name, values in logits.items()}
    every_p = np.concatenate(list(p_ai.values()))
    weights = np.concatenate([draw_weights(part).numpy() for part in kept.values()])
    points = operating_points(every_p, every_truth, weights, len(CONDITIONS))

    measured = [OperatingPoint(name=name, **point) for name, point in points.items()]
    result: dict[str, Any] = {
        name: figures(truth[name], p_ai[name], measured, [p.origin for p in kept[name]]) for name in CONDITIONS
    }
    mixture = trivial_baseline(train, config)
    (run / "val.json").write_text(json.dumps(result | {"trivial_baseline": mixture}, indent=2), encoding="utf-8")
    print(f"trivial features on the training crops: {mixture}", file=sys.stderr)
    for name, part in result.items():
        print(f"val {name}: AUC {part['auc']:.4f}, n {part['n_ai']} ai + {part['n_real']} real", file=sys.stderr)

    if history := read_history(run):
        report.learning_curve(history, run / "learning_curve.png")
    report.save(plots.confusion(result["clean"]["operating_points"]), run / "confusion_matrix.png")
    report.save(plots.roc({name: (truth[name], p_ai[name]) for name in CONDITIONS}), run / "roc.png")
    report.save(plots.calibration(every_truth, every_p), run / "calibration.png")
    report.data_table({"train": train, "val": val}, run / "data.csv")
    report.worst_mistakes(kept["clean"], p_ai["clean"], run / "worst_mistakes.png")

    write_whole(
        run / "model.pt",
        {
            "format": 1,
            "architecture": "resnet18",
            "labels": list(LABELS),
            "config": asdict(config),
            "model": {name: tensor.cpu() for name, tensor in model.state_dict().items()},
            "calibration": {
                "method": "temperature and bias",
                "temperature": temperature,
                "bias": bias,
                "conditions": list(CONDITIONS),
                "n": len(every_truth),
                **moved,
            },
            "operating_points": points,
            "val": result,
            "trivial_baseline": mixture,
            "data": {
                "sha256": manifest_hash(train, val, Path(config.data)),
                "train": {label: len(of_class(train, label)) for label in LABELS},
                "val": {label: len(of_class(val, label)) for label in LABELS},
                "aligned": aligned(config),
                "generators": sorted({picture.generator for picture in of_class(train, "ai")} - {""}),
            },
            "torch": str(torch.__version__),
        },
    )


def aligned(config: Config) -> str:
    """Which pairs of a photograph and its reconstruction were drawn, in words; empty for none."""
    if not config.aligned:
        return ""
    folder = Path(config.aligned)
    if config.augment_on == "device":
        return "made while training, by " + ", ".join(sorted(file.stem for file in folder.glob("*.pt2")))
    return f"{len(aligned_pairs(folder))} pairs"


def manifest_hash(train: Sequence[LabelledImage], val: Sequence[LabelledImage], data: Path) -> str:
    """sha256 over the names and sizes of all pictures used: which data this was, without the data."""
    digest = hashlib.sha256()
    for name, part in (("train", train), ("val", val)):
        for picture in sorted(part, key=lambda picture: picture.path):
            path = picture.path.relative_to(data).as_posix()
            digest.update(f"{name} {path} {picture.path.stat().st_size}\n".encode())
    return digest.hexdigest()
