"""Text for terminals: aligned columns, figures in words, and characters that must not reach a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""C0 and C1 control characters, line and paragraph separators, and marks that turn the direction of the text."""


def visible(text: str) -> str:
    r"""Any text as one line that does nothing to a terminal: "\x1b", "\n" and "\u202e" instead of such characters.

    Bytes of a file name that are no UTF-8 become "\xe9".
    """
    from fauxto.prediction import printable  # with dataclasses, which take time to load and `--version` does not need

    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), printable(text))


def visible_lines(text: str) -> str:
    """`visible` for a text of several lines, which stay lines."""
    return "\n".join(map(visible, text.split("\n")))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equally many cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def chance(p_ai: float) -> str:
    """A probability of "ai" in words: "AI 11 %". Never 0 or 100: a model is not that certain."""
    rounded = f"{100 * p_ai:.0f}"
    return f"AI { {'0': '< 1', '100': '> 99'}.get(rounded, rounded) } %"


def share(value: float) -> str:
    """A share, 0..1, in per cent, with one decimal under 10: "1.1 %", "28 %"."""
    return f"{100 * value:.{1 if value < 0.0995 else 0}f} %"


def percent(share: float, interval: Sequence[float] | None = None) -> str:
    """0.0123, (0.008, 0.02) -> "1.2 % (0.8-2.0)"."""
    bounds = f" ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})" if interval else ""
    return f"{100 * share:.1f} %{bounds}"


def area(value: float, interval: Sequence[float] | None = None) -> str:
    """0.8512, (0.84, 0.86) -> "0.851 (0.840-0.860)"."""
    bounds = f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else ""
    return f"{value:.3f}{bounds}"


def measured(point: Mapping[str, Any] | None) -> str:
    """What `Card.test_point` found, in one sentence without a full stop; empty where nothing was measured."""
    if point is None or point.get("fpr") is None:
        return ""
    found = f"{share(point['fpr'])} of {point['n_real']} photographs were called ai"
    ai = [
        f"{share(point[name])} {words}"
        for name, words in (("recall", "were called ai"), ("ai_called_no_sign", 'got "no sign"'))
        if point.get(name) is not None
    ]
    return found + (f"; of {point['n_ai']} AI pictures {' and '.join(ai)}" if ai else "")
