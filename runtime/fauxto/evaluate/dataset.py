"""A labelled folder: FOLDER/ai and FOLDER/real, and what an index.csv knows of the pictures in it."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from fauxto.errors import FauxtoError
from fauxto.files import images_in
from fauxto.progress import tell

LABELS = ("ai", "real")
INDEX_FILE = "index.csv"
INDEX_COLUMNS = ("source", "generator", "style", "licence", "prompt")
"""What an index.csv can say of a picture; each is a field of LabelledImage."""

NAMED = 3  # keys of rows without a picture that a message gives

Row = Mapping[str, str]


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


@dataclass(frozen=True)
class Index:
    """The rows of an index.csv, by what names their pictures.

    Attributes:
        file: the index.csv; None where there is none.
        by_path: by the picture's path relative to the folder that the file lies in, with "/".
        by_id: by the picture's id, the end of its stem after the last "__".
    """

    file: Path | None = None
    by_path: Mapping[str, Row] = field(default_factory=dict)
    by_id: Mapping[str, Row] = field(default_factory=dict)

    def relative(self, path: Path) -> str:
        """A path as by_path has it; "." for the index's own folder."""
        folder = self.file.parent if self.file else Path()
        return PurePath(os.path.relpath(path, folder)).as_posix()

    def key(self, path: Path) -> str | None:
        """The key of the row about the picture at `path`; None where there is none."""
        relative, end = self.relative(path), path.stem.rpartition("__")[2]
        return relative if relative in self.by_path else end if end in self.by_id else None

    def row(self, key: str | None) -> Row:
        """The row of a key that `key` gave; an empty one for None."""
        return {} if key is None else self.by_path.get(key) or self.by_id[key]


def find(folder: Path, index: Index) -> list[LabelledImage]:
    """All pictures below `folder`/ai and `folder`/real, in the order of their paths.

    Without an index a picture's source is the sub-folder that it lies in. Pictures of the style "art"
    are left out: they are no photographs, real or pretended. Rows for `folder` that no picture answers to are
    told on stderr; rows for other folders, such as another split's, are not.

    Raises:
        FauxtoError: the index gives paths relative to `folder`, not to itself.
    """
    pictures: list[LabelledImage] = []
    used: set[str] = set()
    for label in LABELS:
        for path in sorted(map(Path, images_in(folder / label, _unlisted))):
            key = index.key(path)
            if key is not None:
                used.add(key)
            nested = path.parent.relative_to(folder / label).as_posix()
            told = {name: value for name, value in index.row(key).items() if value}
            known = {"source": "" if nested == "." else nested} | told
            pictures.append(LabelledImage(path, label == "ai", **known))
    if pictures:
        _check_used(folder, index, used, pictures)
    return [picture for picture in pictures if picture.style != "art"]


def of_class(pictures: Sequence[LabelledImage], label: str) -> list[LabelledImage]:
    """The pictures of one class, "ai" or "real"."""
    return [picture for picture in pictures if picture.is_ai == (label == "ai")]


def read_index(*folders: Path) -> Index:
    """index.csv of the first of `folders` that has one, else an empty Index.

    A row is about the picture whose stem, after the last "__", is its `id`; a row without an id, about the one at its
    `path`, relative to the folder that index.csv lies in. Columns that are used: INDEX_COLUMNS.

    Raises:
        FauxtoError: it is no table of that kind, or two rows are about one picture.
    """
    file = next((folder / INDEX_FILE for folder in folders if (folder / INDEX_FILE).exists()), None)
    if file is None:
        return Index()
    lines: dict[tuple[str, str], int] = {}
    index: dict[str, dict[str, Row]] = {"id": {}, "path": {}}
    for line, row in _rows(file):
        kind, key = ("id", row["id"]) if row.get("id") else ("path", row.get("path", ""))
        if not key:
            raise FauxtoError(f"{file}: line {line} has neither an id nor a path")
        if kind == "path":
            key = PurePosixPath(key).as_posix()
        if (kind, key) in lines:
            raise FauxtoError(f"{file}: lines {lines[kind, key]} and {line} are both about '{key}'; keep one of them")
        lines[kind, key] = line
        index[kind][key] = {name: row.get(name, "") for name in INDEX_COLUMNS}
    return Index(file, by_path=index["path"], by_id=index["id"])


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of an index.csv that are not empty, each with its line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets begin a file with a mark
            reader = csv.DictReader(stream, restkey="", restval="")
            rows = [(reader.line_num, row) for row in reader if any(row.values())]
    except (OSError, ValueError, csv.Error) as error:
        raise FauxtoError(f"{file}: cannot be read ({error}); save it as CSV, UTF-8") from None
    if rows and not {"id", "path"} & rows[0][1].keys():
        raise FauxtoError(f"{file}: has no column 'id' or 'path', which name the pictures")
    return rows


def _check_used(folder: Path, index: Index, used: Collection[str], pictures: Sequence[LabelledImage]) -> None:
    """Tell of the rows for `folder` that no picture answered to."""
    keys = [*index.by_path, *index.by_id]
    if not keys:
        return
    if not used:
        for picture in pictures:
            below = picture.path.relative_to(folder).as_posix()
            if below in index.by_path:
                raise FauxtoError(
                    f"{index.file}: write paths relative to the folder it lies in: {index.relative(picture.path)}, "
                    f"not {below}"
                )
        tell(f"{index.file}: none of its {len(keys)} rows names a picture in {folder}: {_some(keys)}")
        return
    place = index.relative(folder)
    if place != ".":  # an id does not say which folder it is for
        keys = [key for key in index.by_path if key.startswith(f"{place}/")]
    if lost := [key for key in keys if key not in used]:
        tell(f"{index.file}: {len(lost)} of the {len(keys)} rows for {folder} name no picture there: {_some(lost)}")


def _some(keys: Sequence[str]) -> str:
    return ", ".join([*keys[:NAMED], *(["..."] if len(keys) > NAMED else [])])


def _unlisted(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a class without a folder has no pictures; callers say so
        tell(f"{error.filename}: cannot be listed ({error.strerror})")
