"""models/manifest.json: every file of every model in the folder, with its size and sha256.

python -m export.manifest MODELS    # write it anew, after a text or a report was added
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from fauxto.model.card import CARD_FILE
from fauxto.model.model import sha256

NAME = "manifest.json"


def files(path: Path) -> list[Path]:
    """`path` itself, or every file below it: a Core ML package is a folder. The Finder's own are left out."""
    return sorted(p for p in (path, *path.rglob("*")) if p.is_file() and p.name != ".DS_Store")


def write(models: Path) -> None:
    """Write MODELS/manifest.json anew, from what lies in the folders that have a card."""
    found = {}
    for card in sorted(models.glob(f"*/{CARD_FILE}")):
        found[card.parent.name] = {
            path.relative_to(card.parent).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in files(card.parent)
        }
    partial = models / f".{NAME}"
    partial.write_text(json.dumps({"models": found}, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, models / NAME)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
