"""RUN -> a model's folder: every file, proved against torch and against one another, or nothing at all."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import nn

from export import manifest, proof
from export.checkpoint import load_run, make_card, network_of, torch_logit
from export.errors import ExportError
from export.int8 import INT8, write_int8
from export.onnx_file import save, write_reference
from export.target import refuse_used, whole_folder
from export.variants import int8_weights
from fauxto import card as cards
from fauxto.detector import Detector
from fauxto.files import SUFFIXES
from fauxto.inference.providers import CPU
from fauxto.model.card import MODEL_FILE, REFERENCE, Card
from fauxto.verdict import decide, probability
from train.config import Config

FORMATS = ("onnx", "coreml")
MAX_LOGIT_DIFFERENCE = 1e-4
INT8_WEIGHTS = "model-int8-weights.onnx"
CALIBRATION_PICTURES = 48
REPORT = ("learning_curve.png", "confusion_matrix.png", "roc.png", "calibration.png", "data.csv")


def export(
    run: Path,
    out: Path,
    pictures: Path | None,
    sample: int,
    formats: Sequence[str] = ("onnx",),
    precisions: Sequence[str] = ("fp16",),
) -> None:
    """Write OUT whole or not at all.

    Raises:
        ExportError: RUN is no finished run, OUT is in use, a format or precision is unknown, or a file fails its
            proof.
    """
    for word in formats:
        if word not in FORMATS:
            raise ExportError(f"format '{word}' is not one of {', '.join(FORMATS)}")
    refuse_used(out, "--out")
    checkpoint, state_hash = load_run(run / "model.pt")
    config, network = Config(**checkpoint["config"]), network_of(checkpoint)
    data = Path(config.data)
    calibration, paths = find(pictures or (data / "val" if (data / "val").is_dir() else data), sample, config.seed)

    with whole_folder(out) as folder:
        raw = make_card(out.name, checkpoint, state_hash, network)
        plain = write_reference(network, config.view_size, raw, folder / MODEL_FILE)
        packages = {}
        if "coreml" in formats:
            from export.coreml import write_packages

            packages = write_packages(network, raw, list(precisions), folder)
        raw["variants"] = write_variants(plain, folder, raw, calibration)
        card = write_card(folder, raw, packages)
        compare(network, Detector(folder, "cpu", variant=REFERENCE), paths)
        check_proofs(folder, raw, card, packages, paths)
        write_card(folder, raw, packages)
        keep_report(run, folder / "report")
    manifest.write(out.parent)
    print(f"written: {out}, {out.parent / manifest.NAME}", file=sys.stderr)


def write_variants(
    plain: onnx.ModelProto, folder: Path, raw: dict[str, Any], calibration: Sequence[Path]
) -> dict[str, dict[str, Any]]:
    """Write the other ONNX files. Returns the card's entries, the proofs and the choices still to come."""
    save(int8_weights(plain), raw | {"precision": "int8-weights"}, folder / INT8_WEIGHTS)
    raw["int8"] = write_int8(folder, raw, calibration)
    files = {REFERENCE: MODEL_FILE, "int8-weights": INT8_WEIGHTS, "int8": INT8}
    return {name: {"file": file, "providers": []} for name, file in files.items()}


def write_card(folder: Path, raw: dict[str, Any], packages: dict[str, dict[str, Any]]) -> Card:
    """Write card.json, with the hash of every file, and read it as the runtime does."""
    raw["files"] = {}
    for entry in (*raw["variants"].values(), *packages.values()):
        own = manifest.files(folder / entry["file"])
        entry["bytes"] = sum(path.stat().st_size for path in own)
        raw["files"] |= {path.relative_to(folder).as_posix(): cards.sha256(path) for path in own}
    if packages:
        raw["coreml"] = packages
    (folder / cards.CARD_FILE).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    return cards.read(folder)


