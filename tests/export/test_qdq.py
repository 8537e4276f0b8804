"""The int8 file: the trained steps in it, integers in onnxruntime, and the logits of the trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper

from export.int8 import CONVOLUTIONS, integer_convolutions
from export.qdq import int8_model
from fauxto.image.preprocess import cut_crops, normalise
from fauxto.inference.onnx import OnnxSession
from fauxto.model.model import Model
from tests.export.helpers import quantised_release
from tests.helpers import make_photo
from train.model import ai_logit
from train.quantise import Convolution, QuantisedResNet, Rounding


@pytest.fixture(scope="module")
def crops(released: Model) -> npt.NDArray[Any]:
    return cut_crops(make_photo(700, 500), released.card.preprocessing)


@pytest.fixture(scope="module")
def views(released: Model, crops: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return normalise(crops, released.card.preprocessing.mean, released.card.preprocessing.std)


@pytest.fixture(scope="module")
def network(released: Model) -> QuantisedResNet:
    return quantised_release(released)


@pytest.fixture(scope="module")
def path(network: QuantisedResNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    model = int8_model(network, 224, 20)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(path))
    return path


def stored(path: Path) -> dict[str, npt.NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(path)).graph.initializer}


def test_the_file_gives_the_logits_of_the_trained_network(
    network: QuantisedResNet, path: Path, views: npt.NDArray[Any]
) -> None:
    with torch.no_grad():
        expected = ai_logit(network(torch.from_numpy(views))).numpy()
    assert 0 <= np.abs(OnnxSession(path).run(views) - expected).max() < 0.15


def test_the_evidence_adds_up_to_the_logit(network: QuantisedResNet, path: Path, views: npt.NDArray[Any]) -> None:
    logits, cells = OnnxSession(path).evidence(views)
    bias = float(network.fc.bias[0] - network.fc.bias[1])
    assert cells.shape == (5, 7, 7)
    np.testing.assert_allclose(cells.mean((1, 2)) + bias, logits, atol=1e-4)


def test_onnxruntime_computes_all_of_it_in_integers(path: Path, tmp_path: Path) -> None:
    assert integer_convolutions(path) == CONVOLUTIONS == 20
    settings = ort.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(settings.optimized_model_filepath).graph.node]
    assert kinds.count("QLinearAdd") == 8
    assert (kinds.count("QuantizeLinear"), kinds.count("DequantizeLinear")) == (1, 1)  # of the input, for the head


def test_a_file_in_fp32_has_no_integer_convolution(released: Model) -> None:
    assert integer_convolutions(released.folder / "model.onnx") == 0


def test_the_steps_are_those_of_training(network: QuantisedResNet, path: Path) -> None:
    found = stored(path)
    for name, module in network.named_modules():
        if isinstance(module, Rounding):
            value = name.removesuffix(".out")
            assert found[f"{value}_step"] == np.float32(module.log_step.exp().item())
            assert found[f"{value}_zero"] == module.zero
        if isinstance(module, Convolution):
            weight = found[f"{name}_weight_whole"]
            assert (weight.dtype, np.abs(weight).max()) == (np.int8, 63)
            steps = found[f"{name}_weight_step"][:, None, None, None]
            np.testing.assert_allclose(weight * steps, module.rounded_weight().detach().numpy(), atol=1e-6)
            assert found[f"{name}_bias_whole"].dtype == np.int32


def test_the_input_is_quantised_to_the_pixels(
    path: Path, crops: npt.NDArray[Any], views: npt.NDArray[Any], tmp_path: Path
) -> None:
    model = onnx.load(str(path))
    model.graph.output.append(onnx.helper.make_tensor_value_info("pixels_u8", onnx.TensorProto.UINT8, None))
    onnx.save_model(model, str(tmp_path / "pixels.onnx"))
    session = ort.InferenceSession(str(tmp_path / "pixels.onnx"), providers=["CPUExecutionProvider"])
    (seen,) = session.run(["pixels_u8"], {"views": views})
    np.testing.assert_array_equal(seen.transpose(0, 2, 3, 1), crops)


def test_crops_are_answered_one_by_one_as_together(path: Path, views: npt.NDArray[Any]) -> None:
    session = OnnxSession(path)
    together = session.run(views)
    np.testing.assert_allclose([session.run(view[None])[0] for view in views], together, atol=1e-5)
