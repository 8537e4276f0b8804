"""Where results go: files that are whole or as they were, pipes that end, streams that are closed."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fauxto.cli import main
from fauxto.cli.streams import Output
from fauxto.errors import OutputError
from tests.helpers import encode, make_photo

FAUXTO = [sys.executable, "-m", "fauxto"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirections")


def shell(line: str, *words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """`line` in bash, in which "$@" is fauxto with its words."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *FAUXTO, *map(str, words)], input=stdin, capture_output=True, check=False
    )


def fail_after_half(output: Output, error: Exception) -> None:
    """Write something, then fail."""
    with output:
        output.write("half")
        raise error


def test_an_output_file_is_written_and_nothing_is_left_beside_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.jsonl"
    assert main(["-r", str(folder), "--format", "jsonl", "-o", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert len(target.read_text().splitlines()) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "pictures"]


def test_an_output_that_cannot_be_written_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target in (tmp_path / "no" / "out.txt", tmp_path):
        assert main([str(folder / "b.jpg"), "-o", str(target)]) == 2
        assert f"{target}: cannot be written (" in capsys.readouterr().err


@posix
def test_a_private_file_stays_private_and_a_link_a_link(folder: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "private.csv", tmp_path / "link.csv"
    target.touch(0o600)
    link.symlink_to(target)
    assert main([str(folder / "b.jpg"), "--format", "csv", "-o", str(link)]) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert "b.jpg" in target.read_text()


def test_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written \(Is a directory\)"), Output(tmp_path):
        pytest.fail("the work began")


def test_a_picture_is_not_overwritten_by_what_is_said_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "b.jpg").read_bytes()
    monkeypatch.chdir(folder)
    for words in (["predict", "a.png", "b.jpg"], ["explain", "b.jpg"]):
        assert main([*words, "-o", str(folder / "b.jpg")]) == 2
        assert "b.jpg: is a picture to be read, and would be lost" in capsys.readouterr().err
    assert (folder / "b.jpg").read_bytes() == before


def test_an_error_within_the_block_is_not_one_of_the_output(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("of yesterday")
    with pytest.raises(FileNotFoundError):
        fail_after_half(Output(target), FileNotFoundError())
    assert target.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_written_before_an_error_is_kept_beside_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    target.write_text("of yesterday")
    with pytest.raises(ValueError, match="the model"):
        fail_after_half(Output(target, partial=True), ValueError("the model"))
    assert target.read_text() == "of yesterday"
    assert (tmp_path / "out.partial").read_text() == "half"
    assert f"{target} is as it was; the results until now are in {target}.partial" in capsys.readouterr().err
    with pytest.raises(ValueError, match="the model"), Output(tmp_path / "new", partial=True):
        raise ValueError("the model")
    assert capsys.readouterr().err == ""  # nothing was written, nothing is kept
    assert not list(tmp_path.glob("*new*"))


@posix
@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_ctrl_c_keeps_the_earlier_file_and_leaves_whole_records(folder: Path, tmp_path: Path, format: str) -> None:
    target, partial = tmp_path / "out", tmp_path / "out.partial"
    target.write_text("of yesterday")
    words = [*FAUXTO, *[str(folder / "b.jpg")] * 2000, "--format", format, "-o", str(target)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and sum(path.stat().st_size for path in tmp_path.glob(".*.tmp")) < 3000:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert target.read_text() == "of yesterday"
    assert not list(tmp_path.glob(".*"))
    text = partial.read_text()
    records = json.loads(text) if format == "json" else [json.loads(line) for line in text.splitlines()]
    assert len(records) >= 3
    assert err.splitlines() == [
        f"fauxto: {target} is as it was; the results until now are in {partial}",
        f"fauxto: stopped after {len(records)} pictures",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "b.jpg"), "-o", "/dev/full"]) == 2
    assert "/dev/full: cannot be written (No space left" in capsys.readouterr().err
    for words in (["predict", folder / "b.jpg"], ["info"], ["completion", "fish"]):
        done = shell('"$@" >/dev/full', *words)
        assert (done.returncode, done.stderr) == (
            2, b"fauxto: standard output: cannot be written (No space left on device)\n"
        )  # fmt: skip
    assert shell('"$@" 2>/dev/full', folder / "b.jpg", "gone.jpg").returncode == 1


@posix
def test_devices_and_pipes_are_written_to_as_they_are(folder: Path, tmp_path: Path) -> None:
    done = shell('"$@" -o /dev/stdout', folder / "b.jpg", "--format", "jsonl")
    assert json.loads(done.stdout)["status"] == "ok"
    assert main([str(folder / "b.jpg"), "-o", os.devnull]) == 0
    assert not Path(os.devnull).is_file()
    (tmp_path / "log").write_text("before\n")
    shell(f'"$@" -o /dev/stdout >>{tmp_path / "log"}', folder / "b.jpg", "--format", "jsonl")
    assert (tmp_path / "log").read_text().startswith("before\n{")
    os.mkfifo(tmp_path / "fifo")
    read = io.BytesIO()
    reader = threading.Thread(target=lambda: read.write((tmp_path / "fifo").read_bytes()))
    reader.start()
    assert main([str(folder / "b.jpg"), "-o", str(tmp_path / "fifo"), "--format", "json"]) == 0
    reader.join(10)
    assert len(json.loads(read.getvalue())) == 1
    heat = shell('"$@" -o /dev/stdout --as array', "explain", folder / "b.jpg")
    assert np.load(io.BytesIO(heat.stdout)).shape == (230, 240)


@posix
def test_a_reader_that_has_seen_enough_ends_it_as_sigpipe_does(folder: Path) -> None:
    done = shell('set -o pipefail; "$@" | head -n 1', *[folder / "b.jpg"] * 40)
    assert done.returncode == 141
    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 1


@posix
@pytest.mark.parametrize(("always", "status"), [("ai", 3), ("unsure", 0)])
def test_fail_on_reads_on_when_nobody_reads_along(folder: Path, decided: Path, always: str, status: int) -> None:
    pictures = [folder / "gone.jpg"] * 20 + [folder / "b.jpg"] * 5
    words = ["--model", decided, "--operating-point", always, "--fail-on", "ai", "--format", "json"]
    done = shell('set -o pipefail; "$@" | true', *pictures[20:], *words)
    assert done.returncode == status
    assert b"5 pictures: " in done.stderr
    assert shell('set -o pipefail; "$@" | true', *pictures, *words).returncode == (status or 1)


@posix
def test_closed_streams_are_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    picture = folder / "b.jpg"
    done = shell('"$@" <&-', "-")
    assert done.returncode == 1
    assert done.stdout.startswith(b"error ")
    assert b"-: standard input is closed" in done.stdout
    done = shell('"$@" <&-', "explain", "-", "-o", tmp_path / "heat.png")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(b"fauxto: -: standard input is closed")
    for verb in ([picture], ["info"], ["completion", "bash"]):
        done = shell('"$@" >&-', *verb)
        assert (done.returncode, done.stderr) == (
            2, b"fauxto: standard output is closed; nothing can be printed there\n"
        )  # fmt: skip


@posix
def test_what_needs_no_stream_does_without(folder: Path, tmp_path: Path) -> None:
    picture, out = folder / "b.jpg", tmp_path / "out.jsonl"
    done = shell('"$@" 2>&-', picture, "gone.jpg", "--format", "jsonl")
    assert done.returncode == 1
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["ok", "error"]
    assert shell('"$@" <&- >&- 2>&-', picture, "--format", "jsonl", "-o", out).returncode == 0
    assert json.loads(out.read_text())["status"] == "ok"  # and nothing that a library wrote to a stream's number
    assert shell('"$@" 2>&-', "--fail-on").returncode == 2
    assert shell('"$@" >&-', "--version").returncode == 0


@posix
def test_sigterm_stops_as_ctrl_c_does(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    words = [*FAUXTO, *[str(folder / "b.jpg")] * 2000, "-o", str(target)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob(".*.tmp")):
        time.sleep(0.02)
    process.terminate()
    assert "stopped after" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert not list(tmp_path.glob(".*"))


def test_a_picture_on_standard_input_can_be_explained(tmp_path: Path) -> None:
    target = tmp_path / "heat.png"
    subprocess.run(
        [*FAUXTO, "explain", "-", "-o", str(target)], input=encode(make_photo(), "PNG"), capture_output=True, check=True
    )
    assert target.read_bytes().startswith(b"\x89PNG")


def test_an_output_error_has_the_system_s_words(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no/out: cannot be written \(No such file or directory\); choose another"):
        Output(tmp_path / "no" / "out").__enter__()
