"""How strongly a JPEG was compressed, and pictures as data: addresses."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxto.image.jpeg import data_uri, jpeg_quality
from tests.helpers import encode, make_photo


@pytest.mark.parametrize("quality", [20, 30, 50, 75, 90, 97])
def test_the_quality_of_a_jpeg_is_read_from_its_table(tmp_path: Path, quality: int) -> None:
    data = encode(make_photo(), "JPEG", quality=quality)
    (tmp_path / "a.jpg").write_bytes(data)
    assert jpeg_quality(data) == jpeg_quality(tmp_path / "a.jpg")
    assert jpeg_quality(data) == pytest.approx(quality, abs=2)


def test_other_files_have_no_quality(tmp_path: Path) -> None:
    assert jpeg_quality(encode(make_photo(), "PNG")) is None
    assert jpeg_quality(b"broken") is None
    assert jpeg_quality(tmp_path / "nothing.jpg") is None


def test_a_data_address_holds_the_picture() -> None:
    head, _, body = data_uri(make_photo(), 90).partition(",")
    assert head == "data:image/jpeg;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(body)))
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(make_photo())).mean() < 12
