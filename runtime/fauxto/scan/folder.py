"""The folder that a scan writes to: what was asked for, the list of pictures, and the parts that are done.

DIR/part-000000000-000000512.parquet   the answers for pictures 0 to 511 of the list
DIR/_scan/settings.json                what was asked for; a scan that asks for something else is refused
DIR/_scan/list.parquet                 the pictures, found once
DIR/_scan/lock                         held while a scan writes here
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from fauxto.errors import FauxtoError
from fauxto.files import replacing
from fauxto.prediction import FUSED_SCHEMA, SCHEMA
from fauxto.scan import table
from fauxto.scan.sources import Item
from fauxto.version import __version__

GROUP = 10_000
"""Rows of a row group of the list: what is read of it at once."""

_PART = re.compile(r"part-(\d+)-(\d+)\.parquet")


@dataclass(frozen=True, order=True)
class Part:
    """The pictures `start` to `stop` - 1 of the list."""

    start: int
    stop: int

    @property
    def name(self) -> str:
        """The part's file."""
        return f"part-{self.start:09d}-{self.stop:09d}.parquet"


class Stopwatch:
    """When the work on a part began, and who does it."""

    def __init__(self) -> None:
        self._started = datetime.now(UTC)

    def facts(self) -> dict[str, str]:
        """For the metadata of the part's file, now that it is done."""
        stop = datetime.now(UTC)
        return {
            "started": self._started.isoformat(),
            "finished": stop.isoformat(),
            "host": platform.node(),
            "fauxto": __version__,
        }


class Folder:
    """A scan's folder; see the module. Its errors are FauxtoError, but for OSError where it cannot be made."""

    def __init__(self, path: Path) -> None:
        self.path, self._own = path, path / "_scan"
        self._list, self._settings = self._own / "list.parquet", self._own / "settings.json"
        self._lock = FileLock(self._own / "lock")

    def hold(self) -> FileLock:
        """Keep every other scan out of this folder, until the lock that is returned is released or its process ends."""
        if self.path.is_file():
            raise FauxtoError(f"{self.path}: is a file; --out needs a folder")
        self._own.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise FauxtoError(f"{self.path}: another scan writes there; wait for it, or choose another --out") from None
        for left in [*self.path.glob(".*.tmp"), *self._own.glob(".*.tmp")]:
            left.unlink(missing_ok=True)
        return self._lock

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the scan in this folder was asked for; None where there is none.

        Raises:
            FauxtoError: they are damaged, or the rows there are of another schema.
        """
        try:
            found = json.loads(self._settings.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            # A scan by fauxto 0.1 that was killed at its start may have left half a file, and nothing else.
            fix = "scan into another folder" if self.parts() else f"delete {self._own}, then run the same again"
            raise FauxtoError(f"{self._settings}: damaged ({error}); {fix}") from None
        schema = found.get("schema", 1) if isinstance(found, dict) else None
        if schema not in (SCHEMA, FUSED_SCHEMA):
            raise FauxtoError(
                f"{self.path}: a scan with rows of schema {schema} is there, this fauxto reads and writes {SCHEMA} and "
                f"{FUSED_SCHEMA}; scan into another folder"
            )
        return dict(found)

    def begin(self, settings: Mapping[str, Any], find: Callable[[], Iterable[Item]]) -> None:
        """Make the list, or go on with the one that is there: then the settings must be the same."""
        kept = self.settings
        if kept is None:
            self._write_list(find())
            with replacing(self._settings, sync=True) as file:
                json.dump(dict(settings), file, indent=1)
                file.write("\n")
            return
        for name, value in settings.items():
            if kept.get(name) != value:
                raise FauxtoError(
                    f"{self.path}: a scan with {name.replace('_', ' ')} {_short(kept.get(name))} is there, not "
                    f"{_short(value)}; give the same options to go on with it, or choose another --out"
                )

    def _write_list(self, items: Iterable[Item]) -> None:
        with replacing(self._list, "wb", sync=True) as file, pq.ParquetWriter(file, table.LIST) as writer:
            waiting = iter(items)
            while some := list(islice(waiting, GROUP)):
                names = [{"path": item.text, "file": item.file.encode(errors="surrogateescape")} for item in some]
                found = [asdict(item) | name for item, name in zip(some, names, strict=True)]
                writer.write_table(pa.Table.from_pylist(found, schema=table.LIST), row_group_size=GROUP)

    def count(self) -> int:
        """How many pictures the list has."""
        try:
            rows: int = pq.ParquetFile(self._list).metadata.num_rows
        except (OSError, pa.ArrowInvalid) as error:  # missing, or no Parquet
            told = " ".join(str(error).split())
            raise FauxtoError(f"{self._list}: damaged ({told}); scan into another folder") from None
        return rows

    def items(self, part: Part) -> Iterator[Item]:
        """The pictures of a part, in the list's order."""
        with pq.ParquetFile(self._list) as file:
            for group in range(part.start // GROUP, (part.stop - 1) // GROUP + 1):
                first = group * GROUP
                some = file.read_row_group(group)[max(0, part.start - first) : part.stop - first]
                for row in some.to_pylist():
                    yield Item(**row | {"file": row["file"].decode(errors="surrogateescape")})

    def parts(self) -> list[Part]:
        """The parts that are there, by their names."""
        found = (_PART.fullmatch(path.name) for path in self.path.glob("part-*.parquet"))
        return sorted(Part(int(match[1]), int(match[2])) for match in found if match)

    def drop_damaged(self) -> list[Part]:
        """Delete the parts that cannot be read whole, and return them."""
        damaged = [part for part in self.parts() if not self.is_whole(part)]
        for part in damaged:
            (self.path / part.name).unlink()
        return damaged

    def is_whole(self, part: Part) -> bool:
        """Whether a part's file can be read, every checksum holds, and it has its rows."""
        try:
            found = table.read_checked(self.path / part.name)
        except Exception:  # a damaged footer fails in all kinds of ways
            return False
        return bool(len(found) == part.stop - part.start and found.schema in (table.ROWS, table.FUSED_ROWS))

    def to_do(self, size: int) -> list[Part]:
        """What is not done yet, in parts of at most `size` pictures."""
        edges = [0, *(edge for part in self.parts() for edge in (part.start, part.stop)), self.count()]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        return [Part(at, min(at + size, stop)) for start, stop in gaps for at in range(start, stop, size)]

    def write(self, part: Part, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, str]) -> None:
        """Write a part's rows. Raises FauxtoError where it cannot be written; then nothing of it is there."""
        try:
            fused = rows[0]["schema"] == FUSED_SCHEMA  # no part is without a row
            table.write(self.path / part.name, table.rows_table(rows, fused), facts)
        except OSError as error:
            raise unwritable(self.path, error) from None


def unwritable(path: Path, error: OSError) -> FauxtoError:
    """What to say where a scan's folder cannot be written."""
    return FauxtoError(f"{path}: cannot be written ({error.strerror or error}); make room, then run the same again")


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
