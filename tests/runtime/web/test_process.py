"""The command itself: how it ends, what it leaves, and what it says."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from fauxto.cli import main
from tests.helpers import ROOT, encode, make_photo
from tests.runtime.web.helpers import post, until

PHOTO = encode(make_photo(300, 260), "JPEG")
posix = pytest.mark.skipif(sys.platform == "win32", reason="no signals")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def command(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`fauxto web` in a process of its own, at home in `folder`. Gives it, and its URL."""
    port = free_port()
    (folder / "tmp").mkdir()
    environment = os.environ | {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "FAUXTO_CACHE": str(folder / "cache"),
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-m", "fauxto", "web", "--port", str(port), *words],
        env=environment, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            until(lambda: process.poll() is not None or socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def files(folder: Path) -> dict[Path, int]:
    """All files below, with their sizes, but for what was there before any picture came."""
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts}


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_ends_within_five_seconds_whatever_hangs_on(tmp_path: Path, tiny: Path, name: str) -> None:
    with command(tmp_path, "--model", str(tiny)) as (process, url), ExitStack() as stack:
        port = int(url.rpartition(":")[2])
        begun = [
            b"",
            b"GET / HT",
            post(PHOTO)[:-1],
            b"GET /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n",
            post(PHOTO) * 50,
        ]
        for words in begun * 4:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(words)
        assert httpx.post(f"{url}/api/predict", content=PHOTO, timeout=60).status_code == 200
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        start = time.monotonic()
        process.send_signal(getattr(signal, name))
        status = process.wait(30)
        assert time.monotonic() - start < 5
        assert status == (0 if name == "SIGTERM" else 130)
        assert "Traceback" not in process.stderr.read()
        _, alive = psutil.wait_procs(family, 5)
        assert not alive


@posix
def test_nothing_is_on_disk_and_no_process_is_left_when_it_is_killed(tmp_path: Path, tiny: Path) -> None:
    with command(tmp_path, "--model", str(tiny)) as (process, url), ExitStack() as stack:
        before = files(tmp_path)
        large = PHOTO + bytes(20 << 20)
        assert httpx.post(f"{url}/api/predict", files={"file": ("private.jpg", large)}, timeout=60).status_code == 200
        for _ in range(4):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))))
            client.sendall(post(large)[: 10 << 20])
        family = psutil.Process(process.pid).children(recursive=True)
        opened = [file.path for each in (psutil.Process(process.pid), *family) for file in _opened(each)]
        assert family
        assert not [path for path in opened if str(tmp_path / "tmp") in path or "deleted" in path]
        process.kill()
        process.wait()
        assert files(tmp_path) == before
        _, alive = psutil.wait_procs(family, 10)
        assert not alive


def _opened(process: psutil.Process) -> list:
    with suppress(psutil.Error):
        return process.open_files()
    return []


def test_its_options_reach_the_answers(tmp_path: Path, tiny: Path) -> None:
    words = ["--model", str(tiny), "--prior", "0.05", "--operating-point", "fpr5", "--provider", "cpu"]
    allowed = [
        "--allow-host",
        "Pictures.example",
        "--allow-host",
        "other.example",
        "--allow-origin",
        "https://a.example",
    ]
    with command(tmp_path, *words, *allowed) as (_, url):
        record = httpx.post(f"{url}/api/predict", content=PHOTO, timeout=60).json()
        assert (record["prior"], record["operating_point"], record["provider"]) == (0.05, "fpr5", "cpu")
        for host in ("pictures.example", "OTHER.example:80", "localhost"):
            assert httpx.get(f"{url}/api/info", headers={"Host": host}).status_code == 200
        assert httpx.get(f"{url}/api/info", headers={"Host": "evil.example"}).status_code == 403
        answer = httpx.post(f"{url}/api/predict", content=PHOTO, headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"


@posix
def test_it_says_where_it_is_and_warns_where_others_can_reach_it(tmp_path: Path, tiny: Path) -> None:
    with command(tmp_path, "--model", str(tiny), "--host", "0.0.0.0") as (process, url):
        assert httpx.get(f"{url}/api/info").status_code == 200  # by the address that it is called at
        process.terminate()
        told = process.stderr.read()
    assert re.search(r"^fauxto: http://0\.0\.0\.0:\d+/ ", told)
    assert "0.0.0.0 can be reached from other machines. There is no password and no encryption" in told
    (tmp_path / "own").mkdir()
    with command(tmp_path / "own", "--model", str(tiny)) as (process, _):
        process.terminate()
        assert "password" not in process.stderr.read()


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert main(["web", "--model", str(tiny), "--port", port]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in told


def test_wrong_names_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--allow-host", "http://x"], ["--allow-origin", "*"], ["--operating-point"], ["--prior", "1"]):
        with pytest.raises(SystemExit):
            main(["web", *words])
        assert words[0] in capsys.readouterr().err
