"""The int8 file: a quantised run's network, calibrated by its own logits, and the proof that integers compute it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
import torch
from torch import nn

from export.checkpoint import golden_logits, load_run
from export.errors import ExportError
from export.parity import Parity
from fauxto.evaluate.records import Figures
from fauxto.inference.onnx import OnnxSession
from train.config import Config
from train.data import hold_out, read_images
from train.finish import calibrated, calibration_card, for_calibration
from train.model import with_weights
from train.quantise import QuantisedResNet

INT8 = "model-int8.onnx"
CONVOLUTIONS = 20

MAX_MEAN_DP, MAX_AUC_LOSS, MAX_TIME = 0.01, 0.003, 1.0
"""Of the CPU's default: mean |Δp| on real pictures, AUC on val below fp32's, time relative to fp32's."""


def load_int8(run: Path, rule_of: Config) -> QuantisedResNet:
    """The network of a run with --quantise. Raises ExportError for another run, or one that sees other crops."""
    checkpoint, _ = load_run(run / "model.pt")
    network = with_weights(checkpoint["model"])
    if not isinstance(network, QuantisedResNet):
        raise ExportError(f"{run}: not an int8 network; train one with --weights RUN/model.pt --quantise")
    if Config.from_checkpoint(checkpoint).preprocessing() != rule_of.preprocessing():
        raise ExportError(f"{run}: has another crop size, other crops or pooling than the fp32 run")
    return network.requires_grad_(False)


class FileNetwork(nn.Module):
    """An ONNX file in a network's place: (N, 3, S, S) float32 crops -> (N, 2) outputs, the logit of "ai" and 0."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.session = OnnxSession(path)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Ask the file."""
        logits = torch.from_numpy(self.session.run(crops.numpy()))
        return torch.stack([logits, torch.zeros_like(logits)], 1)


def int8_entry(path: Path, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The card's entry of an int8 file: calibration, thresholds and figures by the file's logits on val, golden logits.

    `checkpoint` is of the fp32 run: the same pictures, and the same bias from held-out sources.

    Raises:
        TrainError: the run's DATA cannot be read.
    """
    config, moved = Config.from_checkpoint(checkpoint), checkpoint["calibration"].get("held_out_bias")
    train, val = read_images(config.data, config.val_share, config.seed)
    chosen = for_calibration(hold_out(train, config.held_out)[0], val, config)
    network = FileNetwork(path)
    _, calibration, figures = calibrated(network, chosen, config, moved)
    return {
        "file": path.name,
        "providers": [],
        "calibration": calibration_card(calibration, figures),
        "operating_points": calibration.operating_points,
        "golden": golden_logits(network, config.preprocessing()),
        "val": figures,
    }


def falls_short(found: Parity, own: Mapping[str, Figures], reference: Mapping[str, Figures]) -> str | None:
    """Why an int8 file is not fit to be the CPU's default; None where it is.

    What counts is not that every verdict stays, but that it is as good: it has thresholds of its own.

    Args:
        found: the file beside the fp32 one.
        own: its figures on val, by condition.
        reference: those of fp32.
    """
    if found.mean_dp > MAX_MEAN_DP:
        return f"mean |Δp| {found.mean_dp:.4f} is over {MAX_MEAN_DP}"
    if found.ratio is not None and found.ratio > MAX_TIME:
        return f"takes {found.ratio:.2f} of fp32's time"
    for condition, figures in reference.items():
        loss = figures["auc"] - own[condition]["auc"]
        if loss > MAX_AUC_LOSS:
            return f"AUC on val, {condition}, is {loss:.4f} lower"
        for name, point in figures["operating_points"].items():
            mine = own[condition]["operating_points"][name]
            shares = {"recall": (mine["recall"], point["recall_interval"]), "fpr": (mine["fpr"], point["fpr_interval"])}
            for word, (share, (low, high)) in shares.items():
                if not low <= share <= high:
                    return f"{word} on val, {condition}, at {name} is {share:.3f}, outside of {low:.3f} to {high:.3f}"
    return None


def integer_convolutions(path: Path) -> int:
    """How many convolutions of a file onnxruntime computes in integers, by the graph that it makes of it here."""
    with tempfile.TemporaryDirectory() as place:
        settings = ort.SessionOptions()
        settings.log_severity_level = 3  # that an optimised graph fits this machine alone is known
        settings.optimized_model_filepath = str(Path(place, "optimised.onnx"))
        ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        nodes = onnx.load(settings.optimized_model_filepath).graph.node
    return Counter(node.op_type for node in nodes)["QLinearConv"]
