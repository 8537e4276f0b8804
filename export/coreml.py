"""The network -> Core ML packages: raw RGB pixels in, calibrated probabilities out.

Everything between is inside the package, so that Xcode's preview, Vision and Python show the same number:
the exact normalisation of each channel, the network, the calibration, the softmax.
"""

from __future__ import annotations

import copy
import json
import logging
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import ResNet

from export.embedded import CARD_KEY
from export.storage import SMALL
from fauxto.files import replacing

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    logging.getLogger("coremltools").setLevel(logging.ERROR)  # no predictions outside of macOS: known
    import coremltools as ct

VERSION: str = ct.__version__
PLAIN = "fp16"
PRECISIONS = {PLAIN: 16, "8bit": 8, "6bit": 6}
"""Name -> bits of a weight: half precision, or the index into a palette."""

SCALE = 0.226
"""ImageType takes one scale for all channels: this one, near every std of ImageNet; what is left of each
channel's own goes into the first convolution, exactly."""


class Calibrated(nn.Module):
    """(N, 3, S, S) of (pixel / 255 - mean) / SCALE -> (N, 2) calibrated probabilities, in the order of the labels.

    softmax(z / 2, -z / 2) is (sigmoid(z), 1 - sigmoid(z)); z = logit / temperature + bias is folded into the head.
    """

    def __init__(self, network: ResNet, card: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        std = torch.tensor(card["input"]["std"])
        positive = card["labels"].index(card["positive_label"])
        sign = torch.tensor([1.0 if i == positive else -1.0 for i in range(2)])
        head, calibration = self.network.fc, card["calibration"]
        with torch.no_grad():
            self.network.conv1.weight *= (SCALE / std)[None, :, None, None]
            weight = (sign[:, None] * head.weight).sum(0) / calibration["temperature"]
            bias = (sign * head.bias).sum() / calibration["temperature"] + calibration["bias"]
            head.weight.copy_(sign[:, None] * weight / 2)
            head.bias.copy_(sign * bias / 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The probabilities."""
        return torch.softmax(self.network(image), 1)


def write(network: ResNet, card: Mapping[str, Any], precisions: Sequence[str], folder: Path) -> dict[str, str]:
    """Write FOLDER/NAME.mlpackage, NAME-8bit.mlpackage and NAME-6bit.mlpackage, as asked for.

    Args:
        network: as it is released.
        card: of schema 2, without the files.
        precisions: keys of PRECISIONS.
        folder: to write into.

    Returns:
        precision -> the package's name.
    """
    plain = convert(network, card)
    written = {}
    for precision in precisions:
        file = f"{card['name']}.mlpackage" if precision == PLAIN else f"{card['name']}-{precision}.mlpackage"
        save_package(plain if precision == PLAIN else palettised(plain, precision), folder / file)
        written[precision] = file
    return written


def convert(network: ResNet, card: Mapping[str, Any]) -> ct.models.MLModel:
    """An mlprogram for iOS 16 and macOS 13 or later, in half precision, with what Xcode shows of it."""
    size, mean = card["input"]["crop_size"], card["input"]["mean"]
    image = ct.ImageType(
        name="image",
        shape=(1, 3, size, size),
        scale=1 / (255 * SCALE),
        bias=[-value / SCALE for value in mean],
        color_layout=ct.colorlayout.RGB,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ct.convert(
            torch.jit.trace(Calibrated(network, card).eval(), torch.zeros(1, 3, size, size)),  # type: ignore[no-untyped-call]
            inputs=[image],
            classifier_config=ct.ClassifierConfig(list(card["labels"])),
            minimum_deployment_target=ct.target.iOS16,
            convert_to="mlprogram",
            compute_precision=ct.precision.FLOAT16,
        )
    describe(model, card)
    return model


def describe(model: ct.models.MLModel, card: Mapping[str, Any]) -> None:
    """Fill in what Xcode shows of the package in half precision, and embed the card."""
    model.short_description = (
        f"{card['description']} Input: one crop of {card['input']['crop_size']} px, cut out at native size; "
        "the card says which crops, and how they are pooled."
    )
    model.author = "fauxto"
    model.license = card["weights_licence"]
    model.version = f"{card['name']} {PLAIN} {card['created']}"
    model.input_description["image"] = "One crop of the picture, RGB."
    model.output_description["classLabel"] = "The likelier label of this crop. Not yet a verdict: see the card."
    model.output_description["classLabel_probs"] = "Calibrated probability of each label."
    model.user_defined_metadata["com.apple.coreml.model.preview.type"] = "imageClassifier"
    model.user_defined_metadata[CARD_KEY] = json.dumps(card)


def open_package(path: Path) -> ct.models.MLModel:
    """A saved package, to look at and to change, not to run: that works anywhere."""
    return ct.models.MLModel(str(path), skip_model_load=True)


def palettised(plain: ct.models.MLModel, precision: str) -> ct.models.MLModel:
    """The same with the weights of large layers as indices into a table of 256 or 64 values, found by k-means.

    In one dimension k-means has an exact solution, which coremltools computes for half precision: the same package
    gives the same weights.
    """
    settings = ct.optimize.coreml.OpPalettizerConfig(mode="kmeans", nbits=PRECISIONS[precision], weight_threshold=SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ct.optimize.coreml.palettize_weights(
            plain, ct.optimize.coreml.OptimizationConfig(global_config=settings)
        )
    for name in ("short_description", "author", "license"):
        setattr(model, name, getattr(plain, name))
    model.version = plain.version.replace(f" {PLAIN} ", f" {precision} ")
    for own, other in (
        (model.input_description, plain.input_description),
        (model.output_description, plain.output_description),
    ):
        for name in other:
            own[name] = other[name]
    for name in ("com.apple.coreml.model.preview.type", CARD_KEY):
        model.user_defined_metadata[name] = plain.user_defined_metadata[name]
    return model


def save_package(model: ct.models.MLModel, path: Path) -> None:
    """Write a package, the same bytes each time: coremltools orders maps, and names parts, by chance."""
    model.save(str(path))
    spec = ct.utils.load_spec(str(path))
    manifest = json.loads((path / "Manifest.json").read_text("utf-8"))
    parts = manifest["itemInfoEntries"]
    specification = path / "Data" / parts[manifest["rootModelIdentifier"]]["path"]
    with replacing(specification, "wb") as file:
        file.write(spec.SerializeToString(deterministic=True))
    names = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path.name}/{part['path']}")) for old, part in parts.items()}
    manifest["itemInfoEntries"] = {names[old]: part for old, part in parts.items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    with replacing(path / "Manifest.json") as file:
        json.dump(manifest, file, indent=4, sort_keys=True)
        file.write("\n")
