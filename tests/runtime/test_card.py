"""A model that is damaged or incomplete is refused, with one line that names the file."""

import json
from pathlib import Path

import pytest

from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ModelError
from fauxto.model.card import CARD_FILE, find_model, parse

RELEASED = find_model(None)
RAW = json.loads((RELEASED / CARD_FILE).read_text())
FIELDS = [
    "card", "name", "labels", "positive_label", "input", "calibration", "operating_points",
    "default_operating_point", "minimum_short_side", "golden",
]  # fmt: skip


@pytest.fixture
def copy(released_copy: tuple[Path, Path]) -> Path:
    return released_copy[0]


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(card | changes))


def test_a_flipped_byte_is_refused(released_copy: tuple[Path, Path]) -> None:
    folder, file = released_copy
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match=rf"{file.name}: its sha256 is not the card's"):
        Detector(folder)


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_named(name: str) -> None:
    card = json.loads((RELEASED / CARD_FILE).read_text())
    del card[name]
    with pytest.raises(ModelError, match=f"here: the field '{name}' is missing"):
        parse(card, "here")


@pytest.mark.parametrize(
    "changes",
    [
        {"card": 2},
        {"labels": 5},
        {"input": {**RAW["input"], "pooling": "median"}},
        {"input": {**RAW["input"], "pooled_views": 0}},
        {"input": {**RAW["input"], "pooled_views": 6}},
        {"positive_label": "cat"},
        {"calibration": {"temperature": -1, "bias": 0}},
        {"calibration": {"temperature": "warm", "bias": 0}},
        {"default_operating_point": "fpr50"},
        {"operating_points": {"fpr1": {"threshold": 0.5}}},
    ],
)
def test_nonsense_in_a_card_is_refused(copy: Path, changes: dict[str, object]) -> None:
    edit(copy, **changes)
    with pytest.raises(ModelError, match=r"card\.json"):
        Detector(copy)


def test_missing_files_are_named(released_copy: tuple[Path, Path]) -> None:
    copy, file = released_copy
    file.unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: No such file"):
        Detector(copy)
    (copy / CARD_FILE).write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        Detector(copy)
    (copy / CARD_FILE).unlink()
    with pytest.raises(ModelError, match=r"card\.json: No such file"):
        Detector(copy)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot load it"):
        OnnxSession(tmp_path / "model.onnx")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(FauxtoError, match="provider 'abacus'"):
        Detector(provider="abacus")
    with pytest.raises(ModelError, match="no operating point 'fpr50'; the model has fpr1"):
        Detector(operating_point="fpr50")
