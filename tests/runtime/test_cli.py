"""The command line, as people and programs call it."""

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fauxto.cli import main
from tests.helpers import encode, make_photo

FAUXTO = [sys.executable, "-m", "fauxto"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "pictures" / "inner"
    inner.mkdir(parents=True)
    for i, name in enumerate(("b.jpg", "a.png", "inner/c.webp")):
        make_photo(240, 230, seed=i).save(inner.parent / name)
    (inner.parent / "notes.txt").write_text("no picture")
    return inner.parent


def test_folder_as_jsonl_in_a_fixed_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "-r", str(folder), "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [Path(record["path"]).name for record in records] == ["a.png", "b.jpg", "c.webp"]
    assert all(record["status"] == "ok" and record["schema"] == 1 for record in records)
    assert err.startswith("3 pictures: ")


def test_formats_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["-r", str(folder), "--format", "json"])
    as_json = json.loads(capsys.readouterr().out)
    main(["-r", str(folder), "--format", "csv"])
    as_csv = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    main(["-r", str(folder)])
    as_text = capsys.readouterr().out.splitlines()
    for record, row, line in zip(as_json, as_csv, as_text, strict=True):
        assert list(record) == list(row)
        assert float(row["p_ai"]) == record["p_ai"]
        assert row["error"] == ""
        assert line.startswith(record["verdict"])
        assert f"{record['p_ai']:.2f}" in line
        assert record["path"] in line


def test_a_bare_path_means_predict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "b.jpg")]) == 0
    assert "b.jpg" in capsys.readouterr().out


def test_bad_inputs_are_named_and_stop_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.jpg").touch()
    assert main([str(folder / "empty.jpg"), str(folder / "gone.jpg"), str(folder), str(folder / "b.jpg")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("empty.jpg: the file is empty")
    assert lines[1].endswith("gone.jpg: no such file; check the path")
    assert lines[2].endswith("pictures: is a folder, not a picture; fauxto -r searches folders")
    assert len(lines) == 4
    assert not lines[3].startswith("error")


def test_a_folder_without_pictures_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_photo().save(tmp_path.parent / "beside.png")
    for paths in ([str(tmp_path)], [str(tmp_path), str(tmp_path.parent / "beside.png")]):
        assert main(["-r", *paths]) == 1
        assert "no pictures in it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_listed_is_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(place: str, on_error: Callable[[OSError], object]) -> Iterator[str]:
        on_error(PermissionError(errno.EACCES, "Permission denied", f"{place}/locked"))
        yield str(next(folder.rglob("*.png")))

    monkeypatch.setattr("fauxto.image.images_in", listing)
    assert main(["-r", str(folder)]) == 1
    assert f"{folder}/locked: cannot be listed (Permission denied)" in capsys.readouterr().err


def test_fail_on_ai(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["-r", str(folder), "--fail-on", "ai", "--operating-point", "balanced", "--format", "jsonl"])
    verdicts = [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()]
    assert status == (3 if "ai" in verdicts else 0)
    assert "unsure" not in verdicts


def test_output_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.jsonl"
    assert main(["-r", str(folder), "--format", "jsonl", "-o", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert len(target.read_text().splitlines()) == 3
    assert main([str(folder / "b.jpg"), "-o", str(tmp_path / "no" / "out.txt")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "b.jpg"), "-o", "/dev/full"]) == 2
    assert "cannot be written (No space left" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["predict"],
        ["predict", "x.jpg", "--format", "xml"],
        ["predict", "x.jpg", "--batch-size", "0"],
        ["predict", "x.jpg", "--model", "nowhere"],
        ["predict", "x.jpg", "--operating-point", "fpr50"],
        ["web", "--port", "65536"],
    ],
)
def test_usage_errors_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(words)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err


def test_standard_input_is_one_picture() -> None:
    data = encode(make_photo(), "PNG")
    answer = subprocess.run([*FAUXTO, "-", "--format", "jsonl"], input=data, capture_output=True, check=True)
    assert json.loads(answer.stdout)["path"] == "-"


def test_info_prints_card_hashes_and_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["checked"]["sha256"] == info["card"]["files"][info["checked"]["file"]]
    assert set(info["versions"]) == {"fauxto", "python", "numpy", "pillow", "onnxruntime"}


@pytest.mark.skipif(sys.platform == "win32", reason="file names are text there")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Path(os.fsdecode(name)).write_bytes(encode(make_photo(), "PNG"))
    for style in ("text", "json", "jsonl", "csv"):
        subprocess.run([*FAUXTO, "--format", style, name], capture_output=True, check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE, no SIGINT to a child there")
def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    many = " ".join([str(folder / "b.jpg")] * 40)
    line = f"set -o pipefail; {' '.join(FAUXTO)} {many} | head -n 1"
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert "Error" not in answer.stderr
    assert len(answer.stdout.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_ctrl_c_leaves_whole_records(folder: Path, tmp_path: Path, format: str) -> None:
    target = tmp_path / "out"
    words = [*FAUXTO, *[str(folder / "b.jpg")] * 2000, "--format", format, "-o", str(target)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while not target.exists() or target.stat().st_size < 3000:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped after" in err
    assert "Traceback" not in err
    text = target.read_text()
    records = json.loads(text) if format == "json" else [json.loads(line) for line in text.splitlines()]
    assert f"after {len(records)} pictures" in err
