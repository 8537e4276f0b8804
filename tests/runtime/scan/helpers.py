"""What the tests of scans share: reading what a scan wrote, and stopping one on its way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pq = pytest.importorskip("pyarrow.parquet")

Many = Callable[[int], Path]
"""Makes a folder of so many pictures, one in ten of which cannot be read."""


def table(out: Path) -> list[dict[str, Any]]:
    """All rows of a scan's folder, in the order of its list."""
    return [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what differs from run to run."""
    return [{name: value for name, value in row.items() if name != "elapsed_ms"} for row in rows]


def start(*words: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """`fauxto scan` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "fauxto", "scan", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | (env or {}),
    )  # fmt: skip


def wait_for_parts(process: subprocess.Popen[str], out: Path, parts: int, seconds: float = 120) -> None:
    """Wait until a scan has written so many parts, or has ended. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while len(list(out.glob("part-*.parquet"))) < parts and process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"no {parts} parts after {seconds} s: {process.communicate()[1]}")
        time.sleep(0.01)


def stop_after(process: subprocess.Popen[str], out: Path, parts: int, how: int = signal.SIGKILL) -> str:
    """Send `how` once there are so many parts. Returns what the process said."""
    wait_for_parts(process, out, parts)
    process.send_signal(how)
    return process.communicate()[1]
