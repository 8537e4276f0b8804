"""A labelled folder: FOLDER/ai and FOLDER/real, and what an index.csv knows of the pictures in it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fauxto.errors import FauxtoError
from fauxto.files import SUFFIXES

LABELS = ("ai", "real")
INDEX_COLUMNS = ("source", "generator", "style", "licence", "prompt")
"""What an index.csv can say of a picture; each is a field of LabelledImage."""


@dataclass(frozen=True)
class LabelledImage:
    """One labelled picture. What the index does not say is empty."""

    path: Path
    is_ai: bool
    source: str = ""
    generator: str = ""
    style: str = ""
    licence: str = ""
    prompt: str = ""

    @property
    def origin(self) -> str:
        """Its source; a picture of no known source is one of its own."""
        return self.source or str(self.path)


def find(folder: Path, index: dict[str, dict[str, str]]) -> list[LabelledImage]:
    """All pictures below `folder`/ai and `folder`/real, in a fixed order.

    Without an index a picture's source is the sub-folder that it lies in. Pictures of the style "art"
    are left out: they are no photographs, real or pretended.
    """
    pictures = []
    for label in LABELS:
        for path in sorted(path for path in (folder / label).rglob("*") if path.suffix.lower() in SUFFIXES):
            row = index.get(path.stem.rpartition("__")[2]) or index.get(path.relative_to(folder).as_posix(), {})
            nested = path.parent.relative_to(folder / label).as_posix()
            source = row.get("source") or (nested if nested != "." else "")
            told = {name: row.get(name, "") for name in INDEX_COLUMNS} | {"source": source}
            picture = LabelledImage(path, label == "ai", **told)
            if picture.style != "art":
                pictures.append(picture)
    return pictures


def of_class(pictures: Sequence[LabelledImage], label: str) -> list[LabelledImage]:
    """The pictures of one class, "ai" or "real"."""
    return [picture for picture in pictures if picture.is_ai == (label == "ai")]


def read_index(*folders: Path) -> dict[str, dict[str, str]]:
    """index.csv of the first of `folders` that has one, else nothing.

    A row counts for the picture whose stem, after the last "__", is its `id`, or that lies at its `path`
    below the labelled folder. Columns that are used: INDEX_COLUMNS.

    Raises:
        FauxtoError: it is no table of that kind.
    """
    for path in (folder / "index.csv" for folder in folders):
        if path.exists():
            try:
                with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets begin a file with a mark
                    rows = list(csv.DictReader(file))
            except (OSError, ValueError, csv.Error) as error:
                raise FauxtoError(f"{path}: cannot be read ({error}); save it as CSV, UTF-8") from None
            if rows and not {"id", "path"} & rows[0].keys():
                raise FauxtoError(f"{path}: has no column 'id' or 'path', which name the pictures")
            return {row.get("id") or row.get("path") or "": row for row in rows}
    return {}
