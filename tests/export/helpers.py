"""A finished run whose network is the released one, so that exports are tested on weights that mean something; and how
far a Core ML package is from an ONNX file.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from export import parity
from export.package import REPORT
from export.unfold import unfolded
from fauxto.image.preprocess import cut_crops, prepare
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from tests.helpers import EXAMPLES, make_photo
from train.checkpoint import MODEL, save
from train.config import Config
from train.quantise import QuantisedResNet, fold_norms, set_steps


def write_images(folder: Path) -> None:
    """The examples and some made ones, in a folder for each class."""
    for label in ("ai", "real"):
        (folder / label).mkdir(parents=True)
    for path in (path for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png")):
        shutil.copy(path, folder / ("ai" if path.name.startswith("ai") else "real"))
    for i in range(6):
        make_photo(400, 300, seed=i).save(folder / "real" / f"made-{i}.png")


def quantised_release(released: Model) -> QuantisedResNet:
    """The released network, quantised but not trained, in eval mode."""
    network = QuantisedResNet(fold_norms(unfolded(released.folder / MODEL_FILE)))
    rule = released.card.preprocessing
    seen = [prepare(make_photo(700, 500, seed=seed), rule) for seed in range(40, 44)]
    set_steps(network, torch.from_numpy(np.concatenate(seen)))
    return network.eval()


def write_run(folder: Path, images: Path, quantise: bool = False) -> None:
    """What `python -m train` leaves in RUN, with or without --quantise, as far as an export reads it."""
    folder.mkdir()
    released = Model.open()
    card, network = released.card.raw, unfolded(released.folder / MODEL_FILE)
    copied = ("architecture", "calibration", "operating_points", "val", "trivial_baseline", "data")
    content = {name: card[name] for name in copied} | {
        "config": Config(data=images, quantise=quantise, workers=0).to_dict(),
        "model": (quantised_release(released) if quantise else network).state_dict(),
        "torch": card["versions"]["torch"],
    }
    save(folder / MODEL, content)
    for name in REPORT:
        (folder / name).write_bytes(b"as training left it")


def largest_difference(package: Path, model: Model) -> float:
    """Of the calibrated probabilities of an interpreted package and of the ONNX file, over the crops of made photos."""
    logits = parity.coreml_logits(package, model.card)
    reference = parity.onnx_logits(model.folder / MODEL_FILE, model.card)
    found = []
    for seed in range(30, 34):
        seen = cut_crops(make_photo(700, 500, seed=seed), model.card.preprocessing)
        own, other = (parity.probabilities(ask(seen), model.card) for ask in (logits, reference))
        found.append(float(np.abs(own - other).max()))
    return max(found)
