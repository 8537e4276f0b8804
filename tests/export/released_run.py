"""A finished run whose network is the released one, so that exports are tested on weights that mean something."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from export.package import REPORT
from export.unfold import unfolded
from fauxto import card as cards
from fauxto.model.card import MODEL_FILE
from tests.helpers import make_photo
from train.config import Config

EXAMPLES = Path(__file__).parents[2] / "examples"


def write_pictures(folder: Path) -> None:
    """The examples and some made ones, in a folder for each class."""
    for label in ("ai", "real"):
        (folder / label).mkdir()
    for path in (path for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png")):
        (folder / ("ai" if path.name.startswith("ai") else "real") / path.name).write_bytes(path.read_bytes())
    for i in range(6):
        make_photo(400, 300, seed=i).save(folder / "real" / f"made-{i}.png")


def write_run(folder: Path, pictures: Path) -> None:
    """What `python -m train` leaves in RUN, as far as an export reads it."""
    card = json.loads((cards.find_model(None) / cards.CARD_FILE).read_text())
    copied = ("architecture", "labels", "calibration", "operating_points", "val", "trivial_baseline", "data")
    torch.save(
        {name: card[name] for name in copied}
        | {
            "config": asdict(Config(data=str(pictures))),
            "model": unfolded(cards.find_model(None) / MODEL_FILE).state_dict(),
            "torch": card["versions"]["torch"],
        },
        folder / "model.pt",
    )
    for name in REPORT:
        (folder / name).write_bytes(b"as training left it")
