"""A record as a line of text, of CSV and of JSON."""

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.cli.output import FORMATS, Format, Writer, as_json, as_text, cell
from fauxto.cli.streams import Output
from fauxto.prediction import Prediction
from fauxto.reporting.text import chance, columns, measured, share, visible

AI = Prediction(path="a.jpg", verdict="ai", p_ai=0.991, reason="threshold")
LEANING = Prediction(path="b.jpg", verdict="unsure", lean="no_sign", p_ai=0.48, reason="band")
TOO_SMALL = Prediction(path="c.jpg", verdict="unsure", p_ai=0.97, reason="too_small")
NO_SIGN = Prediction(path="d.jpg", verdict="no_sign", p_ai=0.11, reason="threshold")
UNREADABLE = Prediction(path="e.jpg", status="error", error="the file is empty")
DIRECTIONS = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
RECORDS = (AI, LEANING, TOO_SMALL, NO_SIGN, UNREADABLE)


def test_lines_are_aligned_and_say_what_a_person_needs() -> None:
    assert [as_text(record) for record in RECORDS] == [
        "ai       AI 99 %    a.jpg",
        "unsure   AI 48 %    b.jpg  (leans no sign)",
        "unsure   -          c.jpg  (too small to judge)",
        "no sign  AI 11 %    d.jpg",
        "error    -          e.jpg: the file is empty",
    ]


def test_a_contradiction_stands_before_all_else() -> None:
    record = Prediction(path="a.jpg", verdict="ai", p_ai=0.999, declared="camera", declared_by="EXIF of Canon\x1b[2J",
                        signature="valid")  # fmt: skip
    assert as_text(record).splitlines() == [
        "ai       AI > 99 %  a.jpg  (contradicts what the file declares)",
        "                    the file declares camera (signature valid): EXIF of Canon\\x1b[2J",
    ]
    agreeing = Prediction(path="a.jpg", verdict="ai", p_ai=0.999, declared="ai", declared_by="XMP")
    assert "contradicts" not in as_text(agreeing)
    assert "the file declares ai (unverified): XMP" in as_text(agreeing)


@pytest.mark.parametrize(
    ("p_ai", "words"),
    [
        (0.0, "AI < 1 %"), (0.004, "AI < 1 %"), (0.006, "AI 1 %"), (0.114, "AI 11 %"), (0.5, "AI 50 %"),
        (0.994, "AI 99 %"), (0.996, "AI > 99 %"), (1.0, "AI > 99 %"),
    ],
)  # fmt: skip
def test_a_chance_is_never_none_nor_certainty(p_ai: float, words: str) -> None:
    assert chance(p_ai) == words


@given(st.floats(0, 1))
def test_a_chance_is_right_to_half_a_per_cent(p_ai: float) -> None:
    number = float(chance(p_ai).split()[-2])
    assert abs(100 * p_ai - number) <= (1 if "<" in chance(p_ai) or ">" in chance(p_ai) else 0.5 + 1e-9)
    assert 1 <= number <= 99


def test_shares_and_test_figures_in_words() -> None:
    assert [share(value) for value in (0, 0.011, 0.0994, 0.0996, 0.28, 1)] == [
        "0.0 %", "1.1 %", "9.9 %", "10 %", "28 %", "100 %"
    ]  # fmt: skip
    point = {"fpr": 0.011, "recall": 0.322, "ai_called_no_sign": 0.28, "n_real": 1000, "n_ai": 900}
    assert measured(point) == (
        '1.1 % of 1000 photographs were called ai; of 900 AI pictures 32 % were called ai and 28 % got "no sign"'
    )
    assert measured(point | {"ai_called_no_sign": None}).endswith("; of 900 AI pictures 32 % were called ai")
    assert measured({"fpr": None, "n_real": 5}) == measured(None) == ""


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("a", "bb", "c"), ("long", "", "end")]) == ["a     bb  c", "long      end"]


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_visible_text_does_nothing_to_a_terminal(text: str) -> None:
    shown = visible(text)
    shown.encode()  # valid Unicode
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(char) != "Cc" for char in shown)
    assert all(unicodedata.bidirectional(char) not in DIRECTIONS for char in shown)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_only_where_they_are_wanted(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    with Output(None) as output, Writer(output, "text") as writer:
        for record in RECORDS:
            writer.write(record)
    lines = stream.getvalue().splitlines()
    assert ("\033[31m" in lines[0]) == coloured
    assert ("\033[33m" in lines[1]) == coloured
    assert lines[3] == as_text(NO_SIGN)  # no good news: it has no colour


def test_no_colours_in_a_file(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as output, Writer(output, "text") as writer:
        writer.write(AI)
    assert (tmp_path / "out").read_text() == as_text(AI) + "\n"


def written(records: tuple[Prediction, ...], format: Format, folder: Path) -> str:
    with Output(folder / "out") as output, Writer(output, format) as writer:
        for record in records:
            writer.write(record)
    return (folder / "out").read_bytes().decode("utf-8")


@pytest.mark.parametrize("records", [(), (AI,), RECORDS], ids=len)
def test_every_format_holds_every_record(records: tuple[Prediction, ...], tmp_path: Path) -> None:
    told = {style: written(records, style, tmp_path) for style in FORMATS}
    expected = [record.to_dict() for record in records]
    assert json.loads(told["json"]) == expected
    assert [json.loads(line) for line in told["jsonl"].splitlines()] == expected
    assert [row["path"] for row in csv.DictReader(io.StringIO(told["csv"]))] == [record.path for record in records]
    assert len(told["text"].splitlines()) == len(records)


def test_a_name_that_is_a_formula_is_text_in_csv(tmp_path: Path) -> None:
    names = ("=1+1.jpg", "+a", "-b", "@c", "\td", "\re", "-", "f=1")
    records = tuple(Prediction(path=name, logit=-1.5, error="=x") for name in names)
    rows = list(csv.reader(io.StringIO(written(records, "csv", tmp_path), newline="")))
    column = rows[0].index("path")
    assert [row[column] for row in rows[1:]] == ["'=1+1.jpg", "'+a", "'-b", "'@c", "'\td", "'\re", "-", "f=1"]
    assert {row[rows[0].index("logit")] for row in rows[1:]} == {"-1.5"}  # a number stays one
    assert {row[rows[0].index("error")] for row in rows[1:]} == {"'=x"}
    assert cell(None) is None


@pytest.mark.parametrize("name", ["\udcff.jpg", "half \ud800.jpg", "a\nb\x00.jpg", "\u202e", '"\\'])
def test_json_is_valid_for_every_name(name: str, tmp_path: Path) -> None:
    record = Prediction(path=name, declared="ai", declared_by="\udc80")
    read = json.loads(written((record,), "json", tmp_path).encode())[0]
    read["path"].encode()
    read["declared_by"].encode()
    if name.isascii():
        assert read["path"] == name


def test_json_has_no_nan() -> None:
    report = {"auc": float("nan"), "rows": [{"x": float("inf")}, (1.5, "nan")], "n": 3, "ok": True}
    assert json.loads(as_json(report), parse_constant=pytest.fail) == {
        "auc": None, "rows": [{"x": None}, [1.5, "nan"]], "n": 3, "ok": True
    }  # fmt: skip
