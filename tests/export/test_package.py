"""What an export writes: every file, compared, hashed, and chosen by the runtime as the card says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper

from export import manifest, package
from export.__main__ import main as export
from export.checkpoint import network_of
from export.embedded import embedded_card
from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.image.synthetic import golden_image
from fauxto.inference.onnx import OnnxSession
from fauxto.model.card import CARD_FILE, MODEL_FILE, parse, read
from fauxto.model.model import Model, sha256
from tests.export.helpers import largest_difference, write_images, write_run
from tests.helpers import make_photo

VARIANTS = {"fp32", "int8-weights", "int8"}

pytestmark = pytest.mark.timeout(300)  # whoever comes first waits for the export


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUN, as `python -m train` leaves it."""
    folder = tmp_path_factory.mktemp("released")
    write_images(folder / "images")
    write_run(folder / "run", folder / "images")
    return folder / "run"


@pytest.fixture(scope="module")
def quantised(run: Path) -> Path:
    """The run of its int8 network."""
    write_run(run.parent / "int8", run.parent / "images", quantise=True)
    return run.parent / "int8"


@pytest.fixture(scope="module")
def model(run: Path, quantised: Path, tmp_path_factory: pytest.TempPathFactory, released: Model) -> Model:
    """The run, exported to ONNX and Core ML, with the figures of the release. int8 is not trained here."""
    pytest.importorskip("coremltools")
    out = tmp_path_factory.mktemp("models") / "small"
    words = ["--formats", "onnx,coreml", "--precisions", "fp16", "--version", "9"]
    words += ["--test", str(released.folder / "report" / "test.json"), "--int8", str(quantised)]
    assert export([str(run), "--out", str(out), *words]) == 0
    return Model.open(out)


def test_onnxruntime_is_told_to_keep_quiet_before_it_is_imported() -> None:
    """Whichever module of the export comes first."""
    code = "import os, export.int8, onnxruntime; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": ""}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1"


def test_the_card_is_that_of_the_release(model: Model, released: Model) -> None:
    card = model.card
    assert card.raw["card"] == 2
    assert card.release == "small-v9"
    assert card.preprocessing == released.card.preprocessing
    assert card.operating_points == released.card.operating_points
    assert card.test == released.card.test
    assert "data" not in card.raw["training"]
    for entry, other in zip(card.golden, released.card.golden, strict=True):
        assert entry["logit"] == pytest.approx(other["logit"], abs=1e-4)
    unknown = {"version", "test"} ^ (card.raw.keys() ^ released.card.raw.keys())
    assert unknown == {"version", "test"}, "the released card has all that an export writes"


def test_every_file_is_in_the_card_with_its_hash(model: Model) -> None:
    card = model.card
    assert set(card.variants) == VARIANTS
    assert [entry["file"] for entry in card.raw["coreml"].values()] == ["small.mlpackage"]
    written = {p.relative_to(model.folder).as_posix() for p in model.folder.rglob("*") if p.is_file()}
    assert set(card.files) == {name for name in written if name != CARD_FILE and not name.startswith("report/")}
    for name in card.files:
        assert model.file(name)[1] == card.files[name]
    for entry in (*card.raw["variants"].values(), *card.raw["coreml"].values()):
        place = model.folder / entry["file"]
        assert entry["bytes"] == sum(p.stat().st_size for p in (place, *place.rglob("*")) if p.is_file())
        assert entry["proof"]["n"] > 0


def test_the_int8_file_has_a_calibration_of_its_own_logits(model: Model, quantised: Path) -> None:
    entry = model.card.raw["variants"]["int8"]
    assert entry["calibration"]["temperature"] != model.card.temperature
    assert set(entry["val"]) == {"clean", "web", "hard"}
    assert entry["operating_points"].keys() == model.card.operating_points.keys()
    own = model.card.of_variant(model.card.variants["int8"])
    assert own.temperature == entry["calibration"]["temperature"]
    detector = Detector(model.folder, provider="cpu", variant="int8")
    for golden in detector.card.golden:
        answer = detector.predict(golden_image(int(golden["picture"])))
        assert answer.logit == pytest.approx(golden["logit"], abs=1e-3)
    held = embedded_card(model.folder / "model-int8.onnx")
    assert held["calibration"] == entry["calibration"]
    assert held["operating_points"] == entry["operating_points"]


