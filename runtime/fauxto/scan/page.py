"""A scan's report as one HTML page: plots, and the most certain finds to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fauxto.errors import FauxtoError
from fauxto.reporting import html
from fauxto.reporting.text import measured
from fauxto.scan.folder import Folder, Part
from fauxto.scan.report import WORDS
from fauxto.scan.sources import fetch
from fauxto.scan.stores import is_remote

COLOURS = {
    "ai": "#b3541e",
    "unsure": "#c9a227",
    "no_sign": "#9aa5b1",
    "error": "#4a4a4a",
}  # no sign: neither good nor bad
ROWS = 25  # groups that a plot shows at most


def as_html(report: dict[str, Any], thumbnails: bool = True) -> str:
    """One page that needs nothing else. With `thumbnails` the finds that lie on this machine are opened once more.

    They are opened where the scan's own list says, by file, offset and size: the names in the results are whatever a
    tar or a list called its pictures, and nothing is opened by those. What lies in a store is not fetched again.
    """
    drawn = {"histogram": _histogram(report["histogram"])}
    drawn |= {name: _bars(report[name]) for name in ("sources", "formats") if report[name]}
    folder = Folder(Path(report["folder"]))
    pictures = {find["path"]: _thumbnail(folder, find["place"]) for find in report["finds"]} if thumbnails else {}
    return html.render(
        "scan",
        {"share": lambda count: f"{100 * count / max(1, report['done']):.1f} %", "measured": measured},
        report=report,
        plots={name: html.svg(figure) for name, figure in drawn.items()},
        shown=min(ROWS, len(report["sources"])),
        thumbnails={path: picture for path, picture in pictures.items() if picture},
    )


def _thumbnail(folder: Folder, place: int) -> str | None:
    """The picture as it is now; None where it is gone, or in a store."""
    try:
        item = next(folder.items(Part(place, place + 1)))
        return None if is_remote(item.file) else html.thumbnail(fetch(item))
    except (FauxtoError, OSError, StopIteration, IndexError):
        return None


def _histogram(counts: list[int]) -> Figure:
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, 1, len(counts) + 1)
    axes.stairs(counts, edges, fill=True, color="#555555")
    axes.set(xlim=(0, 1), xlabel="p_ai", ylabel="pictures", title="Where the scores lie")
    return figure


def _bars(groups: dict[str, dict[str, int]]) -> Figure:
    """Verdicts of the largest groups, as shares of each."""
    some = dict(list(groups.items())[:ROWS])
    names = {name: name if len(name) <= 48 else f"…{name[-47:]}" for name in some}
    labels = [html.label(f"{names[name]}  ({sum(row.values())})") for name, row in some.items()]
    figure = Figure(figsize=(9, 0.28 * len(some) + 1.1), layout="constrained")
    axes = figure.subplots()
    left = np.zeros(len(some))
    totals = np.array([sum(row.values()) for row in some.values()])
    for word in WORDS:
        shares = np.array([row[word] for row in some.values()]) / totals
        axes.barh(labels, shares, left=left, color=COLOURS[word], label=word.replace("_", " "))
        left += shares
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of its pictures")
    axes.tick_params(axis="y", labelsize=8)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return figure
