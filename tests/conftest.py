"""Fixtures that every folder of the tests has. What is no fixture lies in tests/helpers.py."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

from fauxto.detector import Detector
from fauxto.inference.providers import CPU
from fauxto.model.card import CARD_FILE
from fauxto.model.model import Model
from tests.helpers import encode, make_photo

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start to stop it by that.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache and operating points, or follows the user's choice of a provider."""
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.delenv("FAUXTO_PROVIDER", raising=False)


@pytest.fixture
def photo() -> Image.Image:
    return make_photo()


@pytest.fixture
def jpeg_path(tmp_path: Path, photo: Image.Image) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(photo, "JPEG", quality=90))
    return path


@pytest.fixture(scope="session")
def released() -> Model:
    """The released model's folder and card."""
    return Model.open()


@pytest.fixture
def released_copy(tmp_path: Path, released: Model) -> tuple[Path, Path]:
    """A folder with the released card and the one file that the CPU runs; and that file."""
    file = released.variant(CPU).file
    (tmp_path / "copy").mkdir()
    for name in (CARD_FILE, file):
        shutil.copy(released.folder / name, tmp_path / "copy")
    return tmp_path / "copy", tmp_path / "copy" / file


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()
