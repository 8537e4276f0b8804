"""RUN -> a model's folder: every file, compared with torch and with one another, or nothing at all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import nn
from torchvision.models import ResNet

from export import manifest, parity
from export.card import test_block, write_card
from export.checkpoint import load_run, make_card, network_of, torch_logit
from export.embedded import save
from export.errors import ExportError
from export.int8 import CONVOLUTIONS, INT8, falls_short, int8_entry, integer_convolutions, load_int8
from export.onnx_file import write_reference
from export.qdq import int8_model
from export.storage import int8_weights
from fauxto.detector import Detector
from fauxto.files import images_in, new_folder
from fauxto.inference.providers import CPU, OPENVINO, WEBGPU
from fauxto.model.card import CARD_FILE, MODEL_FILE, REFERENCE, Card
from fauxto.model.model import sha256
from fauxto.verdict import decide, probability
from train.config import Config
from train.quantise import QuantisedResNet

FORMATS = ("onnx", "coreml")
MAX_LOGIT_DIFFERENCE = 1e-4
MAX_INT8_LOGIT_DIFFERENCE = 0.2  # a sum in another order can be rounded the other way, and later layers carry it on
INT8_WEIGHTS = "model-int8-weights.onnx"
REPORT = ("learning_curve.png", "confusion_matrix.png", "roc.png", "calibration.png", "data.csv")

Entries = dict[str, dict[str, Any]]
"""Of the card's "variants" or "coreml": precision -> the file, its size, how it compares."""


def export(
    run: Path,
    out: Path,
    *,
    int8: Path | None = None,
    images: Path | None = None,
    sample: int = 64,
    formats: Sequence[str] = ("onnx",),
    precisions: Sequence[str] = ("fp16",),
    version: int = 0,
    test: Path | None = None,
) -> None:
    """Write OUT whole or not at all.

    Args:
        run: folder of a finished run.
        out: new folder, named as the model.
        int8: folder of the finished run that quantised `run`; None for a model without an int8 file.
        images: real ones to compare on; default: the run's val, or all its data.
        sample: how many of them.
        formats: of FORMATS.
        precisions: of Core ML.
        version: number of the release; 0 for none.
        test: report of `fauxto eval` for the card: of an earlier export of the same weights.

    Raises:
        ExportError: RUN or INT8 is no finished run, OUT is in use, a format or precision is unknown, TEST is no
            report, or a file differs too much.
    """
    for word in formats:
        if word not in FORMATS:
            raise ExportError(f"format '{word}' is not one of {', '.join(FORMATS)}")
    if "coreml" in formats:
        check_precisions(precisions)
    refuse_used(out)
    tested = {} if test is None else {"test": test_block(test)}
    checkpoint, state_hash = load_run(run / "model.pt")
    config, network = Config.from_checkpoint(checkpoint), network_of(checkpoint)
    quantised = load_int8(int8, config) if int8 else None
    rule, data = config.preprocessing(), Path(config.data)
    folder = images or (data / "val" if (data / "val").is_dir() else data)
    paths = find(folder, sample, config.seed)

    with new_folder(out) as folder:
        raw = make_card(out.name, checkpoint, state_hash, network, version)
        plain = write_reference(network, rule.crop_size, raw, folder / MODEL_FILE)
        write_card(raw | {"files": {MODEL_FILE: sha256(folder / MODEL_FILE)}}, folder / CARD_FILE)
        compare_with_torch(network, Detector(folder, provider="cpu", variant=REFERENCE), paths, MAX_LOGIT_DIFFERENCE)
        packages = write_packages(network, raw, precisions, folder) if "coreml" in formats else {}
        variants = write_variants(plain, raw, folder)
        if quantised:
            variants["int8"] = write_int8(quantised, checkpoint, raw, folder, paths)
        raw["variants"] = variants
        card = add_files(folder, raw | tested, packages)
        check_files(folder, raw, card, packages, paths)
        add_files(folder, raw | tested, packages)
        keep_report(run, folder / "report")
    manifest.write(out.parent)
    print(f"written: {out}, {out.parent / manifest.NAME}", file=sys.stderr)


def check_precisions(precisions: Sequence[str]) -> None:
    """Raise ExportError where Core ML packages cannot be written here, or not like that."""
    try:
        from export import coreml
    except ImportError:
        raise ExportError("--formats coreml needs coremltools, which is not for this system") from None
    if unknown := [name for name in precisions if name not in coreml.PRECISIONS]:
        raise ExportError(f"precision '{unknown[0]}' is not one of {', '.join(coreml.PRECISIONS)}")


