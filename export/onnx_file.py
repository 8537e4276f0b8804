"""RUN/model.pt -> model.onnx with its card embedded, and card.json beside it; compared before it is kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from fauxto import card as cards
from fauxto.detector import Detector
from fauxto.golden import SIZES, golden_picture
from fauxto.image import SUFFIXES, load
from fauxto.labelled import LABELS
from fauxto.preprocess import Preprocessing, pool, prepare
from fauxto.verdict import decide, probability
from train.config import Config
from train.errors import TrainError
from train.model import ai_logit, build, read_model

MAX_LOGIT_DIFFERENCE = 1e-4
MINIMUM_SHORT_SIDE = 200  # px; below it the verdict is "unsure"
WEIGHTS_LICENCE = "Apache-2.0"
REPORT = ("learning_curve.png", "confusion_matrix.png", "roc.png", "calibration.png", "data.csv")


class ExportError(Exception):
    """A run that cannot be exported, or an export that differs from torch. One line, with the fix."""


class Evidence(nn.Module):
    """(N, 3, S, S) views -> (N,) logits of "ai", and (N, S / 32, S / 32) where in the view they come from.

    The head is linear and the pooling a mean, so that the two change places: the logit is the mean of the
    evidence plus a bias. This is the class activation map of Zhou et al. (2016), at no cost.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logit, and its evidence."""
        n = self.network
        features = n.maxpool(n.relu(n.bn1(n.conv1(views))))
        features = n.layer4(n.layer3(n.layer2(n.layer1(features))))
        weight = ai_logit(n.fc.weight.T)  # (512,)
        evidence = nn.functional.conv2d(features, weight[None, :, None, None])[:, 0]
        return evidence.mean((1, 2)) + ai_logit(n.fc.bias[None])[0], evidence


def export(run: Path, out: Path, pictures: Path | None, sample: int) -> None:
    """Write OUT whole or not at all.

    Raises:
        ExportError: RUN is no finished run, OUT is in use, or the ONNX file differs from torch.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out}: exists and is not an empty folder; choose another --out")
    checkpoint, state_hash = load_run(run / "model.pt")
    config = Config(**checkpoint["config"])
    network = build("none").eval()
    network.load_state_dict(checkpoint["model"])
    data = Path(config.data)
    paths = find(pictures or (data / "val" if (data / "val").is_dir() else data), sample, config.seed)

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        partial = Path(folder, "model")
        partial.mkdir()
        card = make_card(out.name, checkpoint, state_hash, config.preprocessing())
        card["golden"] = golden_logits(network, config.preprocessing())
        write_onnx(Evidence(network).eval(), config.view_size, card, partial / cards.MODEL_FILE)
        digest = hashlib.sha256((partial / cards.MODEL_FILE).read_bytes()).hexdigest()
        card["files"] = {cards.MODEL_FILE: digest}
        (partial / cards.CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        compare(network, Detector(partial), paths)
        keep_report(run, partial / "report")
        if out.exists():
            out.rmdir()
        os.replace(partial, out)
    print(f"written: {out}", file=sys.stderr)


def keep_report(run: Path, folder: Path) -> None:
    """Copy the run's plots, which show no picture of the data set, and the counts of what was used."""
    folder.mkdir()
    for name in REPORT:
        shutil.copyfile(run / name, folder / name)


def load_run(path: Path) -> tuple[dict[str, Any], str]:
    """RUN/model.pt, checked, and its sha256. Raises ExportError."""
    if not path.exists():
        raise ExportError(f"{path}: not there; has `python -m train` finished?")
    try:
        checkpoint = read_model(path)
    except TrainError as error:
        raise ExportError(str(error)) from None
    if checkpoint.get("labels") != list(LABELS):
        raise ExportError(f"{path}: its labels are not {', '.join(LABELS)}")
    if "calibration" not in checkpoint:
        raise ExportError(f"{path}: has no calibration; finish the run with python -m train … --resume")
    return checkpoint, hashlib.sha256(path.read_bytes()).hexdigest()


def find(folder: Path, sample: int, seed: int) -> list[Path]:
    """`sample` pictures from below `folder`, drawn with a seed. Raises ExportError where there are none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ExportError(f"{folder}: no pictures to compare on; name a folder with --pictures")
    chosen = np.random.default_rng(seed).permutation(len(paths))[:sample]
    return [paths[i] for i in sorted(chosen)]


def make_card(name: str, checkpoint: dict[str, Any], state_hash: str, rule: Preprocessing) -> dict[str, Any]:
    """The card, but for the golden logits and the hashes of the files."""
    return {
        "card": cards.SCHEMA,
        "name": name,
        "description": "Tells AI-generated pictures from photographs. A hint, never proof.",
        "weights_licence": WEIGHTS_LICENCE,
        "architecture": checkpoint["architecture"],
        "labels": checkpoint["labels"],
        "positive_label": "ai",
        "input": {
            "colour": "RGB",
            "view_size": rule.view_size,
            "max_short_side": rule.max_short_side,
            "filter": rule.filter,
            "positions": [list(position) for position in rule.positions],
            "pooling": "mean of the largest",
            "pooled_views": rule.pooled_views,
            "mean": list(rule.mean),
            "std": list(rule.std),
        },
        "calibration": checkpoint["calibration"],
        "operating_points": checkpoint["operating_points"],
        "default_operating_point": "fpr1",
        "minimum_short_side": MINIMUM_SHORT_SIDE,
        "val": checkpoint["val"],
        "trivial_baseline": checkpoint["trivial_baseline"],
        "data": checkpoint["data"],
        "training": training_settings(checkpoint["config"]),
        "checkpoint_sha256": state_hash,
        "precision": "fp32",
        "created": datetime.now(UTC).date().isoformat(),
        "git_commit": git_commit(),
        "versions": {"torch": checkpoint["torch"], "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    }


def training_settings(config: dict[str, Any]) -> dict[str, Any]:
    """The run's settings without this machine's folders."""
    weights = config["weights"]
    return {key: value for key, value in config.items() if key != "data"} | {
        "weights": weights if weights in ("imagenet", "none") else "/".join(Path(weights).parts[-2:]),
        "aligned": Path(config.get("aligned", "")).name,
    }


def git_commit() -> str | None:
    """The checkout's commit, or None outside of one."""
    answer = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


@torch.no_grad()
def torch_logit(network: nn.Module, picture: Any, rule: Preprocessing) -> float:
    """Pooled logit of one picture, by torch on the CPU."""
    logits = ai_logit(network(torch.from_numpy(prepare(load(picture), rule))))
    return float(pool(logits.numpy()[None], rule)[0])


def golden_logits(network: nn.Module, rule: Preprocessing) -> list[dict[str, float]]:
    """Torch's logit of every golden picture."""
    return [{"picture": i, "logit": torch_logit(network, golden_picture(i), rule)} for i in range(len(SIZES))]


def write_onnx(model: nn.Module, view_size: int, card: dict[str, Any], path: Path) -> None:
    """One ONNX file, dynamic in the number of views, checked, with the card in its metadata."""
    program = torch.onnx.export(
        model,
        (torch.zeros(2, 3, view_size, view_size),),
        input_names=["views"],
        output_names=["logit", "evidence"],
        dynamic_shapes={"views": {0: torch.export.Dim("views", min=1)}},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    proto = program.model_proto
    card["opset"] = next(entry.version for entry in proto.opset_import if not entry.domain)
    onnx.helper.set_model_props(proto, {"fauxto.card": json.dumps(card)})
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path))


