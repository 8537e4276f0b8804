"""What a scan found, in words and pictures."""

import json
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.cli import main
from fauxto.model.model import Model
from fauxto.reporting.text import measured
from fauxto.scan.report import busy_seconds, quantiles, source_of
from tests.helpers import make_photo
from tests.runtime.scan.helpers import table

from .test_scan import Many
from .test_scan_sources import shard


def test_the_report_counts_what_the_rows_say(
    many: Many, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "out", tmp_path / "report.html"
    tar = shard(tmp_path / "shard.tar")
    main(["scan", str(many(70)), str(tar), "--out", str(out), "--model", str(tiny), "--part-rows", "16"])
    capsys.readouterr()
    assert main(["report", str(out), "--format", "json", "--html", str(page)]) == 0
    report, rows = json.loads(capsys.readouterr().out), table(out)
    assert (report["listed"], report["done"]) == (74, 74)
    for word, count in report["verdicts"].items():
        assert count == sum((row["verdict"] or "error") == word for row in rows)
    assert sum(sum(row.values()) for row in report["sources"].values()) == 74
    inside = [row["verdict"] for row in rows if tar.name in row["path"]]
    jpegs = [row["verdict"] for row in rows if row["format"] == "JPEG" and row["verdict"]]
    assert (len(inside), len(jpegs)) == (4, 67)
    words = ("no_sign", "unsure", "ai")
    assert report["sources"][str(tar)] == {word: inside.count(word) for word in words} | {"error": 0}
    assert {word: report["formats"]["JPEG"][word] for word in words} == {word: jpegs.count(word) for word in words}
    assert sum(report["errors"].values()) == 7
    assert report["pictures_per_second"] > 0
    assert sum(report["histogram"]) == 67
    scores = [row["p_ai"] for row in rows if row["p_ai"] is not None]
    assert report["quantiles"]["0.5"] == pytest.approx(np.median(scores), abs=2e-3)
    html = page.read_text()
    assert html.count("<svg") == 3
    assert "74 pictures, 0 called ai" in html
    assert "model card's own test" not in html  # the tiny model has none
    assert not {"#2f7d4f", "green"} & set(html.replace('"', " ").replace(";", " ").split())
    main(["report", str(out)])
    text = capsys.readouterr().out
    assert "74 of 74 pictures, model tiny" in text
    assert "damaged or truncated picture" in text


def test_the_finds_are_shown(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    (tmp_path / "in").mkdir()
    Image.new("RGB", (64, 64), "white").save(tmp_path / "in" / "white.png")  # the brighter, the more "ai"
    Image.new("RGB", (64, 64), "black").save(tmp_path / "in" / "black.png")
    card = json.loads((tiny / "card.json").read_text())
    card["calibration"]["temperature"] = 0.1
    own = tmp_path / "sharp"
    own.mkdir()
    (own / "card.json").write_text(json.dumps(card))
    (own / "model.onnx").write_bytes((tiny / "model.onnx").read_bytes())
    main(["scan", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model", str(own)])
    main(["report", str(tmp_path / "out"), "--html", str(tmp_path / "page.html")])
    html = (tmp_path / "page.html").read_text()
    assert html.count("<img") == 1
    assert "white.png" in html
    (tmp_path / "in" / "white.png").unlink()
    main(["report", str(tmp_path / "out"), "--html", str(tmp_path / "page.html")])
    assert (tmp_path / "page.html").read_text().count("<img") == 0


def test_the_cards_test_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    make_photo().save(tmp_path / "in" / "a.png")
    main(["scan", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--operating-point", "fpr5"])
    capsys.readouterr()
    assert main(["report", str(tmp_path / "out"), "--html", str(tmp_path / "page.html")]) == 0
    line = measured(Model.open().card.test_point("fpr5"))
    assert line
    assert f"the card's test at fpr5: {line}" in capsys.readouterr().out
    assert f"On the model card's own test, {line}" in unescape((tmp_path / "page.html").read_text())


def test_a_folder_without_a_scan_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert f"{tmp_path}: no scan there; fauxto scan SRC --out" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["report", str(tmp_path / "file")]) == 2
    assert "file: no scan there; fauxto report needs a folder" in capsys.readouterr().err


def test_sources() -> None:
    assert source_of("a/b/c.jpg") == "a/b"
    assert source_of("c.jpg") == "."
    assert source_of("C:\\a\\c.jpg") == "C:\\a"
    assert source_of("s3://bucket/x/c.jpg") == "s3://bucket/x"
    assert source_of("tar://k/1.jpg::s3://bucket/s.tar") == "s3://bucket/s.tar"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_quantiles_are_right_to_a_bin(values: list[float]) -> None:
    counted = np.histogram(values, 1000, (0, 1))[0]
    for share, found in quantiles(counted).items():
        exact = np.quantile(values, share, method="inverted_cdf")
        assert found - 1.1e-3 <= exact <= found + 1e-9


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=12))
def test_busy_time_is_the_union(pairs: list[tuple[int, int]]) -> None:
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [(zero + timedelta(seconds=at), zero + timedelta(seconds=at + length)) for at, length in pairs]
    covered = {second for at, length in pairs for second in range(at, at + length)}
    assert busy_seconds(spans) == len(covered)
