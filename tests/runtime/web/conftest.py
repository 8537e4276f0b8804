"""The server that most tests of the room ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fauxto.detector import Detector
from tests.runtime.web.helpers import Served, running, write_page


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The released model, behind all that `fauxto web` puts before it."""
    with running(Detector(provenance=True), write_page(tmp_path_factory.mktemp("page"))) as server:
        yield server
