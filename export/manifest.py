"""models/manifest.json: every file of every model in the folder, with its size and sha256.

    python -m export.manifest MODELS    # write it anew, after a text or a report was added

Files that git does not keep are listed too, marked `"in_git": false`: `python -m export.variants` writes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from export.errors import ExportError
from fauxto.files import files_in, replacing
from fauxto.model.card import CARD_FILE
from fauxto.model.model import sha256

NAME = "manifest.json"


class Entry(TypedDict):
    """One file in the manifest. `in_git` is there where it is false."""

    bytes: int
    sha256: str
    in_git: NotRequired[bool]


def files(path: Path) -> list[Path]:
    """`path` itself, or every file below it: a Core ML package is a folder. The Finder's own are left out."""
    found = [path] if path.is_file() else map(Path, files_in(path))
    return sorted(p for p in found if p.name != ".DS_Store")


def not_kept(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(precision, file or package) of all that a card marks as not kept in git."""
    for name, entry in (*card.get("variants", {}).items(), *card.get("coreml", {}).items()):
        if entry.get("in_git") is False:
            yield name, entry["file"]


def digests(card: Mapping[str, Any], file: str) -> dict[str, str]:
    """Name -> sha256 of a file, or of each file of a package, by the card."""
    return {name: own for name, own in card["files"].items() if name == file or name.startswith(f"{file}/")}


def write(models: Path) -> None:
    """Write MODELS/manifest.json anew, from what lies in the folders that have a card.

    Raises:
        ExportError: nothing says how large a file is that is not kept in git.
    """
    path = models / NAME
    before = json.loads(path.read_text("utf-8"))["models"] if path.exists() else {}
    folders = sorted(card.parent for card in models.glob(f"*/{CARD_FILE}"))
    found = {folder.name: entries(folder, before.get(folder.name, {})) for folder in folders}
    with replacing(path) as file:
        json.dump({"models": found}, file, indent=2)
        file.write("\n")


def entries(folder: Path, before: Mapping[str, Entry]) -> dict[str, Entry]:
    """The entries of one model; those of absent files that are not kept in git from the manifest `before`."""
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    derived = {name: own for _, file in not_kept(card) for name, own in digests(card, file).items()}
    found: dict[str, Entry] = {}
    for path in files(folder):
        name = path.relative_to(folder).as_posix()
        if name not in derived:
            found[name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    for name, digest in derived.items():
        path = folder / name
        if path.exists() and sha256(path) == digest:
            found[name] = {"bytes": path.stat().st_size, "sha256": digest, "in_git": False}
        elif (known := before.get(name)) and known["sha256"] == digest:
            found[name] = {**known, "in_git": False}
        else:
            raise ExportError(f"{path}: not there as the card has it; python -m export.variants {folder} writes it")
    return dict(sorted(found.items()))


def main(argv: list[str] | None = None) -> int:
    """Write a manifest. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m export.manifest", description="Write MODELS/manifest.json anew.")
    parser.add_argument("models", type=Path, metavar="MODELS", help="folder with a folder for each model")
    args = parser.parse_args(argv)
    try:
        write(args.models)
    except (ExportError, OSError, ValueError, KeyError) as error:
        print(f"export.manifest: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
