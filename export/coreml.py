"""The network -> Core ML packages: raw RGB pixels in, calibrated probabilities out.

Everything between is inside the package, so that Xcode's preview, Vision and Python show the same number:
the exact normalisation of each channel, the network, the calibration, the softmax.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.errors import ExportError
from export.variants import SMALL

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    logging.getLogger("coremltools").setLevel(logging.ERROR)  # no predictions outside of macOS: known
    import coremltools as ct

PRECISIONS = {"fp16": None, "8bit": 8, "6bit": 6}
"""Name -> bits of a palette's index; None for plain half precision."""

SCALE = 0.226
"""ImageType takes one scale for all channels: this one, near every std of ImageNet; what is left of each
channel's own goes into the first convolution, exactly."""


class Calibrated(nn.Module):
    """(N, 3, S, S) of (pixel / 255 - mean) / SCALE -> (N, 2) calibrated probabilities, in the order of the labels.

    softmax(z / 2, -z / 2) is (sigmoid(z), 1 - sigmoid(z)); z = logit / temperature + bias is folded into the head.
    """

    def __init__(self, network: nn.Module, card: dict[str, Any]) -> None:
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


def write_packages(
    network: nn.Module, card: dict[str, Any], precisions: list[str], folder: Path
) -> dict[str, dict[str, str]]:
    """Write FOLDER/NAME.mlpackage, NAME-8bit.mlpackage and NAME-6bit.mlpackage, as asked for.

    Returns:
        precision -> {"file": its name}, for the card.

    Raises:
        ExportError: a precision is unknown.
    """
    unknown = [name for name in precisions if name not in PRECISIONS]
    if unknown:
        raise ExportError(f"precision '{unknown[0]}' is not one of {', '.join(PRECISIONS)}")
    written = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = convert(network, card)
        for precision in precisions:
            bits = PRECISIONS[precision]
            model = plain if bits is None else palettise(plain, bits)
            name = f"{card['name']}.mlpackage" if bits is None else f"{card['name']}-{precision}.mlpackage"
            describe(model, card, precision)
            model.save(str(folder / name))
            written[precision] = {"file": name}
    return written


def convert(network: nn.Module, card: dict[str, Any]) -> ct.models.MLModel:
    """An mlprogram for iOS 16 and macOS 13 or later, in half precision."""
    size, mean = card["input"]["view_size"], card["input"]["mean"]
    traced = torch.jit.trace(Calibrated(network, card).eval(), torch.zeros(1, 3, size, size))
    image = ct.ImageType(
        name="image",
        shape=(1, 3, size, size),
        scale=1 / (255 * SCALE),
        bias=[-value / SCALE for value in mean],
        color_layout=ct.colorlayout.RGB,
    )
    return ct.convert(
        traced,
        inputs=[image],
        classifier_config=ct.ClassifierConfig(list(card["labels"])),
        minimum_deployment_target=ct.target.iOS16,
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT16,
    )


def palettise(model: ct.models.MLModel, bits: int) -> ct.models.MLModel:
    """The weights of large layers as indices into a table of 2 ** bits values, found by k-means."""
    settings = ct.optimize.coreml.OpPalettizerConfig(mode="kmeans", nbits=bits, weight_threshold=SMALL)
    return ct.optimize.coreml.palettize_weights(model, ct.optimize.coreml.OptimizationConfig(global_config=settings))


def describe(model: ct.models.MLModel, card: dict[str, Any], precision: str) -> None:
    """Fill in what Xcode shows, and embed the card."""
    model.short_description = (
        f"{card['description']} Input: one view of {card['input']['view_size']} px, cut out at native size; "
        "the card says which views, and how they are pooled."
    )
    model.author = "fauxto"
    model.license = card["weights_licence"]
    model.version = f"{card['name']} {precision} {card['created']}"
    model.input_description["image"] = "One view of the picture, RGB."
    model.output_description["classLabel"] = "The likelier label of this view. Not yet a verdict: see the card."
    model.output_description["classLabel_probs"] = "Calibrated probability of each label."
    model.user_defined_metadata["com.apple.coreml.model.preview.type"] = "imageClassifier"
    model.user_defined_metadata["fauxto.card"] = json.dumps(card)
