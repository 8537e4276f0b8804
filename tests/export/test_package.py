"""What an export writes: every file, proved, hashed, and chosen by the runtime as the card says."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper

from export import coreml, manifest, package, proof
from export.__main__ import main as export
from export.checkpoint import network_of
from export.mil import Package
from fauxto import card as cards
from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.image.preprocess import cut_crops
from fauxto.model.card import CARD_FILE, MODEL_FILE
from tests.export.released_run import write_pictures, write_run
from tests.helpers import make_photo

VARIANTS = {"fp32", "int8-weights", "int8"}
PACKAGES = {"fp16": "small.mlpackage", "8bit": "small-8bit.mlpackage"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for name in ("pictures", "run"):
        (folder / name).mkdir()
    write_pictures(folder / "pictures")
    write_run(folder / "run", folder / "pictures")
    return folder / "run"


@pytest.fixture(scope="module")
def model(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "small"
    assert export([str(run), "--out", str(out), "--formats", "onnx,coreml", "--precisions", "fp16,8bit"]) == 0
    return out


def test_every_file_is_in_the_card_with_its_hash(model: Path) -> None:
    card = cards.read(model)
    assert set(card.variants) == VARIANTS
    assert {entry["file"] for entry in card.raw["coreml"].values()} == set(PACKAGES.values())
    written = {p.relative_to(model).as_posix() for p in model.rglob("*") if p.is_file()}
    assert set(card.files) == {name for name in written if name != CARD_FILE and not name.startswith("report/")}
    for name in card.files:
        assert cards.checked_file(model, card, name)[1] == card.files[name]
    for entry in (*card.raw["variants"].values(), *card.raw["coreml"].values()):
        place = model / entry["file"]
        assert entry["bytes"] == sum(p.stat().st_size for p in (place, *place.rglob("*")) if p.is_file())
        assert entry["proof"]["n"] > 0


@pytest.mark.parametrize("released", [False, True])
def test_no_file_holds_lines_of_the_code_that_made_it(model: Path, released: bool) -> None:
    """Torch writes a stack trace to each node, with the paths of the machine that exported."""
    for path in (cards.find_model(None) if released else model).rglob("*"):
        if path.suffix in (".onnx", ".mlmodel"):
            assert b"stack_trace" not in path.read_bytes(), path
            assert b"site-packages" not in path.read_bytes(), path


def test_variants_answer_as_the_reference_on_pictures_they_were_not_proved_on(model: Path) -> None:
    pictures = [np.asarray(make_photo(500, 380, seed=seed)) for seed in range(20, 26)]
    p = {name: [Detector(model, "cpu", variant=name).predict(x).p_ai for x in pictures] for name in VARIANTS}
    bounds = {"int8-weights": 0.02, "int8": 0.1}
    for name, bound in bounds.items():
        assert 0 < np.max(np.abs(np.subtract(p[name], p["fp32"]))) < bound, name


def test_stored_weights_are_restored_before_the_graph_is_placed(model: Path) -> None:
    """Otherwise a provider would be asked to run the Casts, and Core ML's refuses them."""
    files = {name: variant.file for name, variant in cards.read(model).variants.items() if name != "int8"}
    nodes = {name: OnnxSession(model / file).nodes for name, file in files.items()}
    assert len(set(nodes.values())) == 1, nodes


def test_one_view_at_a_time_is_a_static_graph_and_names_its_cache(model: Path) -> None:
    """What Core ML's execution provider takes: the session fixes the number of views when it opens the file."""
    for variant in cards.read(model).variants.values():
        settings = ort.SessionOptions()
        settings.add_free_dimension_override_by_name("views", 1)
        session = ort.InferenceSession(str(model / variant.file), settings, providers=["CPUExecutionProvider"])
        values = (*session.get_inputs(), *session.get_outputs())
        assert [value.shape for value in values] == [[1, 3, 224, 224], [1], [1, 7, 7]]
    keys = [OnnxSession(model / v.file).metadata["COREML_CACHE_KEY"] for v in cards.read(model).variants.values()]
    assert len(set(keys)) == len(VARIANTS)
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,64}", key) for key in keys)


def test_the_reference_holds_the_weights_of_torch_in_half_the_bytes(run: Path, model: Path) -> None:
    network = network_of(torch.load(run / "model.pt", weights_only=True))
    for variant in cards.read(model).variants.values():
        large = [t for t in onnx.load(str(model / variant.file)).graph.initializer if np.prod(t.dims) > 1000]
        assert {t.data_type for t in large} <= {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8}, variant
    stored = [t for t in onnx.load(str(model / MODEL_FILE)).graph.initializer if len(t.dims) == 4]
    kept = {numpy_helper.to_array(t).astype(np.float32).tobytes() for t in stored}
    weights = [m.weight for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {w.numpy().tobytes() for w in weights} < kept


def test_the_runtime_takes_the_variant_that_the_card_means_for_the_provider(model: Path, tmp_path: Path) -> None:
    card = cards.read(model)
    chosen = Detector(model, "cpu").variant
    assert card.variants[chosen].providers == ("CPUExecutionProvider",)
    (tmp_path / "wheel").mkdir()
    for name in (CARD_FILE, card.variants["int8-weights"].file):
        shutil.copy(model / name, tmp_path / "wheel")
    assert Detector(tmp_path / "wheel", "cpu").variant == "int8-weights"
    with pytest.raises(ModelError, match=r"model-int8\.onnx: not there"):
        Detector(tmp_path / "wheel", "cpu", variant="int8")


def test_the_manifest_lists_every_file(model: Path) -> None:
    listed = json.loads((model.parent / manifest.NAME).read_text())["models"]["small"]
    assert set(listed) == {p.relative_to(model).as_posix() for p in model.rglob("*") if p.is_file()}
    assert all(entry["sha256"] == manifest.sha256(model / name) for name, entry in listed.items())


def test_the_released_manifest_is_up_to_date() -> None:
    models = Path(__file__).parents[2] / "models"
    listed = json.loads((models / manifest.NAME).read_text())["models"]
    for name, files in listed.items():
        there = {p.relative_to(models / name).as_posix() for p in (models / name).rglob("*") if p.is_file()}
        assert set(files) == there - {".DS_Store"}
        for path, entry in files.items():
            assert entry["sha256"] == manifest.sha256(models / name / path), path
        card = cards.read(models / name)
        assert {path: entry["sha256"] for path, entry in files.items() if path in card.files} == card.files


def test_a_file_that_fails_its_proof_is_not_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proof, "MAX_DIFFERENCE", 1e-9)
    assert export([str(run), "--out", str(tmp_path / "m"), "--sample", "3", "--formats", "onnx,coreml"]) == 2
    assert "coreml fp16: max |Δp|" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_makes_a_default() -> None:
    good = proof.Proof(1000, 0.01, 0.001, 10, 0, -0.003, 1.0, 1.0)
    assert good.may_be_default
    assert not replace(good, flips=11).may_be_default
    assert not replace(good, auc_difference=-0.0031).may_be_default
    assert package.broken_bound("coreml 6bit", replace(good, flips=5)) is None
    assert "6 of 1000" in str(package.broken_bound("coreml 6bit", replace(good, flips=6)))
    assert "golden" in str(package.broken_bound("coreml 8bit", replace(good, flips=0, golden_flips=1)))


