"""Pictures in a folder, and a model whose verdicts are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fauxto.inference.providers import CPU
from fauxto.model.card import CARD_FILE
from fauxto.model.model import Model
from tests.helpers import make_photo

THRESHOLDS = {"ai": (0.0, 0.0), "unsure": (2.0, 0.0), "no_sign": (2.0, 2.0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png, b.jpg and inner/c.webp, beside a file that is no picture."""
    inner = tmp_path / "pictures" / "inner"
    inner.mkdir(parents=True)
    for i, name in enumerate(("b.jpg", "a.png", "inner/c.webp")):
        make_photo(240, 230, seed=i).save(inner.parent / name)
    (inner.parent / "notes.txt").write_text("no picture")
    return inner.parent


@pytest.fixture(scope="session")
def decided(released: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released model with three operating points more, "ai", "unsure" and "no_sign", which always say just that."""
    place = tmp_path_factory.mktemp("decided")
    variant = released.variant(CPU)
    shutil.copy(released.folder / variant.file, place)
    card = json.loads((released.folder / CARD_FILE).read_text("utf-8"))
    common = card["operating_points"][card["default_operating_point"]]
    for verdict, (threshold, no_sign_below) in THRESHOLDS.items():
        card["operating_points"][verdict] = common | {"threshold": threshold, "no_sign_below": no_sign_below}
    for entry in card["variants"].values():
        entry.pop("operating_points", None)
    (place / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return place