def test_an_int8_run_has_its_place(
    run: Path, quantised: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "m")]
    assert export([str(run), "--int8", str(run), *out]) == 2
    assert "not an int8 network; train one with --weights RUN/model.pt --quantise" in capsys.readouterr().err
    assert export([str(quantised), *out]) == 2
    assert "export the fp32 run that it was made from, with --int8 RUN" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_palettes_need_not_be_kept_and_are_the_network(
    run: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The released weights may fail the bound of a 6-bit package; what was written is still the network."""
    from export import coreml

    # The same network was converted for the package in half precision: once is enough.
    monkeypatch.setattr(coreml, "convert", lambda *_: coreml.open_package(model.folder / "small.mlpackage"))
    network = network_of(torch.load(run / "model.pt", weights_only=True))
    entries = package.write_packages(network, dict(model.card.raw), ["6bit"], tmp_path)
    assert entries == {"6bit": {"file": "small-6bit.mlpackage", "in_git": False}}
    assert 0 < largest_difference(tmp_path / "small-6bit.mlpackage", model) < 0.03


def test_the_package_is_the_network(model: Model) -> None:
    assert 0 < largest_difference(model.folder / "small.mlpackage", model) < 0.005


def test_a_package_is_the_same_bytes_each_time(model: Model, tmp_path: Path) -> None:
    from export import coreml

    package = coreml.open_package(model.folder / "small.mlpackage")
    for name in ("a", "b"):
        coreml.save_package(package, tmp_path / name / "small.mlpackage")
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 3
    for file in files:
        assert sha256(tmp_path / "a" / file) == sha256(tmp_path / "b" / file) == sha256(model.folder / file), file


def test_what_the_package_says_of_itself(model: Model) -> None:
    from export import coreml
    from export.mil import Package

    spec = coreml.open_package(model.folder / "small.mlpackage").get_spec()
    (image,) = spec.description.input
    assert (image.type.imageType.width, image.type.imageType.height) == (224, 224)
    assert spec.specificationVersion == 7  # iOS 16, macOS 13
    assert [output.name for output in spec.description.output] == ["classLabel", "classLabel_probs", "logit"]
    assert "One crop of the picture" in image.shortDescription
    assert spec.description.metadata.license == "Apache-2.0"
    assert spec.description.metadata.versionString.startswith("small fp16 ")
    saved = Package(model.folder / "small.mlpackage")
    assert saved.labels == ("ai", "real")
    assert saved.metadata["com.apple.coreml.model.preview.type"] == "imageClassifier"
    embedded = parse(json.loads(saved.metadata["fauxto.card"]), "embedded")
    assert embedded.raw["checkpoint_sha256"] == model.card.raw["checkpoint_sha256"]
    assert (embedded.release, embedded.preprocessing) == (model.card.release, model.card.preprocessing)


@pytest.mark.parametrize("of", ["export", "release"])
def test_no_file_holds_lines_of_the_code_that_made_it(model: Model, released: Model, of: str) -> None:
    """Torch writes a stack trace to each node, with the paths of the machine that exported."""
    folder = (model if of == "export" else released).folder
    paths = [path for path in folder.rglob("*") if path.suffix in (".onnx", ".mlmodel")]
    assert len(paths) >= 3
    for path in paths:
        assert b"stack_trace" not in path.read_bytes(), path
        assert b"site-packages" not in path.read_bytes(), path


def test_variants_answer_as_the_reference_on_images_they_were_not_compared_on(model: Model) -> None:
    images = [make_photo(500, 380, seed=seed) for seed in range(20, 26)]
    detectors = {name: Detector(model.folder, provider="cpu", variant=name) for name in VARIANTS}
    logits = {name: [detector.predict(x).logit for x in images] for name, detector in detectors.items()}
    found = {name: np.array([own or 0.0 for own in values]) for name, values in logits.items()}
    for name, bound in {"int8-weights": 0.02, "int8": 0.4}.items():
        assert 0 < np.max(np.abs(found[name] - found["fp32"])) < bound, name


def test_stored_weights_are_restored_before_the_graph_is_placed(model: Model) -> None:
    """Otherwise a provider would be asked to run the Casts, and Core ML's refuses them."""
    files = {name: variant.file for name, variant in model.card.variants.items() if name != "int8"}
    nodes = {name: OnnxSession(model.folder / file).nodes for name, file in files.items()}
    assert len(nodes) == 2
    assert len(set(nodes.values())) == 1, nodes


def test_one_crop_at_a_time_is_a_static_graph_and_names_its_cache(model: Model) -> None:
    """What Core ML's execution provider takes: the session fixes the number of crops when it opens the file."""
    for variant in model.card.variants.values():
        settings = ort.SessionOptions()
        settings.add_free_dimension_override_by_name("views", 1)
        session = ort.InferenceSession(str(model.folder / variant.file), settings, providers=["CPUExecutionProvider"])
        values = (*session.get_inputs(), *session.get_outputs())
        assert [value.shape for value in values] == [[1, 3, 224, 224], [1], [1, 7, 7]]
    sessions = [OnnxSession(model.folder / variant.file) for variant in model.card.variants.values()]
    keys = {session.metadata["COREML_CACHE_KEY"] for session in sessions}
    assert len(keys) == len(VARIANTS)
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,64}", key) for key in keys)


