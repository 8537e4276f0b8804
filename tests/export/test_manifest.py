"""The manifest lists every file of every model, those that git does not keep as well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from export import manifest
from fauxto.model.card import CARD_FILE, read
from fauxto.model.model import Model, sha256
from tests.helpers import ROOT

MODELS = ROOT / "models"


def listed(models: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((models / manifest.NAME).read_text())["models"]
    return found


def test_the_released_manifest_is_up_to_date(tmp_path: Path) -> None:
    for name, files in listed(MODELS).items():
        card = read(MODELS / name)
        absent = {path for path, entry in files.items() if entry.get("in_git") is False}
        assert {path: entry["sha256"] for path, entry in files.items() if path in card.files} == card.files
        assert absent == {own for _, file in manifest.not_kept(card.raw) for own in manifest.digests(card.raw, file)}
        there = {path.relative_to(MODELS / name).as_posix() for path in manifest.files(MODELS / name)}
        assert set(files) - absent == there - absent
        for path in there:
            assert files[path]["sha256"] == sha256(MODELS / name / path), path
            assert files[path]["bytes"] == (MODELS / name / path).stat().st_size, path


def test_few_files_of_the_released_model_are_kept() -> None:
    kept = {path.split("/")[0] for path, entry in listed(MODELS)["fauxto-r18"].items() if entry.get("in_git", True)}
    models = {name for name in kept if name.endswith((".onnx", ".mlpackage"))}
    onnx = {variant.file for variant in read(MODELS / "fauxto-r18").variants.values()}
    assert models == {*onnx, "fauxto-r18.mlpackage"}


@pytest.fixture
def models(tmp_path: Path, released: Model) -> Path:
    """A folder of models: the released card with two texts, and a folder without a card."""
    folder = tmp_path / "models"
    (folder / "small" / "report").mkdir(parents=True)
    shutil.copy(released.folder / CARD_FILE, folder / "small")
    (folder / "small" / "report" / "data.csv").write_text("a,b\n")
    (folder / "small" / ".DS_Store").write_bytes(b"of the Finder")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("no model")
    return folder


def test_absent_files_stay_as_the_manifest_had_them(models: Path) -> None:
    before = {"small": {k: v for k, v in listed(MODELS)["fauxto-r18"].items() if v.get("in_git") is False}}
    (models / manifest.NAME).write_text(json.dumps({"models": before}))
    assert manifest.main([str(models)]) == 0
    found = listed(models)
    assert set(found) == {"small"}
    assert set(found["small"]) == {CARD_FILE, "report/data.csv", *before["small"]}
    assert found["small"].items() >= before["small"].items()
    assert found["small"]["report/data.csv"]["bytes"] == 4


def test_an_absent_file_that_nothing_tells_of_is_refused(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert manifest.main([str(models)]) == 2
    err = capsys.readouterr().err
    assert "fauxto-r18-8bit.mlpackage/Data/com.apple.CoreML/model.mlmodel: not there as the card has it; " in err
    assert "python -m export.variants" in err
    assert err.count("\n") == 1
    assert not (models / manifest.NAME).exists()
