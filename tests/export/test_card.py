"""Cards are rewritten whole or not at all, and what is no card or no report is named in one line."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from export import manifest
from export.card import OF_A_POINT, main, upgraded
from export.embedded import embedded_card
from fauxto.evaluate.run import Plan, evaluate
from fauxto.model.card import CARD_FILE, MODEL_FILE, read
from fauxto.model.model import Model, sha256
from tests.export.helpers import write_images

REPORT = "report/test.json"


@pytest.fixture
def folder(tmp_path: Path, released: Model) -> Path:
    """A model's folder with the released card alone, and the report of its test."""
    place = tmp_path / "models" / "small"
    (place / "report").mkdir(parents=True)
    for name in (CARD_FILE, REPORT):
        shutil.copy(released.folder / name, place / name)
    return place


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def schema_1(raw: dict[str, Any]) -> dict[str, Any]:
    """The card as 0.1.0 wrote it: without version and test, and with other names."""
    old = copy.deepcopy({key: value for key, value in raw.items() if key not in ("version", "test")}) | {"card": 1}
    for new, name in (("crop_size", "view_size"), ("pooled_crops", "pooled_views")):
        old["input"][name] = old["input"].pop(new)
    for point in old["operating_points"].values():
        point["photo_below"] = point.pop("no_sign_below")
    for condition in old["val"].values():
        for point in condition["operating_points"].values():
            for row in point["confusion"].values():
                row["photo"] = row.pop("no_sign")
    return old


def test_a_card_of_schema_1_becomes_one_of_schema_2(folder: Path) -> None:
    path = folder / CARD_FILE
    before = json.loads(path.read_text())
    path.write_text(json.dumps(schema_1(before)))
    assert main([str(folder), "--version", str(before["version"]), "--test", str(folder / REPORT)]) == 0
    after = json.loads(path.read_text())
    assert after == before
    assert list(after)[:3] == ["card", "name", "version"]
    assert read(folder).release == f"fauxto-r18-v{before['version']}"


def test_a_card_of_schema_2_is_written_as_it_was(folder: Path) -> None:
    before = (folder / CARD_FILE).read_bytes()
    assert main([str(folder)]) == 0
    assert (folder / CARD_FILE).read_bytes() == before


def test_an_upgrade_leaves_its_argument_alone(released: Model) -> None:
    old = schema_1(dict(released.card.raw))
    kept = copy.deepcopy(old)
    upgraded(old)
    assert old == kept


def test_figures_of_the_test_split_are_what_the_runtime_reads(folder: Path) -> None:
    edit(folder / CARD_FILE, test={})
    assert read(folder).test_point("fpr1") is None
    report = json.loads((folder / REPORT).read_text())
    measured = report["conditions"]["web"]["operating_points"]["fpr1"]
    del measured["ai_called_no_sign"]
    (folder / REPORT).write_text(json.dumps(report))
    assert main([str(folder), "--test", str(folder / REPORT)]) == 0
    found = read(folder).test_point("fpr1", "web")
    assert found is not None
    assert 0 < found["fpr"] == measured["fpr"] < 0.05
    assert found["recall_interval"] == measured["recall_interval"]
    assert found["ai_called_no_sign"] is None  # the report does not give it
    assert found["n_real"] == report["conditions"]["web"]["n_real"]


