"""What a Core ML package answers, by the interpreter, and what it says of itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("coremltools")

from export import coreml, parity, variants
from export.manifest import not_kept
from fauxto.image.preprocess import cut_crops
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model, sha256
from tests.export.helpers import largest_difference
from tests.helpers import make_photo

PLAIN, PALETTISED = "fauxto-r18.mlpackage", "fauxto-r18-8bit.mlpackage"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released model's files that git does not keep, written anew."""
    folder = tmp_path_factory.mktemp("rebuilt")
    assert variants.main(["--out", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_everything_that_git_does_not_keep_is_written(rebuilt: Path, released: Model) -> None:
    written = {path.relative_to(rebuilt).as_posix(): sha256(path) for path in rebuilt.rglob("*") if path.is_file()}
    assert len(written) == 3
    assert written == {name: released.card.files[name] for name in written}
    assert {name.split("/")[0] for name in written} == {file for _, file in not_kept(released.card.raw)}


def test_the_released_package_is_the_network(released: Model) -> None:
    assert 0 < largest_difference(released.folder / PLAIN, released) < 0.005


@pytest.mark.slow
def test_the_palettised_one_is_too(rebuilt: Path, released: Model) -> None:
    assert 0 < largest_difference(rebuilt / PALETTISED, released) < 0.01


@pytest.mark.slow
def test_a_palettised_package_says_the_same_of_itself(rebuilt: Path, released: Model) -> None:
    own, plain = (
        coreml.open_package(path).get_spec().description.metadata
        for path in (rebuilt / PALETTISED, released.folder / PLAIN)
    )
    assert (own.shortDescription, own.author, own.license) == (plain.shortDescription, plain.author, plain.license)
    assert own.versionString == plain.versionString.replace("fp16", "8bit") != plain.versionString
    assert own.userDefined["fauxto.card"] == plain.userDefined["fauxto.card"]


@pytest.mark.mac
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on Apple's systems only")
def test_core_ml_itself_agrees_on_every_compute_unit(rebuilt: Path, released: Model) -> None:
    import coremltools as ct
    from PIL import Image

    card = released.card
    seen = cut_crops(make_photo(700, 500, seed=40), card.preprocessing)
    expected = parity.probabilities(parity.onnx_logits(released.folder / MODEL_FILE, card)(seen), card)
    packages = (released.folder / PLAIN, rebuilt / PALETTISED)
    for unit in ct.ComputeUnit:
        for package in packages:
            network = ct.models.MLModel(str(package), compute_units=unit)
            answers = [network.predict({"image": Image.fromarray(crop)})["classLabel_probs"]["ai"] for crop in seen]
            assert np.abs(np.subtract(answers, expected)).max() < 0.03, (unit, package)
