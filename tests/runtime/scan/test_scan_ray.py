"""The scan on a real cluster of Ray's, which is started here."""

import os
import signal
from pathlib import Path

import pytest

from fauxto.cli import main
from tests.runtime.scan.helpers import Many, start, table, wait_for_parts, without_times

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker to kill in /proc"),
]


def workers() -> dict[int, float]:
    """Process -> when it started, of Ray's workers that scan."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"PartScanner" in (path / "cmdline").read_bytes():
                found[int(path.name)] = path.stat().st_mtime
        except OSError:
            continue
    return found


def test_a_killed_worker_loses_no_row_and_both_engines_agree(many: Many, tiny: Path, tmp_path: Path) -> None:
    pictures = many(1200)
    words = (pictures, "--model", tiny, "--part-rows", "20")
    scan = start(*words, "--out", tmp_path / "ray", "--engine", "ray", "--workers", "3")
    parts = tmp_path / "ray"
    wait_for_parts(scan, parts, 6)
    busy = workers()
    assert busy
    os.kill(min(busy), signal.SIGKILL)
    at = len(list(parts.glob("part-*")))
    said = scan.communicate()[1]
    assert scan.returncode == 1, said
    assert at < 60
    rows = table(parts)
    assert sorted(row["path"] for row in rows) == sorted(str(path) for path in pictures.rglob("*.jpg"))
    main(["scan", *map(str, words), "--out", str(tmp_path / "local")])
    assert without_times(rows) == without_times(table(tmp_path / "local"))


def test_one_engine_goes_on_where_the_other_stopped(many: Many, tiny: Path, tmp_path: Path) -> None:
    words = (many(300), "--model", tiny, "--part-rows", "50", "--out", tmp_path / "out")
    local = start(*words)
    wait_for_parts(local, tmp_path / "out", 1)
    local.kill()
    local.wait()
    done = len(table(tmp_path / "out"))
    scan = start(*words, "--engine", "ray", "--workers", "1")
    said = scan.communicate()[1]
    assert f"({done} were done before)" in said
    assert len(table(tmp_path / "out")) == 300


def test_a_store_that_does_not_answer_is_named(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "list.txt").write_text("http://127.0.0.1:9/b.jpg\n")
    scan = start(tmp_path / "list.txt", "--model", tiny, "--out", tmp_path / "out", "--engine", "ray")
    said = scan.communicate()[1]
    assert scan.returncode == 2
    assert "http://127.0.0.1:9/b.jpg: no answer after 4 tries" in said.splitlines()[-1]
