"""The logit that a Core ML package gives beside its probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("coremltools")

from coremltools.proto.FeatureTypes_pb2 import ArrayFeatureType
from coremltools.proto.MIL_pb2 import FLOAT16, FLOAT32

from export import coreml, parity
from export.mil import Package
from export.unfold import unfolded
from fauxto.image.preprocess import cut_crops
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from tests.helpers import make_photo


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, released: Model) -> Path:
    """The released network as a package of today: the released one has no logit."""
    folder = tmp_path_factory.mktemp("packages")
    written = coreml.write(unfolded(released.folder / MODEL_FILE), released.card.raw, [coreml.PLAIN], folder)
    return folder / written[coreml.PLAIN]


def test_it_is_declared_and_in_single_precision(package: Path) -> None:
    spec = coreml.open_package(package).get_spec()
    assert [output.name for output in spec.description.output] == ["classLabel", "classLabel_probs", "logit"]
    logit = spec.description.output[2].type.multiArrayType
    assert (list(logit.shape), logit.dataType) == ([1, 1], ArrayFeatureType.FLOAT32)
    assert "before the calibration" in spec.description.output[2].shortDescription
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    assert list(block.outputs) == ["classLabel", "classLabel_probs", "logit"]
    types = {operation.type: operation.outputs[0].type.tensorType.dataType for operation in block.operations}
    assert (types["linear"], types["softmax"], types["conv"]) == (FLOAT32, FLOAT32, FLOAT16)


def test_it_is_the_networks_and_behind_the_probabilities(package: Path, released: Model) -> None:
    saved, card = Package(package), released.card
    seen = cut_crops(make_photo(700, 500, seed=50), card.preprocessing)
    expected = parity.onnx_logits(released.folder / MODEL_FILE, card)(seen)
    assert saved.has_logit
    assert 0 < np.abs(saved.logits(seen) - expected).max() < 0.01
    ai = saved.probabilities(seen)[:, saved.labels.index(card.positive_label)]
    assert np.abs(ai - parity.probabilities(saved.logits(seen), card)).max() < 1e-6
    assert (parity.coreml_logits(package, card)(seen) == saved.logits(seen)).all()


def test_a_package_without_it_is_asked_for_its_probabilities(released: Model) -> None:
    path = released.folder / "fauxto-r18.mlpackage"
    if Package(path).has_logit:
        pytest.skip("the released package has the logit now")
    seen = cut_crops(make_photo(700, 500, seed=51), released.card.preprocessing)
    expected = parity.onnx_logits(released.folder / MODEL_FILE, released.card)(seen)
    assert 0 < np.abs(parity.coreml_logits(path, released.card)(seen) - expected).max() < 0.02


def test_a_large_logit_keeps_its_probability(released: Model) -> None:
    """In half precision the softmax would give 0 for log-odds under -17."""
    card, network = released.card, unfolded(released.folder / MODEL_FILE)
    with torch.no_grad():
        network.fc.bias += torch.tensor([12.0, -12.0])
        own = coreml.Calibrated(network, card.raw).eval()
        image = torch.zeros(1, 3, 224, 224)
        z = own.network(image).double() / card.temperature + card.bias
        p = own(image).double()
    assert z > 20
    assert p[0, card.labels.index("real")].item() == pytest.approx(torch.sigmoid(-z).item(), rel=1e-4)
