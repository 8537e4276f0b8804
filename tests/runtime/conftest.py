"""What the tests of several of the runtime's rooms use."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tiny_model import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model whose answers are known and quick."""
    return write(tmp_path_factory.mktemp("tiny"))
