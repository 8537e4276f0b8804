"""What git does not keep is written anew, with the sha256 of the card, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("coremltools")

from export.variants import main
from fauxto.model.card import CARD_FILE
from fauxto.model.model import Model, sha256

PLAIN, PALETTISED = "fauxto-r18.mlpackage", "fauxto-r18-8bit.mlpackage"
WEIGHTS = f"{PALETTISED}/Data/com.apple.CoreML/weights/weight.bin"


@pytest.fixture
def model(tmp_path: Path, released: Model) -> Path:
    """A copy of the released model that has the card and the Core ML package in half precision."""
    folder = tmp_path / "small"
    shutil.copytree(released.folder / PLAIN, folder / PLAIN)
    shutil.copy(released.folder / CARD_FILE, folder)
    return folder


@pytest.mark.slow
def test_a_file_that_is_there_is_left_alone_and_a_damaged_one_replaced(
    model: Path, released: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(model)]) == 0
    assert sha256(model / WEIGHTS) == released.card.files[WEIGHTS]
    assert sorted(path.name for path in model.iterdir()) == sorted([CARD_FILE, PLAIN, PALETTISED])
    stamp = (model / WEIGHTS).stat().st_mtime_ns
    assert main([str(model)]) == 0
    assert "there already" in capsys.readouterr().err
    assert (model / WEIGHTS).stat().st_mtime_ns == stamp
    (model / WEIGHTS).write_bytes(b"half of it")
    assert main([str(model)]) == 0
    assert sha256(model / WEIGHTS) == released.card.files[WEIGHTS]


@pytest.mark.slow
def test_what_does_not_come_out_as_the_card_says_is_not_kept(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = json.loads((model / CARD_FILE).read_text())
    card["files"][WEIGHTS] = "0" * 64
    card["versions"]["onnx"] = "1.0"
    refused(model, card, "not the bytes that the card tells of; install onnx 1.0 (here ", capsys)


def test_what_cannot_be_made_is_named(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = json.loads((model / CARD_FILE).read_text())
    unknown = card | {"variants": card["variants"] | {"int4": {"file": "int4.onnx", "providers": [], "in_git": False}}}
    refused(model, unknown, "int4.onnx: cannot be made from the model's other files; export the model again", capsys)
    (model / PLAIN / "Manifest.json").write_bytes(b"nothing")
    refused(model, card, f"{PLAIN}/Manifest.json: its sha256 is not the card's", capsys)


def refused(model: Path, card: dict[str, object], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With this card nothing is written, and one line says why."""
    (model / CARD_FILE).write_text(json.dumps(card))
    assert main([str(model)]) == 2
    *before, last = capsys.readouterr().err.splitlines()
    assert told in last
    assert all(line.startswith("Running ") for line in before if line)  # coremltools' progress, on a slow machine
    assert sorted(path.name for path in model.iterdir()) == [CARD_FILE, PLAIN]
