"""Records -> text, JSON, JSON lines or CSV, each written as soon as it comes."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from types import TracebackType
from typing import Any, Literal

from fauxto.cli.streams import Output
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.reporting.text import chance, visible

Format = Literal["text", "json", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("text", "json", "jsonl", "csv")

LABELS = {"ai": "ai", "unsure": "unsure", "no_sign": "no sign", "error": "error"}
"""A verdict, or the lack of one, as the first word of a line."""

_COLOURS = {"ai": "\033[31m", "unsure": "\033[33m", "error": "\033[35m"}  # "no sign" is no good news: it has none
_INDENT = " " * 20
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters of a cell that a spreadsheet may run (OWASP, CSV injection)."""


class Writer:
    """Writes records to an Output, in one of FORMATS.

    Used as a context manager: what was written is whole at any end, an interruption included (a JSON array gets its
    closing bracket).
    """

    def __init__(self, output: Output, format: Format, *, fused: bool = False) -> None:
        """Write to `output`; `fused` records are those with a second opinion."""
        self._output, self._format, self._count = output, format, 0
        self._kind = FusedPrediction if fused else Prediction

    def __enter__(self) -> Writer:
        self._colour = self._output.isatty and colours_wanted()
        if self._format == "csv":
            self._output.write(_csv_line([field.name for field in fields(self._kind)]))
        elif self._format == "json":
            self._output.write("[")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._format == "json":
            self._output.write("\n]\n")

    def write(self, record: Prediction) -> None:
        """Write one record."""
        if self._format == "csv":
            line = _csv_line([cell(value) for value in record.to_dict().values()])
        elif self._format == "text":
            line = as_text(record, self._colour) + "\n"
        else:
            line = json.dumps(record.to_dict(), allow_nan=False)
            line = f"{line}\n" if self._format == "jsonl" else f"{',' if self._count else ''}\n{line}"
        self._count += 1
        self._output.write(line)


def as_text(record: Prediction, colour: bool = False) -> str:
    """A line: verdict, probability, path, and what a person must know besides; below it what the file declares."""
    word = record.verdict or "error"
    start = f"{LABELS[word]:<8}"
    if colour and word in _COLOURS:
        start = f"{_COLOURS[word]}{start}\033[0m"
    path = "-" if record.path is None else visible(record.path) or "''"
    if record.p_ai is None:
        return f"{start} {'-':<10} {path}: {visible(record.error or '')}"
    too_small = record.reason == "too_small"
    notes = ["contradicts what the file declares"] if record.contradicts_declaration else []
    notes += ["pixels and scene disagree"] if record.reason == "disagree" else []
    notes += ["too small to judge"] if too_small else [f"leans {LABELS[record.lean]}"] if record.lean else []
    line = f"{start} {'-' if too_small else chance(record.p_ai):<10} {path}"
    line += f"  ({'; '.join(notes)})" if notes else ""
    return line + (f"\n{_INDENT}the file {visible(str(record.declaration))}" if record.declaration else "")


def tally(counts: Mapping[str, int]) -> str:
    """How often each verdict was given: "2 ai, 0 unsure, 1 no sign, 0 error"."""
    return ", ".join(f"{counts.get(word, 0)} {label}" for word, label in LABELS.items())


def colours_wanted() -> bool:
    """Whether a terminal may be sent colours: see https://no-color.org."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cell(value: str | int | float | None) -> str | int | float | None:
    """A value of a record for CSV: text that a spreadsheet would take for a formula gets a quote before it."""
    if isinstance(value, str) and value != "-" and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def as_json(value: Any) -> str:
    """A report as indented JSON that every reader takes: a figure that is no number is null."""
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv_line(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)  # before Python 3.13 it quotes only these two characters
    return buffer.getvalue().removesuffix("\r\n") + "\n"
