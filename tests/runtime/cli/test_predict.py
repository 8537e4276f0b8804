"""fauxto predict: the records of the pictures that are named, in every format, and its exit status."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fauxto.cli import main, streams
from fauxto.model.model import Model
from fauxto.reporting.text import chance, share
from tests.helpers import encode, make_photo

FAUXTO = [sys.executable, "-m", "fauxto"]


def test_folder_as_jsonl_in_a_fixed_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "-r", str(folder), "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [Path(record["path"]).name for record in records] == ["a.png", "b.jpg", "c.webp"]
    assert all(record["status"] == "ok" and record["schema"] == 2 for record in records)
    assert err.startswith("3 pictures: ")


def test_formats_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["-r", str(folder), "--format", "json"])
    as_json = json.loads(capsys.readouterr().out)
    main(["-r", str(folder), "--format", "csv"])
    as_csv = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    main(["-r", str(folder)])
    as_text = capsys.readouterr().out.splitlines()
    assert len(as_json) == 3
    for record, row, line in zip(as_json, as_csv, as_text, strict=True):
        assert list(record) == list(row)
        assert float(row["p_ai"]) == record["p_ai"]
        assert row["error"] == ""
        assert line.startswith(record["verdict"].replace("_", " "))
        assert f" {chance(record['p_ai'])} " in line
        assert record["path"] in line


def test_a_bare_path_means_predict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "b.jpg")]) == 0
    out, err = capsys.readouterr()
    assert "b.jpg" in out
    assert err == ""  # one picture has no summary


def test_bad_inputs_are_named_and_stop_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.jpg").touch()
    assert main([str(folder / "empty.jpg"), str(folder / "gone.jpg"), str(folder), str(folder / "b.jpg")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("empty.jpg: the file is empty")
    assert lines[1].endswith("gone.jpg: no such file; check the path")
    assert lines[2].endswith("pictures: is a folder, not a picture; fauxto -r searches folders")
    assert len(lines) == 4
    assert [line.split()[0] for line in lines[:3]] == ["error"] * 3
    assert not lines[3].startswith("error")


def test_a_folder_without_pictures_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = tmp_path / "beside.png"
    (tmp_path / "empty").mkdir()
    make_photo().save(beside)
    for paths in ([str(tmp_path / "empty")], [str(tmp_path / "empty"), str(beside)]):
        assert main(["-r", *paths]) == 1
        assert "no pictures in it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_listed_is_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(place: str, on_error: Callable[[OSError], object]) -> Iterator[str]:
        on_error(PermissionError(errno.EACCES, "Permission denied", f"{place}/locked"))
        yield str(next(folder.rglob("*.png")))

    monkeypatch.setattr("fauxto.cli.predict.images_in", listing)
    assert main(["-r", str(folder)]) == 1
    assert f"{folder}/locked: cannot be listed (Permission denied)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("always", "watched", "status"),
    [
        ("ai", ["ai"], 3),
        ("ai", ["unsure"], 0),
        ("unsure", ["unsure"], 3),
        ("unsure", ["ai"], 0),
        ("unsure", ["ai", "unsure"], 3),
        ("no_sign", ["ai", "unsure"], 0),
    ],
)
def test_fail_on(folder: Path, decided: Path, always: str, watched: list[str], status: int) -> None:
    words = [word for verdict in watched for word in ("--fail-on", verdict)]
    point = ["--model", str(decided), "--operating-point", always]
    assert main([str(folder / "b.jpg"), *point, *words]) == status
    if status == 0:  # a picture that cannot be read is told, as ever
        assert main([str(folder / "b.jpg"), "gone.jpg", *point, *words]) == 1


def test_the_summary_counts_and_quotes_the_test_figures(
    folder: Path, decided: Path, released: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = released.card.test_point(released.card.default_operating_point)
    assert measured is not None
    main(["-r", str(folder), str(folder / "gone.jpg")])
    counts, figures = capsys.readouterr().err.splitlines()
    assert counts.startswith("4 pictures: ")
    assert counts.endswith(", 1 error")
    assert f"{share(measured['fpr'])} of {measured['n_real']} photographs were called ai" in figures
    assert f'{share(measured["ai_called_no_sign"])} got "no sign"' in figures
    main(["-r", str(folder), "--model", str(decided), "--operating-point", "ai"])  # a point that test never saw
    assert capsys.readouterr().err == "3 pictures: 3 ai, 0 unsure, 0 no sign, 0 error\n"


def test_the_prior_moves_the_probability_and_not_the_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answered(*words: str) -> dict[str, Any]:
        assert main([str(folder / "b.jpg"), "--format", "jsonl", *words]) == 0
        record: dict[str, Any] = json.loads(capsys.readouterr().out)
        return record

    even, rare = answered(), answered("--prior", "0.01")
    assert (even["prior"], rare["prior"]) == (0.5, 0.01)
    odds = even["p_ai"] / (1 - even["p_ai"]) / 99
    assert rare["p_ai"] == pytest.approx(odds / (1 + odds))
    assert rare["verdict"] == even["verdict"]


def test_a_picture_too_small_to_judge_has_no_lean_and_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_photo(64, 64).save(tmp_path / "small.png")
    assert main([str(tmp_path / "small.png")]) == 0
    line = capsys.readouterr().out
    assert line.split()[:2] == ["unsure", "-"]
    assert line.endswith("small.png  (too small to judge)\n")


def test_standard_input_is_one_picture() -> None:
    data = encode(make_photo(), "PNG")
    answer = subprocess.run([*FAUXTO, "-", "--format", "jsonl"], input=data, capture_output=True, check=True)
    record = json.loads(answer.stdout)
    assert (record["path"], record["status"], record["width"]) == ("-", "ok", 320)


def test_too_much_on_standard_input_is_an_error_of_that_picture(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_INPUT", 3 << 20)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes((3 << 20) + 1))))
    assert main(["-", str(folder / "b.jpg")]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("-: more than 3 MiB on standard input; save it to a file and name that")
    assert "b.jpg" in second


@pytest.mark.skipif(sys.platform == "win32", reason="file names are text there")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Path(os.fsdecode(name)).write_bytes(encode(make_photo(), "PNG"))
    for style in ("text", "json", "jsonl", "csv"):
        answer = subprocess.run([*FAUXTO, "--format", style, name], capture_output=True, check=True)
        assert b"xff" in answer.stdout
        if style == "json":
            assert json.loads(answer.stdout)[0]["path"].endswith("\\xff\\xfe.png")


@pytest.mark.skipif(sys.platform == "win32", reason="no such file names there")
def test_a_name_that_would_turn_the_terminal_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(tmp_path / "\x1b[2J\n\u202egpj.png")
    make_photo().save(name)
    assert main([name, name + "gone"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert out.count("\\x1b[2J\\n\\u202egpj.png") == 2
    assert not set(out + err) & set("\x1b\u202e")
    assert main([name, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["path"] == name


def test_the_declaration_is_said_and_a_contradiction_first(
    tmp_path: Path, decided: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "EOS R5"
    for tag, value in ((0x829A, 0.01), (0x829D, 2.8), (0x8827, 100), (0x920A, 50.0)):
        exif.get_ifd(0x8769)[tag] = value
    make_photo().save(tmp_path / "camera.jpg", exif=exif)
    words = ["--provenance", str(tmp_path / "camera.jpg"), "--model", str(decided), "--operating-point"]
    main([*words, "ai"])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("camera.jpg  (contradicts what the file declares)")
    assert second.strip().startswith("the file declares camera (unverified): EXIF of Canon")
    main([*words, "no_sign"])
    assert "contradicts" not in capsys.readouterr().out
