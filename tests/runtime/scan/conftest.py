"""A model that costs nothing, and many pictures that cost little."""

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
from conftest import encode, make_photo

from benchmarks.tiny_model import write

pq = pytest.importorskip("pyarrow.parquet")

Many = Callable[[int], Path]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model whose answers are known and quick."""
    return write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def many(tmp_path: Path) -> Many:
    """Makes a folder of so many pictures, one in ten of which cannot be read."""

    def make(count: int) -> Path:
        folder = tmp_path / "pictures"
        for i in range(count):
            place = folder / f"{i % 7}"
            place.mkdir(parents=True, exist_ok=True)
            first = folder / "0" / "0000.jpg"
            if i == 0:
                first.write_bytes(encode(make_photo(64, 48), "JPEG", quality=90))
            elif i % 10 == 3:
                (place / f"{i:04}.jpg").write_bytes(first.read_bytes()[: 300 + i])
            else:
                (place / f"{i:04}.jpg").hardlink_to(first)
        return folder

    return make


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


def stop_after(process: subprocess.Popen[str], out: Path, parts: int, how: int = signal.SIGKILL) -> str:
    """Send `how` once there are so many parts. Returns what the process said."""
    while len(list(out.glob("part-*.parquet"))) < parts and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(how)
    return process.communicate()[1]