def test_what_fauxto_eval_writes_is_such_a_report(folder: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    report = evaluate(Plan(folder=tmp_path / "images", conditions=("clean", "web"))).report
    (tmp_path / "new.json").write_text(json.dumps(report))
    assert main([str(folder), "--test", str(tmp_path / "new.json")]) == 0
    card = read(folder)
    assert set(card.test["conditions"]) == {"clean", "web"}
    for point in card.operating_points:
        found = card.test_point(point, "web")
        assert found is not None
        assert {name for name, value in found.items() if value is not None} == {*OF_A_POINT, "n_ai", "n_real"}
        assert found["n_ai"] == 3


def test_no_folder_of_the_machine_that_measured_comes_along(folder: Path) -> None:
    report = json.loads((folder / REPORT).read_text())
    del report["set"]
    (folder / REPORT).write_text(json.dumps(report | {"folder": "/home/somebody/pictures/test"}))
    assert main([str(folder), "--test", str(folder / REPORT)]) == 0
    clean = report["conditions"]["clean"]
    assert read(folder).test["set"] == f"{clean['n_ai']} AI pictures and {clean['n_real']} photographs"
    assert "somebody" not in (folder / CARD_FILE).read_text()


def test_golden_logits_are_made_anew_by_the_reference(folder: Path, released: Model) -> None:
    shutil.copy(released.folder / MODEL_FILE, folder)
    edit(folder / CARD_FILE, golden=[])
    assert main([str(folder), "--golden"]) == 0
    for entry, other in zip(read(folder).golden, released.card.golden, strict=True):
        assert entry["picture"] == other["picture"]
        assert entry["logit"] == pytest.approx(other["logit"], abs=1e-5)


def test_another_file_than_the_reference_gives_no_golden_logits(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / MODEL_FILE).write_bytes(b"another")
    refused([str(folder), "--golden"], folder, str(folder / MODEL_FILE), "its sha256 is not the card's", capsys)


def test_the_manifest_beside_it_follows(folder: Path) -> None:
    raw = json.loads((folder / CARD_FILE).read_text())
    edit(folder / CARD_FILE, variants={"fp32": raw["variants"]["fp32"]}, coreml={})
    manifest.write(folder.parent)
    assert main([str(folder), "--version", "7"]) == 0
    listed = json.loads((folder.parent / manifest.NAME).read_text())["models"]["small"][CARD_FILE]
    assert listed == {"bytes": (folder / CARD_FILE).stat().st_size, "sha256": sha256(folder / CARD_FILE)}


def test_an_onnx_file_holds_the_card_as_it_was_before_the_files_were_known(released: Model) -> None:
    assert len(released.variants_here()) >= 2
    for variant in released.variants_here():
        card, embedded = dict(released.card.raw), upgraded(embedded_card(released.folder / variant.file))
        card |= {name: own for name, own in card["variants"][variant.name].items() if name in card}
        assert embedded.pop("precision") == variant.name
        assert embedded.pop("versions").items() <= card["versions"].items()
        assert embedded.pop("version", card["version"]) == card["version"]  # up to release 6 it was given later
        # Crops may be cut otherwise since the export: up to release 6, each was scaled by itself.
        for entry, old in zip(card.pop("golden"), embedded.pop("golden"), strict=True):
            assert entry["logit"] == pytest.approx(old["logit"], abs=5e-4)
        later = {"coreml", "files", "precision", "test", "variants", "version", "versions"}
        assert embedded == {name: value for name, value in card.items() if name not in later}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "not a card (Expecting"),
        (b"\xff", "not a card ("),
        (b"[]", "the field 'card' is missing"),
        (b'{"card": 3}', "card schema 3 is not 2"),
        (b'{"card": 1}', "the field 'input' is missing"),
        (b'{"card": 2, "files": {}}', "the field 'input' is missing"),
        (b'{"card": 1, "input": 5}', "not a card ("),
    ],
)
def test_what_is_no_card_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    (folder / CARD_FILE).write_bytes(content)
    refused([str(folder)], folder, f"export.card: {folder / CARD_FILE}: ", told, capsys)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        (b"{", "not a report of fauxto eval --format json (Expecting"),
        (b"[]", "not a report of fauxto eval --format json ("),
        (b"{}", "it has no 'conditions'"),
        (b'{"conditions": {"clean": {}}}', "it has no 'operating_points'"),
        (b'{"conditions": {"clean": {"operating_points": []}}}', "not a report"),
    ],
)
def test_what_is_no_report_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, told: str
) -> None:
    (folder / REPORT).unlink()
    if content is not None:
        (folder / REPORT).write_bytes(content)
    refused([str(folder), "--test", str(folder / REPORT)], folder, str(folder / REPORT), told, capsys)


def test_a_report_on_another_model_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / REPORT, model_sha256="0" * 64)
    words = [str(folder), "--test", str(folder / REPORT)]
    refused(words, folder, str(folder / REPORT), "measured with a file that is none of this model's", capsys)


def refused(words: list[str], folder: Path, named: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert exit status 2, one line on stderr that says which file and why, and that nothing was written."""
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert named in err
    assert told in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()} == before