def test_the_reference_holds_the_weights_of_torch_in_half_the_bytes(run: Path, model: Model) -> None:
    network = network_of(torch.load(run / "model.pt", weights_only=True))
    for variant in model.card.variants.values():
        large = [t for t in onnx.load(str(model.folder / variant.file)).graph.initializer if np.prod(t.dims) > 1000]
        assert {t.data_type for t in large} <= {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8}, variant
    stored = [t for t in onnx.load(str(model.folder / MODEL_FILE)).graph.initializer if len(t.dims) == 4]
    kept = {numpy_helper.to_array(t).astype(np.float32).tobytes() for t in stored}
    weights = {m.weight.numpy().tobytes() for m in network.modules() if isinstance(m, torch.nn.Conv2d)}
    assert len(weights) == 20
    assert weights < kept


def test_the_runtime_takes_the_variant_that_the_card_means_for_the_provider(model: Model, tmp_path: Path) -> None:
    chosen = Detector(model.folder, provider="cpu").variant
    floating = [variant for variant in model.card.variants.values() if "WebGpuExecutionProvider" in variant.providers]
    assert {"CPUExecutionProvider", "OpenVINO"} <= set(model.card.variants[chosen].providers)
    assert [variant.calibration for variant in floating] == [None]
    (tmp_path / "wheel").mkdir()
    for name in (CARD_FILE, model.card.variants["int8-weights"].file):
        shutil.copy(model.folder / name, tmp_path / "wheel")
    assert Detector(tmp_path / "wheel", provider="cpu").variant == "int8-weights"
    with pytest.raises(ModelError, match=r"model-int8\.onnx: not there"):
        Detector(tmp_path / "wheel", provider="cpu", variant="int8")


def test_the_manifest_lists_every_file(model: Model) -> None:
    listed = json.loads((model.folder.parent / manifest.NAME).read_text())["models"]["small"]
    assert set(listed) == {p.relative_to(model.folder).as_posix() for p in model.folder.rglob("*") if p.is_file()}
    assert all(entry["sha256"] == sha256(model.folder / name) for name, entry in listed.items())


def test_a_file_that_differs_too_much_is_not_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "MAX_LOGIT_DIFFERENCE", -1)  # one picture may be the same to the bit
    assert export([str(run), "--out", str(tmp_path / "m"), "--sample", "1"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("export: the fp32 file differs from torch by ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--formats", "tflite"], "format 'tflite' is not one of onnx, coreml"),
        (["--formats", "coreml", "--precisions", "4bit"], "precision '4bit' is not one of fp16, 8bit, 6bit"),
        (["--pictures", "EMPTY"], "no pictures to compare on; name a folder with --pictures"),
        (["--pictures", "EMPTY/none"], "cannot be listed (No such file or directory)"),
        (["--test", "EMPTY/none.json"], "No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "m"
    assert export([str(run), "--out", str(out), *(word.replace("EMPTY", str(empty)) for word in words)]) == 2
    err = capsys.readouterr().err
    assert message in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [empty]


def test_a_folder_in_use_and_a_run_that_is_none_are_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export([str(run), "--out", str(run)]) == 2
    assert "exists and is not an empty folder; choose another --out" in capsys.readouterr().err
    assert export([str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert "model.pt: not there; has `python -m train` finished?" in capsys.readouterr().err
    (tmp_path / "model.pt").write_bytes(b"nothing")
    assert export([str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert "not the model.pt of a finished run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_card_that_was_exported_can_be_read_again(model: Model) -> None:
    assert read(model.folder) == model.card