def check_proofs(
    folder: Path, raw: dict[str, Any], card: Card, packages: dict[str, dict[str, Any]], paths: Sequence[Path]
) -> None:
    """Prove every file, put the figures and the choices into `raw`, print them. Raises ExportError over a bound."""
    variants = raw["variants"]
    candidates = {name: proof.onnx_logits(folder / entry["file"], card) for name, entry in variants.items()}
    candidates |= {f"coreml {name}": proof.coreml_logits(folder / e["file"], card) for name, e in packages.items()}
    proofs = proof.prove(candidates, paths, card, timed=list(variants))
    broken = []
    for name, found in proofs.items():
        entry = variants[name] if name in variants else packages[name.removeprefix("coreml ")]
        entry["proof"] = found.as_card()
        failure = broken_bound(name, found)
        broken += [f"{name}: {failure}"] if failure else []
        speed = f", {found.ms:.0f} ms ({found.ratio:.2f}x fp32)" if found.ms else ""
        area = "" if found.auc_difference is None else f", AUC {found.auc_difference:+.4f}"
        print(
            f"[{'✗' if failure else '✓'}] {name}: {entry['bytes'] / 1e6:.1f} MB, max |Δp| {found.max_dp:.4f}, "
            f"{found.flips} of {found.n} verdicts flip{area}{speed}",
            file=sys.stderr,
        )
    if broken:
        raise ExportError(f"{'; '.join(broken)}; nothing was written")
    variants[default_for_cpu(proofs)]["providers"].append(CPU)


def default_for_cpu(proofs: dict[str, proof.Proof]) -> str:
    """The variant for the CPU: int8 where it pays, else the smallest file with the same answers."""
    fits = [name for name in ("int8", "int8-weights") if proofs[name].may_be_default]
    if "int8" in fits and (proofs["int8"].ratio or 1.0) > proof.MAX_INT8_TIME:
        fits.remove("int8")
    return (*fits, REFERENCE)[0]


def broken_bound(name: str, found: proof.Proof) -> str | None:
    """What is wrong with a file; None where it keeps its bound. An int8 file may differ: then it is no default."""
    if name == "coreml fp16":
        fits = found.max_dp <= proof.MAX_DIFFERENCE
        return None if fits else f"max |Δp| {found.max_dp:.4f} is over {proof.MAX_DIFFERENCE}"
    if name.startswith("coreml"):
        if found.golden_flips:
            return f"the verdict of {found.golden_flips} golden pictures flips"
        fits = found.flips <= proof.MAX_FLIPS_PALETTISED * found.n
        return None if fits else f"{found.flips} of {found.n} verdicts flip"
    return None


def keep_report(run: Path, folder: Path) -> None:
    """Copy the run's plots, which show no picture of the data set, and the counts of what was used."""
    folder.mkdir()
    for name in REPORT:
        if (run / name).exists():  # an unfolded release has no learning curve
            shutil.copyfile(run / name, folder / name)


def find(folder: Path, sample: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Pictures from below `folder`, drawn with a seed: some to calibrate int8 with, and `sample` others to prove on.

    Raises:
        ExportError: there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ExportError(f"{folder}: no pictures to compare on; name a folder with --pictures")
    order = np.random.default_rng(seed).permutation(len(paths))
    split = min(CALIBRATION_PICTURES, len(paths) // 2)
    chosen = order[split : split + sample]
    return [paths[i] for i in order[:split]], [paths[i] for i in sorted(chosen)]


def compare(network: nn.Module, detector: Detector, paths: Sequence[Path]) -> None:
    """The fp32 file, through the runtime, against torch on real pictures. Raises ExportError over the bound."""
    card, differences, changed = detector.card, [], 0
    for path, answer in zip(paths, detector.predict_many(paths), strict=True):
        if answer.logit is None or answer.width is None or answer.height is None:
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
    print(
        f"[{'✓' if fits else '✗'}] fp32 against torch, {len(differences)} pictures: max |Δlogit| {worst:.1e} "
        f"(bound {MAX_LOGIT_DIFFERENCE:.0e}), {changed} verdicts changed",
        file=sys.stderr,
    )
    if not fits:
        raise ExportError(f"the ONNX file differs from torch by {worst:.1e}; nothing was written")
