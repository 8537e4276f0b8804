"""Many pictures that cost little."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import encode, make_photo
from tests.runtime.scan.helpers import Many


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
