"""Measuring a labelled folder through the runtime."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.evaluate.corruptions import CONDITIONS, GRID
from fauxto.evaluate.dataset import find, read_index
from fauxto.evaluate.report import as_html, as_markdown, as_text
from fauxto.evaluate.run import LEAST_GENERATOR, LEAST_WITHIN, evaluate
from tests.helpers import make_photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [["path", "source", "generator", "style"]]
    for label in ("ai", "real"):
        (tmp_path / label / "album").mkdir(parents=True)
        for i in range(3):
            name = f"{label}/album/{i}.png"
            make_photo(240, 220, seed=i).save(tmp_path / name)
            rows.append([name, "", "FLUX" if label == "ai" else "", "art" if i == 2 else "photo"])
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def test_the_index_is_read_by_path_and_art_is_left_out(folder: Path) -> None:
    pictures = find(folder, read_index(folder.parent / "nothing", folder))
    assert [(picture.path.name, picture.is_ai) for picture in pictures] == [
        ("0.png", True), ("1.png", True), ("0.png", False), ("1.png", False),
    ]  # fmt: skip
    assert {(picture.source, picture.generator) for picture in pictures} == {("album", "FLUX"), ("album", "")}


def test_eval_agrees_with_predict(folder: Path, detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "real" / "broken.png").write_bytes(b"broken")
    assert main(["eval", str(folder), "--conditions", "clean,web", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert "broken.png: not a picture" in err
    report = json.loads(out)
    clean = report["conditions"]["clean"]
    assert (clean["n_ai"], clean["n_real"]) == (2, 2)
    assert clean["auc"] == 0.5  # the same pictures stand in both classes
    called = np.mean([detector.predict(folder / f"ai/album/{i}.png").verdict == "ai" for i in (0, 1)])
    assert clean["generators"]["FLUX"]["called_ai"] == called
    assert clean["real_sources"]["album"]["n"] == 2
    assert report["left_out"] == 1
    assert report["flips"]["web"]["n"] == 4
    assert main(["eval", str(folder), "--sample", "1"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name}: 1 ai, 1 real" in out for name in CONDITIONS)
    assert main(["eval", str(folder), "--sample", "1", "--conditions", "clean", "--format", "markdown"]) == 0
    assert "| clean | 1 + 1 | " in capsys.readouterr().out


def test_the_page_holds_all_and_needs_nothing(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, figures = tmp_path / "report.html", tmp_path / "report.txt"
    words = ["eval", str(folder), "--conditions", "web", "--grid", "1", "--html", str(page), "-o", str(figures)]
    assert main(words) == 0
    assert capsys.readouterr().out == ""
    assert "jpeg 40" in figures.read_text(encoding="utf-8")
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg") == 5  # no generator has 20 pictures here, no source 30
    assert html.count("data:image/jpeg;base64,") == 4
    for outside in ('src="http', 'href="http', "<link", "<script", "@import", "url(http"):
        assert outside not in html
    assert (
        main(["eval", str(folder), "--sample", "1", "--conditions", "clean", "--html", str(page), "--no-thumbnails"])
        == 0
    )
    assert "data:image/jpeg" not in page.read_text(encoding="utf-8")


def test_the_grid_is_measured_on_the_same_pictures(folder: Path) -> None:
    report = evaluate(folder, conditions=["clean"], grid=2).report
    assert set(report["grid"]) == {"clean", *GRID}
    assert report["grid"]["clean"]["flips"]["changed"] == 0
    assert {row["n_ai"] + row["n_real"] for row in report["grid"].values()} == {4}
    assert (
        report["saved_once"]["gap"] == report["saved_once"]["auc_as_decoded"] - report["saved_once"]["auc_saved_once"]
    )
    assert report["saved_once"]["fpr_as_decoded"] == report["conditions"]["clean"]["operating_points"]["fpr1"]["fpr"]
    assert report["grid"]["clean"]["too_small"] == 0 < report["grid"]["scale 0.25"]["too_small"]


@pytest.mark.parametrize(("generator", "unseen"), [("Nobody's 1.0", 1), ("", 0)])
def test_only_a_generator_with_a_name_can_be_unseen(tmp_path: Path, generator: str, unseen: int) -> None:
    rows = [["path", "source", "generator"]]
    for label, count in (("ai", LEAST_GENERATOR), ("real", 1)):
        (tmp_path / label).mkdir()
        for i in range(count):
            make_photo(210, 210, seed=i).save(tmp_path / label / f"{i}.png")
            rows.append([f"{label}/{i}.png", "album", generator if label == "ai" else ""])
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = evaluate(tmp_path, conditions=["clean"]).report["conditions"]["clean"]["unseen_generators"]
    assert found["groups"] == unseen


def test_a_source_of_both_classes_is_judged_by_itself(tmp_path: Path) -> None:
    for label in ("ai", "real"):
        for source, count in (("quiz", LEAST_WITHIN), ("small", 1), (label, 1)):
            (tmp_path / label / source).mkdir(parents=True)
            for i in range(count):
                make_photo(210, 210, seed=i).save(tmp_path / label / source / f"{i}.png")
    found = evaluate(tmp_path, conditions=["clean"])
    clean = found.report["conditions"]["clean"]
    assert {name: row["n"] for name, row in clean["sources_of_both"].items()} == {"quiz": LEAST_WITHIN, "small": 1}
    assert clean["within_sources"]["groups"] == 1  # a source of one picture says nothing
    assert clean["within_sources"]["mean"] == 0.5  # the same pictures stand in both classes
    assert "mean AUC 0.500, worst 0.500 (quiz, n 10 + 10)" in as_text(found.report)
    assert "| quiz | 10 + 10 | 0.500 " in as_markdown(found.report)
    assert "<td>quiz</td><td>10</td><td>10</td><td>0.500 " in as_html(found, thumbnails=False)


def test_eval_refuses_in_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(folder), "--conditions", "foggy"]) == 2
    assert "condition 'foggy' is not one of clean, web, hard" in capsys.readouterr().err
    assert main(["eval", str(tmp_path / "nowhere")]) == 2
    assert "eval needs the sub-folders ai and real" in capsys.readouterr().err
    before = tmp_path / "figures.json"
    before.write_text("of yesterday")
    assert main(["eval", str(tmp_path / "nowhere"), "-o", str(before), "--html", str(before)]) == 2
    assert before.read_text() == "of yesterday"


def test_a_picture_that_a_condition_cannot_take_stops_nothing(detector: Detector) -> None:
    strip = Image.new("RGB", (16_400, 200))  # WebP ends at 16,383 px
    record, other = detector.predict_many([strip, make_photo(300, 200)], change=GRID["webp 80"])
    assert "cannot be changed like this" in str(record.error)
    assert other.ok


@pytest.mark.parametrize(("name", "short"), [("clean", 900), ("web", 768), ("hard", 512)])
def test_conditions_shrink_and_never_enlarge(name: str, short: int) -> None:
    assert min(CONDITIONS[name](make_photo(1200, 900)).size) == short
    assert CONDITIONS[name](make_photo(300, 200)).size == (300, 200)


@pytest.mark.parametrize("name", GRID)
def test_every_condition_of_the_grid_does_what_it_says(name: str) -> None:
    before = make_photo(640, 480)
    after = GRID[name](before)
    assert np.array_equal(after, GRID[name](before))  # the same every time
    factor = float(name.split()[1]) if name.startswith("scale") else 900 / 480 if name == "screenshot" else 1
    assert after.size == (640 * factor, 480 * factor)
    assert after.mode == "RGB"
    if factor == 1:
        difference = np.abs(np.asarray(after, float) - np.asarray(before)).mean()
        assert 0.3 < difference < 30
