"""Measuring a labelled folder through the runtime."""

import csv
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.card import test_block as card_block
from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.evaluate import estimate, robustness
from fauxto.evaluate.breakdown import LEAST_GENERATOR, LEAST_WITHIN
from fauxto.evaluate.corruptions import CELLS, CONDITIONS, GRID
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.report import as_html, as_markdown, as_text
from fauxto.evaluate.run import Plan, evaluate, measure
from fauxto.model.card import CARD_FILE, parse
from fauxto.model.model import Model
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
    assert report["schema"] == 2
    assert report["flips"]["web"]["n"] == 4
    assert main(["eval", str(folder), "--sample", "1"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name}: 1 ai, 1 real" in out for name in CONDITIONS)
    assert main(["eval", str(folder), "--sample", "1", "--conditions", "clean", "--format", "markdown"]) == 0
    assert "| clean | 1 + 1 | " in capsys.readouterr().out


def test_each_condition_is_told_as_soon_as_it_is_known_and_the_text_only_grows(
    folder: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known, text, keys = [], "", []
    for found in measure(Plan(folder=folder, conditions=["hard", "clean", "hard"], grid=1, model=tiny)):
        assert as_text(found.report).startswith(text)
        assert len(as_text(found.report)) > len(text)
        text = as_text(found.report)
        known.append(list(found.report["conditions"]))
        keys.append({"baseline", "grid"} & found.report.keys())
    assert known == [["clean"], *[["clean", "hard"]] * 3]
    assert keys == [set(), set(), {"baseline"}, {"baseline", "grid"}]
    begun = capsys.readouterr().err.splitlines()[0]
    assert begun.startswith(f"4 pictures under clean, hard, and 2 under {len(GRID) + len(CELLS)} corruptions: about ")


def with_card(model: Path, folder: Path, **changes: object) -> Path:
    """A copy of a model with another card."""
    shutil.copytree(model, folder)
    card = json.loads((model / CARD_FILE).read_text("utf-8")) | changes
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def test_every_form_shows_the_missed_ai_pictures_and_quotes_the_cards_test(
    folder: Path, tiny: Path, tmp_path: Path, released: Model
) -> None:
    tested = with_card(tiny, tmp_path / "tested", test=released.card.raw["test"])
    found = evaluate(Plan(folder=folder, grid=1, model=tested))
    report = json.loads(json.dumps(found.report))
    clean = released.card.test["conditions"]["clean"]
    points, counts = clean["operating_points"], {name: clean[name] for name in ("n_ai", "n_real")}
    assert report["card_test"]["clean"] == counts | points["fpr1"]
    for part in (*report["grid"].values(), *report["conditions"]["hard"]["operating_points"].values()):
        low, high = part["ai_called_no_sign_interval"]
        assert low <= part["ai_called_no_sign"] <= high
    for text in (as_text(found.report), as_markdown(found.report), as_html(found, thumbnails=False)):
        assert text.count("AI called no sign") + text.count("called no sign\n") >= 2  # by condition, and in the grid
        assert f"{100 * points['fpr1']['fpr']:.1f} % of {counts['n_real']} photographs were called ai" in text
        assert "photo_" not in text
        assert "another word" not in text


def test_a_stopped_eval_keeps_the_earlier_file_and_shows_what_it_has(
    folder: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(image: Image.Image) -> Image.Image:
        raise KeyboardInterrupt

    monkeypatch.setitem(CONDITIONS, "hard", stop)
    monkeypatch.setattr(estimate, "seconds", lambda *_: 1.0)  # it would be stopped already
    text, page = tmp_path / "figures.txt", tmp_path / "page.html"
    for path in (text, page):
        path.write_text("of yesterday")
    words = ["eval", str(folder), "--model", str(tiny)]
    assert main([*words, "-o", str(text), "--html", str(page)]) == 130
    assert (text.read_text(), page.read_text()) == ("of yesterday", "of yesterday")
    capsys.readouterr()
    assert main(words) == 130
    shown = capsys.readouterr().out
    assert "web: 2 ai, 2 real" in shown
    assert "hard: " not in shown


def test_a_cards_test_figures_are_taken_from_a_report(folder: Path, tiny: Path, released: Model) -> None:
    file = folder / "report.json"
    assert main(["eval", str(folder), "--model", str(tiny), "--format", "json", "-o", str(file)]) == 0
    report = json.loads(file.read_text())
    card = parse({**released.card.raw, "test": card_block(file)}, "card")
    for condition in CONDITIONS:
        own = report["conditions"][condition]
        told = card.test_point("fpr5", condition)
        assert told is not None
        assert (told["n_ai"], told["n_real"]) == (2, 2)
        row = own["operating_points"]["fpr5"]
        names = ("fpr", "fpr_interval", "recall", "recall_interval", "ai_called_no_sign", "ai_called_no_sign_interval")
        assert [told[name] for name in names] == [row[name] for name in names]
    assert card.test["baseline"] == {"auc": None, "auc_interval": None}  # one source is too few for it


class Slow:
    """A detector that takes 10 ms a picture, 30 under another corruption than "clean"."""

    def decode(self, _: Path, *, corruption: Callable[[Image.Image], Image.Image] = CONDITIONS["clean"]) -> float:
        return 0.01 if corruption is CONDITIONS["clean"] else 0.03

    def answer(self, batch: Iterable[float]) -> None:
        time.sleep(sum(batch))

    def answer_many(self, decodings: Iterable[Callable[[], float]]) -> Iterator[None]:
        for decoding in decodings:
            yield self.answer([decoding()])


def test_the_time_is_estimated_on_a_few_pictures(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    pictures = [LabelledImage(tmp_path / "broken.jpg", i % 2 == 0) for i in range(1000)]
    started = time.perf_counter()
    found = estimate.seconds(Slow(), pictures, ["clean", "web"], grid=100)  # type: ignore[arg-type]
    spent = time.perf_counter() - started
    expected = 1000 * (0.01 + 0.03) + 100 * (len(GRID) + len(CELLS)) * 0.03 + 1000 * 0.01
    assert expected < found < 2 * expected
    assert spent < 5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 second"), (40.2, "40 seconds"), (720, "12 minutes"), (5399, "90 minutes"), (10_000, "2.8 hours")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert estimate.in_words(seconds) == words


def test_the_page_holds_all_and_needs_nothing(
    folder: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, figures = tmp_path / "report.html", tmp_path / "report.txt"
    words = ["eval", str(folder), "--model", str(tiny), "--conditions", "web", "--grid", "1"]
    assert main([*words, "--html", str(page), "-o", str(figures)]) == 0
    assert capsys.readouterr().out == ""
    assert "jpeg 40" in figures.read_text(encoding="utf-8")
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg") == 6  # no generator has 20 pictures here, no source 30
    assert html.count("data:image/jpeg;base64,") == 4
    for outside in ('src="http', 'href="http', "<link", "<script", "@import", "url(http"):
        assert outside not in html
    words = ["eval", str(folder), "--model", str(tiny), "--sample", "1", "--conditions", "clean", "--html", str(page)]
    assert main([*words, "--no-thumbnails"]) == 0
    assert "data:image/jpeg" not in page.read_text(encoding="utf-8")


def test_the_grid_is_measured_on_the_same_pictures(folder: Path, tiny: Path, tmp_path: Path) -> None:
    strict = with_card(tiny, tmp_path / "strict", minimum_short_side=200)
    report = evaluate(Plan(folder=folder, conditions=["clean"], grid=2, model=strict)).report
    assert set(report["grid"]) == {"clean", *GRID}
    assert report["grid"]["clean"]["flips"]["changed"] == 0
    assert {row["n_ai"] + row["n_real"] for row in report["grid"].values()} == {4}
    assert (
        report["saved_once"]["gap"] == report["saved_once"]["auc_as_decoded"] - report["saved_once"]["auc_saved_once"]
    )
    assert report["saved_once"]["fpr_as_decoded"] == report["conditions"]["clean"]["operating_points"]["fpr1"]["fpr"]
    assert report["grid"]["clean"]["too_small"] == 0 < report["grid"]["scale 0.25"]["too_small"]


@pytest.mark.parametrize(("generator", "unseen"), [("Nobody's 1.0", 1), ("", 0)])
def test_only_a_generator_with_a_name_can_be_unseen(tiny: Path, tmp_path: Path, generator: str, unseen: int) -> None:
    rows = [["path", "source", "generator"]]
    for label, count in (("ai", LEAST_GENERATOR), ("real", 1)):
        (tmp_path / label).mkdir()
        for i in range(count):
            make_photo(210, 210, seed=i).save(tmp_path / label / f"{i}.png")
            rows.append([f"{label}/{i}.png", "album", generator if label == "ai" else ""])
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    report = evaluate(Plan(folder=tmp_path, conditions=["clean"], model=tiny)).report
    assert report["conditions"]["clean"]["unseen_generators"]["groups"] == unseen


def test_a_source_of_both_classes_is_judged_by_itself(tiny: Path, tmp_path: Path) -> None:
    for label in ("ai", "real"):
        for source, count in (("quiz", LEAST_WITHIN), ("small", 1), (label, 1)):
            (tmp_path / label / source).mkdir(parents=True)
            for i in range(count):
                make_photo(210, 210, seed=i).save(tmp_path / label / source / f"{i}.png")
    found = evaluate(Plan(folder=tmp_path, conditions=["clean"], model=tiny))
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


def test_a_picture_that_a_corruption_cannot_take_stops_nothing(detector: Detector) -> None:
    strip = Image.new("RGB", (16_400, 200))  # WebP ends at 16,383 px
    decodings = [partial(detector.decode, image, corruption=GRID["webp 80"]) for image in (strip, make_photo(300, 200))]
    record, other = detector.answer_many(decodings)
    assert "cannot be changed like this" in str(record.error)
    assert other.ok


def test_a_corruption_that_no_picture_of_a_class_survives_is_left_out(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, width in (("ai", 300), ("real", 400)):
        (tmp_path / label).mkdir()
        make_photo(width, 220).save(tmp_path / label / "0.png")

    def refuse(image: Image.Image) -> Image.Image:
        if image.width == 400:
            raise ValueError("too wide")
        return image

    monkeypatch.setitem(CONDITIONS, "web", refuse)
    monkeypatch.setitem(robustness.CORRUPTIONS, "webp 80", refuse)
    report = evaluate(Plan(folder=tmp_path, grid=1, model=tiny)).report
    assert list(report["conditions"]) == ["clean", "hard"]
    assert set(report["grid"]) == {"clean", *GRID} - {"webp 80"}
    assert "web: left out, as no picture of one of the classes can be saved like this" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "short"), [("clean", 900), ("web", 768), ("hard", 512)])
def test_conditions_shrink_and_never_enlarge(name: str, short: int) -> None:
    assert min(CONDITIONS[name](make_photo(1200, 900)).size) == short
    assert CONDITIONS[name](make_photo(300, 200)).size == (300, 200)


@pytest.mark.parametrize("name", GRID)
def test_every_corruption_of_the_grid_does_what_it_says(name: str) -> None:
    before = make_photo(640, 480)
    after = GRID[name](before)
    assert np.array_equal(after, GRID[name](before))  # the same every time
    factor = float(name.split()[1]) if name.startswith("scale") else 900 / 480 if name == "screenshot" else 1
    assert after.size == (640 * factor, 480 * factor)
    assert after.mode == "RGB"
    if factor == 1:
        difference = np.abs(np.asarray(after, float) - np.asarray(before)).mean()
        assert 0.3 < difference < 30
