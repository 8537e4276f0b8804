"""A model is a folder with a card: which file of it runs, and that it is the file that the card means."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ModelError, ProviderError
from fauxto.inference.providers import COREML, CPU, CUDA, OPENVINO, WEBGPU
from fauxto.model.card import CARD_FILE, REFERENCE
from fauxto.model.model import Model, sha256
from fauxto.verdict import probability
from tests.helpers import make_photo

Copy = tuple[Path, Path]


def edit(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    (folder / CARD_FILE).write_text(json.dumps(card | changes), encoding="utf-8")


def test_a_flipped_byte_is_refused(released_copy: Copy) -> None:
    folder, file = released_copy
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match=rf"{file.name}: its sha256 is not the card's"):
        Detector(folder)


def test_a_missing_file_is_named(released_copy: Copy) -> None:
    folder, file = released_copy
    file.unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: No such file"):
        Detector(folder)


def test_a_file_of_which_the_card_has_no_sha256_is_refused(released_copy: Copy) -> None:
    folder, file = released_copy
    edit(folder, files={})
    with pytest.raises(ModelError, match=rf"card\.json: no sha256 of {file.name}; export the model again"):
        Detector(folder)


def test_a_card_of_schema_1_is_refused_with_the_fix(released_copy: Copy) -> None:
    folder, _ = released_copy
    edit(folder, card=1)
    with pytest.raises(ModelError, match=r"card\.json: card schema 1 is not 2; python -m export\.card FOLDER"):
        Detector(folder)


def test_a_model_is_found_by_its_folder_or_a_file_in_it(released: Model) -> None:
    assert Model.open(released.folder) == Model.open(str(released.folder)) == released
    assert Model.open(released.folder / "model.onnx") == released
    assert released.card_sha256 == sha256(released.folder / CARD_FILE)


def test_the_card_chooses_the_variant_for_an_engine(released: Model) -> None:
    chosen = released.variant(CPU)
    assert CPU in chosen.providers
    assert released.variant(COREML) == released.variant(CPU, REFERENCE) == released.card.variants[REFERENCE]


@pytest.mark.parametrize(
    ("here", "cpu", "openvino", "cuda"),
    [
        (["model.onnx", "weights.onnx", "int8.onnx"], "int8", "int8", "fp32"),
        (["weights.onnx", "int8.onnx"], "int8", "int8", "int8-weights"),  # a wheel
        (["weights.onnx"], "int8-weights", "int8-weights", "int8-weights"),
        (["int8.onnx"], "int8", "int8", "int8"),
        ([], "fp32", "fp32", "fp32"),  # which is then named as missing
    ],
)
def test_a_file_with_a_calibration_of_its_own_is_for_the_engines_that_the_card_names(
    released: Model, tmp_path: Path, here: list[str], cpu: str, openvino: str, cuda: str
) -> None:
    shutil.copy(released.folder / CARD_FILE, tmp_path)
    own = {"calibration": {"temperature": 2, "bias": 0.5}, "providers": [CPU, OPENVINO]}
    entries = {"int8": {"file": "int8.onnx", **own}, REFERENCE: {"file": "model.onnx", "providers": []}}
    edit(tmp_path, variants=entries | {"int8-weights": {"file": "weights.onnx", "providers": [WEBGPU]}})
    for name in here:
        (tmp_path / name).touch()
    model = Model.open(tmp_path)
    assert [model.variant(engine).name for engine in (CPU, OPENVINO, CUDA)] == [cpu, openvino, cuda]


def test_the_only_variant_that_is_there_runs(released_copy: Copy) -> None:
    folder, file = released_copy
    model = Model.open(folder)
    assert [variant.file for variant in model.variants_here()] == [file.name]
    assert model.variant(COREML).file == file.name


def test_a_variant_that_is_unknown_or_not_there_is_named(released_copy: Copy, released: Model) -> None:
    folder, file = released_copy
    with pytest.raises(ModelError, match="no variant 'int4'; the model has fp32, int8-weights"):
        Detector(folder, variant="int4")
    only = rf"model\.onnx: not there, only {released.variant(CPU).name}; copy it from models/fauxto-r18 of fauxto's"
    with pytest.raises(ModelError, match=only):
        Detector(folder, variant="fp32")
    file.unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: not there, only the card; copy it"):
        Detector(folder, variant="fp32")


def test_a_variants_own_calibration_is_used(released_copy: Copy, detector: Detector) -> None:
    folder, file = released_copy
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    name = next(name for name, variant in card["variants"].items() if variant["file"] == file.name)
    points = {
        name: point | {"threshold": 0.51, "no_sign_below": 0.5} for name, point in card["operating_points"].items()
    }
    card["variants"][name] |= {"calibration": {"temperature": 5, "bias": 0.25}, "operating_points": points}
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    own = Detector(folder).predict(make_photo())
    assert own.logit == detector.predict(make_photo()).logit
    assert own.p_ai == pytest.approx(probability(float(own.logit or 0), 5, 0.25), abs=1e-12)
    assert own.threshold == 0.51


@pytest.fixture
def network(tmp_path: Path, released: Model) -> Any:
    """Makes a model of the released card and a network of one's own; returns its folder."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT

    def make(*nodes: tuple[str, list[str], list[str], dict[str, Any]], tensors: tuple[Any, ...] = ()) -> Path:
        crops = helper.make_tensor_value_info("views", floats, ["views", 3, 224, 224])
        outputs = [helper.make_tensor_value_info("logit", floats, None)]
        made = [helper.make_node(kind, of, to, **options) for kind, of, to, options in nodes]
        graph = helper.make_graph(made, "made", [crops], outputs, list(tensors))
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "model.onnx")
        shutil.copy(released.folder / CARD_FILE, tmp_path)
        variants = {REFERENCE: {"file": "model.onnx", "providers": []}}
        edit(tmp_path, variants=variants, files={"model.onnx": sha256(tmp_path / "model.onnx")})
        return tmp_path

    return make