def compare(network: nn.Module, detector: Detector, paths: list[Path]) -> None:
    """The ONNX file, through the runtime, against torch on real pictures. Raises ExportError over the bound."""
    card, differences, changed = detector.card, [], 0
    for path, answer in zip(paths, detector.predict_many(paths), strict=True):
        if answer.logit is None:
            print(f"left out {path}: {answer.error}", file=sys.stderr)
            continue
        expected = torch_logit(network, path, card.preprocessing)
        differences.append(abs(answer.logit - expected))
        p_ai = probability(expected, card.temperature, card.bias)
        verdict, _, _ = decide(p_ai, min(answer.width, answer.height), card, detector.operating_point)
        changed += verdict != answer.verdict
    if not differences:
        raise ExportError("none of the pictures could be read; name others with --pictures")
    worst = max(differences)
    fits = worst <= MAX_LOGIT_DIFFERENCE
    mark = "✓" if fits else "✗"
    print(
        f"[{mark}] {len(differences)} pictures: max |Δlogit| {worst:.1e} (bound {MAX_LOGIT_DIFFERENCE:.0e}), "
        f"{changed} verdicts changed",
        file=sys.stderr,
    )
    if not fits:
        raise ExportError(f"the ONNX file differs from torch by {worst:.1e}; nothing was written")
