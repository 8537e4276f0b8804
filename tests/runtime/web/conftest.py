"""The servers that most tests of the room ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fauxto.detector import Detector
from tests.runtime.web.helpers import Served, running, write_page


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The released model, behind all that `fauxto web` puts before it."""
    with running(Detector(provenance=True), write_page(tmp_path_factory.mktemp("page"))) as server:
        yield server


@pytest.fixture(scope="package")
def seconded(stand_in: tuple[Path, Path]) -> Iterator[Served]:
    """The released model with a second opinion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_DATA", str(stand_in[0]))
        detector = Detector(provenance=True, second_opinion=stand_in[1])
    with running(detector) as server:
        yield server
