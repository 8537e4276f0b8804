"""The network -> Core ML packages: raw RGB pixels in, calibrated probabilities and the logit out.

Everything between is inside the package, so that Xcode's preview, Vision and Python show the same number:
the exact normalisation of each channel, the network, the calibration, the softmax. The network is in half precision;
its last layer and what follows are in single precision, where a softmax does not lose large log-odds.
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

import numpy as np
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

LOGIT = "logit"
"""Name of the output beside the probabilities: the crop's logit before the calibration, (1, 1) float32."""

IN_SINGLE = ("linear", "softmax")
"""Operations of the program that stay in single precision: those after the features are averaged."""

SCALE = 0.226
"""ImageType takes one scale for all channels: this one, near every std of ImageNet; what is left of each
channel's own goes into the first convolution, exactly."""


class Calibrated(nn.Module):
    """(N, 3, S, S) of (pixel / 255 - mean) / SCALE -> (N, 2) calibrated probabilities, in the order of the labels.

    softmax(z / 2, -z / 2) is (sigmoid(z), 1 - sigmoid(z)); z = logit / temperature + bias.
    """

    def __init__(self, network: ResNet, card: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        std = torch.tensor(card["input"]["std"])
        positive = card["labels"].index(card["positive_label"])
        sign = torch.tensor([1.0 if i == positive else -1.0 for i in range(2)])
        two, calibration = self.network.fc, card["calibration"]
        self.network.fc = nn.Linear(two.in_features, 1)
        self.halves = nn.Linear(1, 2)
        with torch.no_grad():
            self.network.conv1.weight *= (SCALE / std)[None, :, None, None]
            self.network.fc.weight.copy_((sign[:, None] * two.weight).sum(0, keepdim=True))
            self.network.fc.bias.copy_((sign * two.bias).sum())
            self.halves.weight.copy_(sign[:, None] / calibration["temperature"] / 2)
            self.halves.bias.copy_(sign * calibration["bias"] / 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The probabilities. The network's own output, (N, 1), is the logit of the positive label."""
        return torch.softmax(self.halves(self.network(image)), 1)


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
    """An mlprogram for iOS 16 and macOS 13 or later, in half precision up to its head, with what Xcode shows of it."""
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
            outputs=[ct.TensorType(name="probabilities", dtype=np.float32)],
            classifier_config=ct.ClassifierConfig(list(card["labels"])),
            minimum_deployment_target=ct.target.iOS16,
            convert_to="mlprogram",
            compute_precision=ct.transform.FP16ComputePrecision(lambda operation: operation.op_type not in IN_SINGLE),
        )
    model = with_logit(model)
    describe(model, card)
    return model


def with_logit(model: ct.models.MLModel) -> ct.models.MLModel:
    """The same with what its first linear layer gives as another output, LOGIT, (1, 1) float32.

    coremltools 9 cannot convert a classifier with a further output, so it is added to the program that is written.
    """
    spec = model.get_spec()
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    name = next(operation.outputs[0].name for operation in block.operations if operation.type == "linear")
    block.outputs.append(name)
    output = spec.description.output.add(name=name)
    output.type.multiArrayType.shape.extend([1, 1])
    output.type.multiArrayType.dataType = ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
    ct.utils.rename_feature(spec, name, LOGIT)
    return ct.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True)


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
    model.output_description[LOGIT] = (
        f"Logit of {card['positive_label']} for this crop, before the calibration: what is pooled over the crops."
    )
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
