"""Records -> text, JSON, JSON lines or CSV, streamed: nothing is held back until the end."""

from __future__ import annotations

import csv
import json
import sys
import time
from dataclasses import fields
from typing import Literal, TextIO

from fauxto.prediction import Prediction

Format = Literal["text", "json", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("text", "json", "jsonl", "csv")

_COLOURS = {"ai": "\033[31m", "photo": "\033[32m", "unsure": "\033[33m", "error": "\033[35m"}


class Writer:
    """Writes records to a text stream, each as soon as it comes.

    Used as a context manager: what was written is whole at any end, an interruption included (a JSON
    array gets its closing bracket).
    """

    def __init__(self, stream: TextIO, format: Format) -> None:
        self._stream, self._format, self._count = stream, format, 0
        self._colour = format == "text" and stream.isatty()
        self._csv = csv.DictWriter(stream, [field.name for field in fields(Prediction)], lineterminator="\n")

    def __enter__(self) -> Writer:
        if self._format == "csv":
            self._csv.writeheader()
        elif self._format == "json":
            self._stream.write("[")
        return self

    def __exit__(self, *_: object) -> None:
        if self._format == "json":
            self._stream.write("\n]\n")
        self._stream.flush()

    def write(self, record: Prediction) -> None:
        """Write one record and flush it."""
        if self._format == "csv":
            self._csv.writerow(record.to_dict())
        elif self._format == "text":
            self._stream.write(as_text(record, self._colour) + "\n")
        elif self._format == "jsonl":
            self._stream.write(json.dumps(record.to_dict()) + "\n")
        else:
            self._stream.write((",\n" if self._count else "\n") + json.dumps(record.to_dict()))
        self._count += 1
        self._stream.flush()


def as_text(record: Prediction, colour: bool) -> str:
    """One aligned line: verdict, probability, path, and what a person needs to know besides."""
    word = record.verdict or "error"
    shown = f"{_COLOURS[word]}{word:<6}\033[0m" if colour else f"{word:<6}"
    if record.p_ai is None:
        return f"{shown}     -  {record.path}: {record.error}"
    note = ""
    if record.verdict == "unsure":
        note = f"  (leans {record.lean}" + ("; too small to say)" if record.reason == "too_small" else ")")
    if told := record.declaration:
        note += f"\n              the file {told}"
    return f"{shown}  {record.p_ai:.2f}  {record.path}{note}"


class Progress:
    """A one-line counter on stderr; silent unless `shown`. `label` goes before it, `total` is how many there are."""

    def __init__(self, shown: bool, label: str = "", total: int | None = None) -> None:
        self._shown, self._started, self._next = shown, time.monotonic(), 0.0
        self._label, self._of = label, f" of {total}" if total else ""

    def update(self, count: int) -> None:
        """Show `count` pictures done, at most five times a second."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + 0.2
            rate = count / max(1e-9, now - self._started)
            print(
                f"\r{self._label}{count}{self._of} pictures, {rate:.1f} a second ", end="", file=sys.stderr, flush=True
            )

    def clear(self) -> None:
        """Take the line away again."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
