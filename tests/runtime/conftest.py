"""What the tests of several of the runtime's rooms use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from benchmarks.tiny_model import write
from fauxto.model.model import Model
from fauxto.second_opinion import install, model
from tests.runtime.second_opinion import standin


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model whose answers are known and quick."""
    return write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data folder with the weights of the stand-in, and the folder of its second opinion. Neither may be changed."""
    place = tmp_path_factory.mktemp("stand-in")
    return place / "data", standin.write_second(place / "second", standin.install(place / "data"))


@pytest.fixture
def second(stand_in: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a second opinion that is installed, and taken for the released one in this process."""
    shutil.copytree(stand_in[0], os.environ["FAUXTO_DATA"], dirs_exist_ok=True)
    monkeypatch.setattr(model, "released", lambda: stand_in[1])
    return stand_in[1]


@pytest.fixture
def second_of_tiny(second: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second opinion for the tiny model, likewise."""
    weights = install.folder() / install.WEIGHTS
    folder = standin.write_second(tmp_path / "second-of-tiny", weights, Model.open(tiny))
    monkeypatch.setattr(model, "released", lambda: folder)
    return folder
