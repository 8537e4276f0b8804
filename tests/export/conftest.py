"""A run of the released network, and its export: made once, for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from export import int8, variants
from export.__main__ import main as export
from export.quantiser import METHODS
from fauxto.model.model import Model
from tests.export.helpers import write_images, write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUN, as `python -m train` leaves it."""
    folder = tmp_path_factory.mktemp("released")
    write_images(folder / "images")
    write_run(folder / "run", folder / "images")
    return folder / "run"


@pytest.fixture(scope="session")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released model's files that git does not keep, written anew."""
    pytest.importorskip("coremltools")
    folder = tmp_path_factory.mktemp("rebuilt")
    assert variants.main(["--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def model(run: Path, tmp_path_factory: pytest.TempPathFactory, released: Model) -> Model:
    """The run, exported to ONNX and Core ML, with the figures of the release; int8 by one method, for speed."""
    out = tmp_path_factory.mktemp("models") / "small"
    words = ["--formats", "onnx,coreml", "--precisions", "fp16", "--version", "9"]
    words += ["--test", str(released.folder / "report" / "test.json")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "METHODS", {"minmax": METHODS["minmax"]})
        assert export([str(run), "--out", str(out), *words]) == 0
    return Model.open(out)
