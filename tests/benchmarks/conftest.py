"""What the tests of detectors share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.brightness import write_classifier
from tests.helpers import make_photo


@pytest.fixture(scope="session")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright AI pictures and dark photographs, one in five the other way round; and one that nobody can read."""
    place = tmp_path_factory.mktemp("labelled")
    for label in ("ai", "real"):
        (place / label).mkdir()
        for i in range(5):
            bright = (label == "ai") != (i == 0)
            image = make_photo(60, 48, seed=i).point(lambda level, up=bright: level // 2 + (127 if up else 0))
            image.save(place / label / f"{i}.png")
    (place / "real" / "broken.png").write_bytes(b"broken")
    return place
