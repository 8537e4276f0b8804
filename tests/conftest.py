"""Pictures that the tests make themselves, and the released model."""

import io
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.inference.providers import CPU
from fauxto.model.card import CARD_FILE, choose_variant, find_model, read

GOLDEN_TOLERANCE = 5e-3
"""Of a golden logit: those are the fp32 file's, and the default file stores int8 weights, up to 0.0048 away."""

SMALL_RUN = shlex.split(
    "--weights none --device cpu --precision fp32 --epochs 2 --samples 32 --batch 8 --crop 64 --view-size 64 "
    "--views 1 --val-pictures 8 --report-pictures 8 --workers 0 --lr 0.003"
)
"""Options of `python -m train` for a run of seconds."""


def make_photo(width: int = 320, height: int = 240, seed: int = 0) -> Image.Image:
    """A smooth picture with grain: enough structure that a wrong pixel shows."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    """`image` as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, or follows the user's choice of a provider."""
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("FAUXTO_PROVIDER", raising=False)


@pytest.fixture
def photo() -> Image.Image:
    return make_photo()


@pytest.fixture
def jpeg_path(tmp_path: Path, photo: Image.Image) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(photo, "JPEG", quality=90))
    return path


@pytest.fixture
def released_copy(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with the released card and the one file that the CPU runs; and that file."""
    released = find_model(None)
    file = choose_variant(released, read(released), CPU).file
    (tmp_path / "copy").mkdir()
    for name in (CARD_FILE, file):
        shutil.copy(released / name, tmp_path / "copy")
    return tmp_path / "copy", tmp_path / "copy" / file


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()