def test_int8_is_the_default_where_it_pays() -> None:
    good = proof.Proof(1000, 0.01, 0.001, 10, 0, -0.003, 1.0, 1.0)
    proofs = {"int8": replace(good, ratio=0.5), "int8-weights": good}
    assert package.default_for_cpu(proofs) == "int8"
    assert package.default_for_cpu(proofs | {"int8": replace(good, ratio=0.51)}) == "int8-weights"
    assert package.default_for_cpu(proofs | {"int8": replace(good, ratio=0.4, flips=11)}) == "int8-weights"
    worse = replace(good, flips=11)
    assert package.default_for_cpu(dict.fromkeys(proofs, worse)) == "fp32"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--formats", "tflite"], "format 'tflite' is not one of onnx, coreml"),
        (["--formats", "coreml", "--precisions", "4bit"], "precision '4bit' is not one of fp16, 8bit, 6bit"),
    ],
)
def test_an_unknown_word_is_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert export([str(run), "--out", str(tmp_path / "m"), *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_package_is_the_network(model: Path) -> None:
    """The saved packages, interpreted, against the ONNX file on pictures that the export did not see."""
    card = cards.read(model)
    reference = proof.onnx_logits(model / "model.onnx", card)
    for precision, bound in (("fp16", 0.005), ("8bit", 0.01)):
        logits = proof.coreml_logits(model / PACKAGES[precision], card)
        for seed in range(30, 34):
            views = cut_crops(make_photo(700, 500, seed=seed), card.preprocessing)
            own, other = (1 / (1 + np.exp(-(f(views) / card.temperature + card.bias))) for f in (logits, reference))
            assert 0 < np.abs(own - other).max() < bound


def test_six_bits_are_unpacked_as_they_were_packed(run: Path, model: Path, tmp_path: Path) -> None:
    """The released weights may fail the bound of a 6-bit package; what was written is still the network."""
    card = cards.read(model)
    network = network_of(torch.load(run / "model.pt", weights_only=True))
    written = coreml.write_packages(network, card.raw, ["6bit"], tmp_path)["6bit"]["file"]
    views = cut_crops(make_photo(700, 500, seed=30), card.preprocessing)
    candidates = (proof.coreml_logits(tmp_path / written, card), proof.onnx_logits(model / MODEL_FILE, card))
    own, other = (1 / (1 + np.exp(-(logits(views) / card.temperature + card.bias))) for logits in candidates)
    assert 0 < np.abs(own - other).max() < 0.03


def test_what_the_package_says_of_itself(model: Path) -> None:
    import coremltools as ct

    spec = ct.models.MLModel(str(model / PACKAGES["fp16"]), skip_model_load=True).get_spec()
    (image,) = spec.description.input
    assert (image.type.imageType.width, image.type.imageType.height) == (224, 224)
    assert spec.specificationVersion == 7  # iOS 16, macOS 13
    assert [output.name for output in spec.description.output] == ["classLabel", "classLabel_probs"]
    saved = Package(model / PACKAGES["fp16"])
    assert saved.labels == ("ai", "real")
    assert saved.metadata["com.apple.coreml.model.preview.type"] == "imageClassifier"
    embedded, card = json.loads(saved.metadata["fauxto.card"]), cards.read(model)
    assert embedded["checkpoint_sha256"] == card.raw["checkpoint_sha256"]
    assert spec.description.metadata.license == "Apache-2.0"


@pytest.mark.mac
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on Apple's systems only")
def test_core_ml_itself_agrees_on_every_compute_unit(model: Path) -> None:
    import coremltools as ct
    from PIL import Image

    card = cards.read(model)
    views = cut_crops(make_photo(700, 500, seed=40), card.preprocessing)
    z = proof.onnx_logits(model / "model.onnx", card)(views) / card.temperature + card.bias
    expected = 1 / (1 + np.exp(-z))
    for unit in ct.ComputeUnit:
        for name in PACKAGES.values():
            network = ct.models.MLModel(str(model / name), compute_units=unit)
            answers = [network.predict({"image": Image.fromarray(view)})["classLabel_probs"]["ai"] for view in views]
            assert np.abs(np.subtract(answers, expected)).max() < 0.03, (unit, name)