def refuse_used(out: Path) -> None:
    """Raise ExportError where OUT is more than an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out}: exists and is not an empty folder; choose another --out")


def write_variants(plain: onnx.ModelProto, raw: dict[str, Any], folder: Path) -> Entries:
    """Write the file with int8 weights. Returns the card's entries; how they compare, and providers, are to come."""
    save(int8_weights(plain), raw | {"precision": "int8-weights"}, folder / INT8_WEIGHTS)
    files = {REFERENCE: MODEL_FILE, "int8-weights": INT8_WEIGHTS}
    return {name: {"file": file, "providers": []} for name, file in files.items()}


def write_int8(
    network: QuantisedResNet, checkpoint: Mapping[str, Any], raw: Mapping[str, Any], folder: Path, paths: Sequence[Path]
) -> dict[str, Any]:
    """Write the int8 file and prove it, and calibrate it by its own logits. Returns its entry in the card.

    Raises:
        ExportError: it is not the network that was trained, or onnxruntime computes a convolution in fp32.
    """
    path, about = folder / INT8, {**raw, "precision": "int8"}
    model = int8_model(network, raw["input"]["crop_size"], raw["opset"])
    save(model, about, path)
    if (found := integer_convolutions(path)) != CONVOLUTIONS:
        raise ExportError(
            f"onnxruntime computes {found} of {CONVOLUTIONS} convolutions in integers; nothing was written"
        )
    print(f"[✓] int8: onnxruntime computes {CONVOLUTIONS} of {CONVOLUTIONS} convolutions in integers", file=sys.stderr)
    entries = {REFERENCE: MODEL_FILE, "int8": INT8}
    known = {"variants": {name: {"file": file, "providers": []} for name, file in entries.items()}}
    write_card({**raw, **known, "files": {INT8: sha256(path)}}, folder / CARD_FILE)
    detector = Detector(folder, provider="cpu", variant="int8")
    compare_with_torch(network, detector, paths, MAX_INT8_LOGIT_DIFFERENCE)
    entry = int8_entry(path, checkpoint)
    save(model, about | {name: entry[name] for name in ("calibration", "operating_points", "golden", "val")}, path)
    return entry


def write_packages(network: ResNet, raw: dict[str, Any], precisions: Sequence[str], folder: Path) -> Entries:
    """Write the Core ML packages. Returns the card's entries; how they compare is to come."""
    from export import coreml

    raw["versions"]["coremltools"] = coreml.VERSION
    entries: Entries = {name: {"file": file} for name, file in coreml.write(network, raw, precisions, folder).items()}
    for name in entries.keys() - {coreml.PLAIN}:
        entries[name]["in_git"] = False
    return entries


def add_files(folder: Path, raw: dict[str, Any], packages: Entries) -> Card:
    """Write card.json, with the hash of every file, and read it as the runtime does."""
    raw["files"] = {}
    for entry in (*raw["variants"].values(), *packages.values()):
        own = manifest.files(folder / entry["file"])
        entry["bytes"] = sum(path.stat().st_size for path in own)
        raw["files"] |= {path.relative_to(folder).as_posix(): sha256(path) for path in own}
    if packages:
        raw["coreml"] = packages
    return write_card(raw, folder / CARD_FILE)


def check_files(folder: Path, raw: dict[str, Any], card: Card, packages: Entries, paths: Sequence[Path]) -> None:
    """Compare every file; put the figures, and the default variant, into `raw`. Raises ExportError over a bound."""
    variants: Entries = raw["variants"]
    candidates = {name: parity.onnx_logits(folder / entry["file"], card) for name, entry in variants.items()}
    candidates |= {f"coreml {name}": parity.coreml_logits(folder / e["file"], card) for name, e in packages.items()}
    found = parity.compare_files(candidates, paths, card, timed=list(variants))
    broken = []
    for name, own in found.items():
        entry = variants[name] if name in variants else packages[name.removeprefix("coreml ")]
        entry["proof"] = own.as_card()
        failure = broken_bound(name, own)
        broken += [f"{name}: {failure}"] if failure else []
        speed = f", {own.ms:.0f} ms ({own.ratio:.2f}x fp32)" if own.ms else ""
        area = "" if own.auc_difference is None else f", AUC {own.auc_difference:+.4f}"
        print(
            f"[{'✗' if failure else '✓'}] {name}: {entry['bytes'] / 1e6:.1f} MB, max |Δp| {own.max_dp:.4f}, "
            f"{own.flips} of {own.n} verdicts flip{area}{speed}",
            file=sys.stderr,
        )
    if broken:
        raise ExportError(f"{'; '.join(broken)}; nothing was written")
    variants[default_for_cpu(found, raw)]["providers"] += [CPU, OPENVINO]
    variants[smallest(found)]["providers"].append(WEBGPU)