MEAN = ("ReduceMean", ["views"], ["mean"], {"axes": [1, 2, 3], "keepdims": 0})


def test_a_network_that_gives_no_number_is_an_error_record(network: Any) -> None:
    folder = network(MEAN, ("Sub", ["mean", "mean"], ["zero"], {}), ("Div", ["zero", "zero"], ["logit"], {}))
    answer = Detector(folder).predict(make_photo())
    assert (answer.status, answer.logit, answer.p_ai) == ("error", None, None)
    assert "the model's answer is no number" in str(answer.error)
    with pytest.raises(ModelError, match="the model's answer is no number"):
        Detector(folder).predict(make_photo(), strict=True)


def test_a_network_of_another_shape_is_refused(network: Any) -> None:
    with pytest.raises(ModelError, match=r"gives \(5, 3, 224, 224\) for 5 crops, not a logit for each"):
        Detector(network(("Identity", ["views"], ["logit"], {}))).predict(make_photo())


def test_a_network_of_unknown_operations_is_refused(network: Any) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime cannot load it") as found:
        Detector(network(("Evil", ["views"], ["logit"], {"domain": "evil"})))
    assert "\n" not in str(found.value)


def test_a_network_that_fails_as_it_runs_is_refused_in_one_line(network: Any) -> None:
    onnx = pytest.importorskip("onnx")
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [2], [7, 11])
    folder = network(MEAN, ("Reshape", ["mean", "shape"], ["logit"], {}), tensors=(shape,))
    with pytest.raises(ProviderError, match="CPUExecutionProvider fails to run the model") as found:
        Detector(folder).predict(make_photo())
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "/dev/zero"])
def test_no_weights_are_read_from_outside_of_the_models_folder(network: Any, tmp_path: Path, location: str) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path.parent / "secret.bin").write_bytes(b"S" * 4096)
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        weight.external_data.add(key=key, value=value)
    folder = network(MEAN, ("Add", ["mean", "w"], ["logit"], {}), tensors=(weight,))
    with pytest.raises(FauxtoError) as found:
        Detector(folder).predict(make_photo(), strict=True)
    assert "\n" not in str(found.value)
