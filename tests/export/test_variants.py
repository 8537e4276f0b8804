"""What git does not keep is written anew, byte for byte, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from export.variants import main
from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.inference.providers import CPU
from fauxto.model.card import CARD_FILE, MODEL_FILE
from fauxto.model.model import Model, sha256
from tests.helpers import make_photo

INT8 = "model-int8.onnx"


def reference_alone(folder: Path, released: Model) -> Path:
    """A copy of the released model with the reference file, whose card tells of ONNX files only."""
    folder.mkdir()
    shutil.copy(released.folder / MODEL_FILE, folder)
    card = {key: value for key, value in released.card.raw.items() if key != "coreml"}
    (folder / CARD_FILE).write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, released: Model) -> Path:
    """A model whose int8 file the command has written."""
    folder = reference_alone(tmp_path_factory.mktemp("int8") / "small", released)
    assert main([str(folder)]) == 0
    return folder


@pytest.fixture
def model(tmp_path: Path, released: Model) -> Path:
    return reference_alone(tmp_path / "small", released)


def test_the_int8_file_is_the_released_one(written: Path, released: Model) -> None:
    assert sha256(written / INT8) == released.card.files[INT8]
    assert (written / INT8).stat().st_size == released.card.raw["variants"]["int8"]["bytes"]
    assert sorted(path.name for path in written.iterdir()) == [CARD_FILE, INT8, MODEL_FILE]


def test_the_runtime_says_what_writes_it_and_then_runs_it(written: Path, model: Path) -> None:
    with pytest.raises(ModelError, match=r"model-int8\.onnx: not there; python -m export\.variants"):
        Model.open(model).variant(CPU, "int8")
    int8, reference = (Detector(written, provider="cpu", variant=name) for name in ("int8", "fp32"))
    image = make_photo(500, 380)
    own, other = (detector.predict(image).p_ai for detector in (int8, reference))
    assert own is not None
    assert 0 < abs(own - (other or 0)) < 0.1


def test_a_file_that_is_there_is_left_alone_and_a_damaged_one_replaced(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = (written / INT8).stat().st_mtime_ns
    assert main([str(written)]) == 0
    assert "there already" in capsys.readouterr().err
    assert (written / INT8).stat().st_mtime_ns == stamp
    digest = sha256(written / INT8)
    (written / INT8).write_bytes(b"half of it")
    assert main([str(written)]) == 0
    assert sha256(written / INT8) == digest


def test_out_takes_them_elsewhere(model: Path, tmp_path: Path) -> None:
    assert main([str(model), "--out", str(tmp_path / "new" / "place")]) == 0
    assert [path.name for path in (tmp_path / "new" / "place").iterdir()] == [INT8]
    assert not (model / INT8).exists()


@pytest.mark.parametrize("damage", ["scale", "sha256", "reference", "ranges"])
def test_what_does_not_come_out_as_the_card_says_is_not_kept(
    model: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    card = json.loads((model / CARD_FILE).read_text())
    told = f"{INT8}: not the bytes that the card tells of; export the model again"
    if damage == "scale":
        card["int8"]["activations"]["relu_10"]["scale"] *= 1.001
    elif damage == "sha256":
        card["files"][INT8] = "0" * 64
        card["versions"]["onnx"] = "1.0"
        told = "not the bytes that the card tells of; install onnx 1.0 (here "
    elif damage == "ranges":
        del card["int8"]["activations"]
        told = "card.json: nothing to rebuild model-int8.onnx from ('activations')"
    else:
        (model / MODEL_FILE).write_bytes(b"nothing")
        told = "model.onnx: its sha256 is not the card's"
    (model / CARD_FILE).write_text(json.dumps(card))
    assert main([str(model)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in model.iterdir()) == [CARD_FILE, MODEL_FILE]