def smallest(found: Mapping[str, parity.Parity]) -> str:
    """The variant for what computes in floating point and has to fetch its file: the smallest that answers as fp32."""
    return "int8-weights" if found["int8-weights"].may_be_default else REFERENCE


def default_for_cpu(found: Mapping[str, parity.Parity], raw: Mapping[str, Any]) -> str:
    """The variant for the CPU: int8 where it is as good as fp32, else the smallest file with the same answers."""
    if "int8" in found:
        reason = falls_short(found["int8"], raw["variants"]["int8"]["val"], raw["val"])
        print(f"int8 is {f'not the default: {reason}' if reason else 'the default on CPUs'}", file=sys.stderr)
        if not reason:
            return "int8"
    return smallest(found)


def broken_bound(name: str, found: parity.Parity) -> str | None:
    """What is wrong with a file; None where it keeps its bound. An int8 file may differ: see `falls_short`."""
    if name == "coreml fp16":
        fits = found.max_dp <= parity.MAX_DIFFERENCE
        return None if fits else f"max |Δp| {found.max_dp:.4f} is over {parity.MAX_DIFFERENCE}"
    if name.startswith("coreml"):
        if found.golden_flips:
            return f"the verdict of {found.golden_flips} golden pictures flips"
        fits = found.flips <= parity.MAX_FLIPS_PALETTISED * found.n
        return None if fits else f"{found.flips} of {found.n} verdicts flip"
    return None


def keep_report(run: Path, folder: Path) -> None:
    """Copy the run's plots, which show no picture of the data set, and the counts of what was used."""
    folder.mkdir()
    for name in REPORT:
        if (run / name).exists():  # an unfolded release has no learning curve
            shutil.copyfile(run / name, folder / name)


def find(folder: Path, sample: int, seed: int) -> list[Path]:
    """`sample` images from below `folder`, drawn with a seed, to compare on.

    Raises:
        ExportError: there are none, or a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise ExportError(f"{error.filename}: cannot be listed ({error.strerror}); name a folder with --pictures")

    paths = sorted(map(Path, images_in(folder, refuse)))
    if not paths:
        raise ExportError(f"{folder}: no pictures to compare on; name a folder with --pictures")
    return [paths[i] for i in sorted(np.random.default_rng(seed).permutation(len(paths))[:sample])]


def compare_with_torch(network: nn.Module, detector: Detector, paths: Sequence[Path], bound: float) -> None:
    """A file, through the runtime, against torch on real images. Raises ExportError over the bound of a logit."""
    card = detector.card
    differences: list[float] = []
    changed = 0
    for path, answer in zip(paths, detector.predict_many(paths), strict=True):
        if answer.logit is None or answer.width is None or answer.height is None:
            print(f"left out {path}: {answer.error}", file=sys.stderr)
            continue
        expected = torch_logit(network, path, card.preprocessing)
        differences.append(abs(answer.logit - expected))
        p_ai = probability(expected, card.temperature, card.bias)
        short_side = min(answer.width, answer.height)
        verdict, _, _ = decide(p_ai, short_side, card.minimum_short_side, detector.operating_point)
        changed += verdict != answer.verdict
    if not differences:
        raise ExportError("none of the pictures could be read; name others with --pictures")
    worst = max(differences)
    fits = worst <= bound
    print(
        f"[{'✓' if fits else '✗'}] {detector.variant} against torch, {len(differences)} pictures: "
        f"max |Δlogit| {worst:.1e}, mean {np.mean(differences):.1e} (bound {bound:.0e}), {changed} verdicts changed",
        file=sys.stderr,
    )
    if not fits:
        raise ExportError(f"the {detector.variant} file differs from torch by {worst:.1e}; nothing was written")
