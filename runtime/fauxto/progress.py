"""What is said on stderr: how far long work has come, on one line, and what is met on the way, above it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import suppress
from typing import TypeVar

from fauxto.reporting.text import visible

T = TypeVar("T")
_ERASE = "\r\033[K"


class Progress:
    """A counter on stderr; silent unless `shown`.

    Args:
        shown: whether to print at all; by default where stderr is a terminal, and elsewhere a line for each stage.
        label: what goes before the count.
        total: how many there are, where that is known.
        unit: what is counted.
    """

    def __init__(
        self, shown: bool | None = None, label: str = "", total: int | None = None, unit: str = "images"
    ) -> None:
        self._shown = on_terminal() if shown is None else shown
        self._in_lines, self._stage = shown is None, ""
        self._started, self._next = time.monotonic(), 0.0
        self._label, self._of, self._unit = label, f" of {total}" if total else "", unit

    def update(self, count: int, note: Callable[[], str] | None = None) -> None:
        """Show `count` done, at most five times a second; `note` says more, and is only asked when it is shown."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + 0.2
            rate = count / max(1e-9, now - self._started)
            more = f", {note()}" if note else ""
            self.show(f"{self._label}{count}{self._of} {self._unit}, {rate:.1f} a second{more}")

    def stage(self, name: str, share: float = 0.0) -> None:
        """A bar: `share`, 0..1, of the stage `name` is done. Without a terminal, a line as each stage begins."""
        if self._shown:
            self.show(f"[{'#' * round(20 * min(1.0, share)):<20}] {name}")
        elif self._in_lines and name != self._stage:
            tell(name)
        self._stage = name

    def show(self, text: str) -> None:
        """Put any text in the place of the line."""
        if self._shown:
            _write(f"{_ERASE}{visible(text)} ")

    def clear(self) -> None:
        """Take the line away again."""
        if self._shown:
            _write(_ERASE)


def tell(text: str) -> None:
    """A line on stderr, in the place of a line of progress."""
    _write(f"{_ERASE if on_terminal() else ''}{visible(text)}\n")


def tracked(items: Iterable[T], label: str = "", unit: str = "images") -> Iterator[T]:
    """`items`, with a counter on stderr while they are taken."""
    progress = Progress(label=label, total=len(items) if isinstance(items, Sized) else None, unit=unit)
    try:
        for count, item in enumerate(items, start=1):
            yield item
            progress.update(count)
    finally:
        progress.clear()


def on_terminal() -> bool:
    """Whether stderr is there and is a terminal that can write a line anew."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    """A stderr that is closed or full is no reason to stop."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, end="", file=sys.stderr, flush=True)
