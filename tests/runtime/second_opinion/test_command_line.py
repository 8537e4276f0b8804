"""--second-opinion in every verb that has it: both answer, and never one in the name of both."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from export.card import main as export_card
from fauxto.bench import run as bench
from fauxto.bench.plan import Plan
from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.model.card import CARD_FILE
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.scan import Predictor
from fauxto.scan.table import FUSED_ROWS, ROWS
from fauxto.second_opinion import model
from tests.helpers import EXAMPLES, make_photo
from tests.runtime.scan.helpers import table, without_times

CAT = EXAMPLES / "photo-cat.png"
MORE = ["logit_pixels", "logit_scene"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures for the tiny model, one of which cannot be read."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(5):
        make_photo(300, 240, seed=i).save(folder / f"{i}.png")
    (folder / "3.png").write_bytes(b"")
    return folder


def widened(folder: Path, at: Path, bounds: list[float]) -> Path:
    """A copy of a second opinion whose networks may be so far apart."""
    shutil.copytree(folder, at)
    card = json.loads((at / CARD_FILE).read_text("utf-8"))
    card["second"]["disagreement"] = bounds
    (at / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return at


def test_predict_writes_the_records_of_both(second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", str(CAT), str(tmp_path / "gone.jpg"), "--second-opinion", "--format"]
    assert main([*words, "json"]) == 1
    records = json.loads(capsys.readouterr().out)
    assert main([*words, "jsonl"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main([*words, "csv"]) == 1
    header, *rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    expected = Detector(second_opinion=second).predict(CAT).to_dict() | {"elapsed_ms": None}
    assert records[0] | {"elapsed_ms": None} == lines[0] | {"elapsed_ms": None} == expected
    assert [record["schema"] for record in (*records, *lines)] == [3] * 4
    assert header == [field.name for field in fields(FusedPrediction)]
    assert header == [field.name for field in fields(Prediction)] + MORE == list(records[0])
    assert [float(value) for value in rows[0][-2:]] == [records[0][name] for name in MORE]
    assert rows[1][-2:] == ["", ""]
    main(["predict", str(CAT), "--format", "csv"])
    assert capsys.readouterr().out.splitlines()[0].split(",") == [field.name for field in fields(Prediction)]


def test_the_text_says_where_they_disagree(
    second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(CAT), "--second-opinion"]) == 0
    assert "disagree" not in capsys.readouterr().out
    far = widened(second, tmp_path / "far", [50, 60])
    monkeypatch.setattr(model, "released", lambda: far)
    assert main([str(CAT), "--second-opinion", "--fail-on", "unsure"]) == 3
    line = capsys.readouterr().out
    assert line.startswith("unsure ")
    assert line.endswith(f"{CAT}  (pixels and scene disagree; leans no sign)\n")


@pytest.mark.parametrize(
    "words",
    [
        ["predict", str(CAT)],
        ["explain", str(CAT), "-o", "{}/heat.png"],
        ["eval", "{}/labelled"],
        ["scan", "{}/labelled", "--out", "{}/out"],
        ["calibrate", "{}/labelled", "--fpr", "0.9"],
    ],
    ids=lambda words: words[0],
)
def test_not_installed_is_one_line_with_the_command(
    words: list[str], stand_in: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(model, "released", lambda: stand_in[1])
    for label in ("ai", "real"):
        (tmp_path / "labelled" / label).mkdir(parents=True)
        for i in range(2):
            make_photo(300, 240, seed=i).save(tmp_path / "labelled" / label / f"{i}.png")
    assert main([*(word.format(tmp_path) for word in words), "--second-opinion"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "not installed; fauxto second-opinion install downloads it" in err
    assert not (tmp_path / "heat.png").exists()
    assert not list(tmp_path.glob("out/part-*"))


def test_explain_tells_what_each_says(second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, more in (("alone.npy", []), ("both.npy", ["--second-opinion"])):
        assert main(["explain", str(CAT), "-o", str(tmp_path / name), "--as", "array", *more]) == 0
    out, err = capsys.readouterr()
    both = Detector(second_opinion=second).predict(CAT)
    assert isinstance(both, FusedPrediction)
    logits = f"pixels {both.logit_pixels:+.2f}, scene {both.logit_scene:+.2f}, both {both.logit:+.2f}"
    assert out == ""
    assert err.startswith(f"{both.verdict}  ")
    assert err.endswith(f" {CAT}  (leans no sign); logits: {logits}\n")
    assert err.count("\n") == 1
    assert (tmp_path / "alone.npy").read_bytes() == (tmp_path / "both.npy").read_bytes()


def test_eval_measures_both_and_the_card_takes_its_report(
    second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in EXAMPLES.glob("*.*g"):
        place = tmp_path / "labelled" / ("ai" if path.name.startswith("ai") else "real")
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).symlink_to(path)
    own = Path(shutil.copytree(second, tmp_path / "models" / "fauxto-second"))
    words = ["eval", str(tmp_path / "labelled"), "--conditions", "clean", "--format", "json", "-o"]
    assert main([*words, str(tmp_path / "both.json"), "--second-opinion"]) == 0
    report = json.loads((tmp_path / "both.json").read_text())
    both = Detector(second_opinion=second)
    assert (report["model"], report["model_sha256"]) == (both.card.release, both.model_sha256)
    capsys.readouterr()
    assert export_card([str(own), "--version", "4", "--test", str(tmp_path / "both.json")]) == 0
    card = json.loads((own / CARD_FILE).read_text())
    assert (card["version"], card["test"]["model_sha256"]) == (4, both.model_sha256)
    clean = report["conditions"]["clean"]["operating_points"]["fpr1"]
    measured = Detector(second_opinion=own).card.test_point("fpr1")
    assert (measured or {})["fpr"] == clean["fpr"]
    assert main([*words, str(tmp_path / "alone.json")]) == 0
    capsys.readouterr()
    assert export_card([str(own), "--test", str(tmp_path / "alone.json")]) == 2
    assert "measured with a file that is none of this model's" in capsys.readouterr().err


def test_eval_counts_what_they_disagree_on_as_unsure(
    second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    far = widened(second, tmp_path / "far", [50, 60])
    monkeypatch.setattr(model, "released", lambda: far)
    for label in ("ai", "real"):
        (tmp_path / "labelled" / label).mkdir(parents=True)
        for i in range(2):
            make_photo(300, 240, seed=i + 9 * (label == "ai")).save(tmp_path / "labelled" / label / f"{i}.png")
    words = ["eval", str(tmp_path / "labelled"), "--conditions", "clean", "--format", "json", "--second-opinion"]
    assert main(words) == 0
    for point in json.loads(capsys.readouterr().out)["conditions"]["clean"]["operating_points"].values():
        assert {truth: row["unsure"] for truth, row in point["confusion"].items()} == {"ai": 2, "real": 2}


def test_calibrate_saves_a_point_that_holds_with_it_alone(
    second_of_tiny: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real").mkdir()
    for i in range(62):
        make_photo(40, 36, seed=i).save(tmp_path / "real" / f"{i}.png")
    words = ["calibrate", str(tmp_path), "--fpr", "0.05", "--model", str(tiny), "--save", "press", "--format", "json"]
    assert main([*words, "--second-opinion"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["model"] == "tiny+fauxto-second-v1"
    assert err.endswith("use it with --second-opinion --operating-point press\n")
    picture = str(tmp_path / "real" / "0.png")
    asked = ["predict", picture, "--model", str(tiny), "--operating-point", "press", "--format", "json"]
    assert main([*asked, "--second-opinion"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["threshold"] == report["own"]["threshold"]
    assert main(asked) == 2
    assert "operating point 'press' was set with tiny+fauxto-second-v1 " in capsys.readouterr().err
    # Another fusion of the same head: what is in the cache is of the first one.
    card = json.loads((second_of_tiny / CARD_FILE).read_text())
    card["second"]["scene"] = 0.9
    (second_of_tiny / CARD_FILE).write_text(json.dumps(card))
    assert main([*words, "--second-opinion"]) == 0
    out, err = capsys.readouterr()
    assert "scored before" not in err
    assert json.loads(out)["own"]["threshold"] != report["own"]["threshold"]


def test_a_scan_has_a_row_of_both_for_each_picture(
    second_of_tiny: Path, tiny: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["scan", str(pictures), "--out", str(out), "--model", str(tiny), "--part-rows", "3", "--jobs", "1"]
    assert main([*words, "--second-opinion"]) == 1
    rows = table(out)
    for part in out.glob("part-*.parquet"):
        assert pq.read_schema(part).remove_metadata() == FUSED_ROWS
    assert FUSED_ROWS.names == [*ROWS.names, *MORE]
    expected = Detector(tiny, second_opinion=second_of_tiny, provenance=True).predict_many(sorted(pictures.iterdir()))
    told = ("elapsed_ms", "logit", "p_ai", *MORE)
    for row, record in zip(rows, expected, strict=True):
        found = record.to_dict()
        assert {k: row[k] for k in found if k not in told} == {k: v for k, v in found.items() if k not in told}
        assert row["logit_scene"] == pytest.approx(found["logit_scene"], abs=1e-5)
    assert [row["schema"] for row in rows] == [3] * 5
    assert [row["status"] for row in rows].count("error") == 1

    kept = without_times(rows)
    assert main(words) == 2
    assert 'a scan with model "tiny+fauxto-second-v1" is there, not "tiny"' in capsys.readouterr().err
    sorted(out.glob("part-*.parquet"))[1].unlink()
    assert main([*words, "--second-opinion"]) == 1
    assert "(3 were done before)" in capsys.readouterr().err
    assert without_times(table(out)) == kept
    assert main(["report", str(out), "--format", "json", "--html", str(tmp_path / "page.html")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["schema"], report["done"], report["verdicts"]["error"]) == (3, 5, 1)
    assert "tiny+fauxto-second-v1" in (tmp_path / "page.html").read_text()

    card = json.loads((second_of_tiny / CARD_FILE).read_text())
    card["second"]["scene"] = 0.9
    (second_of_tiny / CARD_FILE).write_text(json.dumps(card))
    assert main([*words, "--second-opinion"]) == 2
    assert "a scan with card sha256" in capsys.readouterr().err


def test_a_scan_without_it_is_not_gone_on_with_it(
    second_of_tiny: Path, tiny: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(pictures), "--out", str(tmp_path / "out"), "--model", str(tiny), "--jobs", "1"]
    assert main(words) == 1
    assert [row["schema"] for row in table(tmp_path / "out")] == [2] * 5
    assert main([*words, "--second-opinion"]) == 2
    told = 'a scan with model "tiny" is there, not "tiny+fauxto-second-v1"; give the same options to go on with it'
    assert told in capsys.readouterr().err


def test_a_predictor_has_the_same_columns_for_no_picture(second_of_tiny: Path, tiny: Path) -> None:
    nothing = pa.table({"path": pa.array([], pa.string())})
    assert Predictor(tiny, second_opinion=second_of_tiny)(nothing).schema.equals(FUSED_ROWS)


def test_bench_refuses_a_second_opinion_as_the_model(second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--model", str(second)]) == 2
    assert "is a second opinion, which answers beside a model; name a model here" in capsys.readouterr().err


def test_bench_measures_it_beside_the_first_network(second: Path) -> None:
    found: dict[str, Any] = {"seconds": 0.1, "least": 2, "most": 4, "warm_up": 1, "scopes": ("model",)}
    plan = Plan(providers=("cpu",), variants=("int8",), second_opinion=os.fspath(second), **found)
    report = bench.run(plan)
    assert report["complete"]
    assert not report["skipped"]
    assert [(row["variant"], row["input"], row["batch"]) for row in report["rows"]] == [
        ("int8", "crops", 1), ("int8", "crops", 5), ("int8+second", "scene", 1),
    ]  # fmt: skip
    alone, *_, both = report["rows"]
    assert both["file_sha256"].startswith(f"{alone['file_sha256']}+")
    shutil.rmtree(os.environ["FAUXTO_DATA"])
    report = bench.run(plan)
    assert [row["variant"] for row in report["rows"]] == ["int8"] * 2
    (skipped,) = report["skipped"]
    assert skipped["variant"] == "int8+second"
    assert "not installed; fauxto second-opinion install downloads it" in skipped["reason"]
