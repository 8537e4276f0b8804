"""What a Core ML package answers, by the interpreter, and what it says of itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("coremltools")

from export import coreml, parity
from export.mil import Package
from fauxto.image.preprocess import cut_crops
from fauxto.model.card import MODEL_FILE, Card
from fauxto.model.model import Model, sha256
from tests.helpers import make_photo

PACKAGE = "small.mlpackage"


def crops(seed: int, card: Card) -> parity.Crops:
    """The crops of a made photo, which no export saw."""
    return cut_crops(make_photo(700, 500, seed=seed), card.preprocessing)


def largest_difference(package: Path, model: Model) -> float:
    """Of the calibrated probabilities of an interpreted package and of the ONNX file, over the crops of images."""
    logits = parity.coreml_logits(package, model.card)
    reference = parity.onnx_logits(model.folder / MODEL_FILE, model.card)
    found = []
    for seed in range(30, 34):
        seen = crops(seed, model.card)
        own, other = (parity.probabilities(ask(seen), model.card) for ask in (logits, reference))
        found.append(float(np.abs(own - other).max()))
    return max(found)


def test_the_package_is_the_network(model: Model) -> None:
    assert 0 < largest_difference(model.folder / PACKAGE, model) < 0.005


@pytest.mark.slow
def test_the_palettised_release_is_the_network(rebuilt: Path, released: Model) -> None:
    assert 0 < largest_difference(rebuilt / "fauxto-r18-8bit.mlpackage", released) < 0.01


def test_a_package_is_the_same_bytes_each_time(model: Model, tmp_path: Path) -> None:
    package = coreml.open_package(model.folder / PACKAGE)
    for name in ("a", "b"):
        coreml.save_package(package, tmp_path / name / PACKAGE)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 3
    for file in files:
        assert sha256(tmp_path / "a" / file) == sha256(tmp_path / "b" / file) == sha256(model.folder / file), file


def test_what_the_package_says_of_itself(model: Model) -> None:
    spec = coreml.open_package(model.folder / PACKAGE).get_spec()
    (image,) = spec.description.input
    assert (image.type.imageType.width, image.type.imageType.height) == (224, 224)
    assert spec.specificationVersion == 7  # iOS 16, macOS 13
    assert [output.name for output in spec.description.output] == ["classLabel", "classLabel_probs"]
    assert "One crop of the picture" in image.shortDescription
    assert spec.description.metadata.license == "Apache-2.0"
    assert spec.description.metadata.versionString.startswith("small fp16 ")
    saved = Package(model.folder / PACKAGE)
    assert saved.labels == ("ai", "real")
    assert saved.metadata["com.apple.coreml.model.preview.type"] == "imageClassifier"
    assert json.loads(saved.metadata["fauxto.card"])["checkpoint_sha256"] == model.card.raw["checkpoint_sha256"]


@pytest.mark.slow
def test_a_palettised_package_says_the_same_of_itself(rebuilt: Path, released: Model) -> None:
    own, plain = (
        coreml.open_package(path).get_spec().description.metadata
        for path in (rebuilt / "fauxto-r18-8bit.mlpackage", released.folder / "fauxto-r18.mlpackage")
    )
    assert (own.shortDescription, own.author, own.license) == (plain.shortDescription, plain.author, plain.license)
    assert own.versionString == plain.versionString.replace("fp16", "8bit") != plain.versionString
    assert own.userDefined["fauxto.card"] == plain.userDefined["fauxto.card"]


@pytest.mark.mac
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on Apple's systems only")
def test_core_ml_itself_agrees_on_every_compute_unit(rebuilt: Path, released: Model) -> None:
    import coremltools as ct
    from PIL import Image

    card, seen = released.card, crops(40, released.card)
    expected = parity.probabilities(parity.onnx_logits(released.folder / MODEL_FILE, card)(seen), card)
    packages = (released.folder / "fauxto-r18.mlpackage", rebuilt / "fauxto-r18-8bit.mlpackage")
    for unit in ct.ComputeUnit:
        for package in packages:
            network = ct.models.MLModel(str(package), compute_units=unit)
            answers = [network.predict({"image": Image.fromarray(crop)})["classLabel_probs"]["ai"] for crop in seen]
            assert np.abs(np.subtract(answers, expected)).max() < 0.03, (unit, package)
