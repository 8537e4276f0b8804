"""models/manifest.json: every file of every model in the folder, with its size and sha256.

python -m export.manifest MODELS    # write it anew, after a text or a report was added
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from fauxto.card import CARD_FILE

NAME = "manifest.json"


def sha256(path: Path) -> str:
    """Of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(folder: Path, name: str) -> dict[str, str]:
    """{relative path: sha256} of FOLDER/name: one entry for a file, one for each file of a package."""
    path = folder / name
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return {file.relative_to(folder).as_posix(): sha256(file) for file in files}


def write(models: Path) -> None:
    """Write MODELS/manifest.json anew, from what lies in the folders that have a card."""
    found = {}
    for card in sorted(models.glob(f"*/{CARD_FILE}")):
        files = sorted(path for path in card.parent.rglob("*") if path.is_file() and path.name != ".DS_Store")
        found[card.parent.name] = {
            path.relative_to(card.parent).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in files
        }
    partial = models / f".{NAME}"
    partial.write_text(json.dumps({"models": found}, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, models / NAME)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
