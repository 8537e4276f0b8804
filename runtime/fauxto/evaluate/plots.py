"""What an evaluation looks like: one matplotlib Figure for each question. Needs the extra [eval]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import RocCurveDisplay

from fauxto.evaluate.metrics import Scores, Truth, reliability
from fauxto.model.card import OperatingPoint
from fauxto.reporting import html

AI, REAL, NEUTRAL = "#b3541e", "#2f6690", "#555555"
ROWS = 40  # groups that a plot shows at most


def roc(curves: Mapping[str, tuple[Truth, Scores]]) -> Figure:
    """One curve for each condition: {name: (is_ai, p_ai)}. False positives on a log scale: few matter."""
    figure = Figure(figsize=(5, 4.2))
    axes = figure.subplots()
    for name, (is_ai, p_ai) in curves.items():
        RocCurveDisplay.from_predictions(is_ai, p_ai, name=name, ax=axes)
    chance = np.geomspace(1e-3, 1, 50)
    axes.plot(chance, chance, color=NEUTRAL, linewidth=0.8, linestyle="--")
    axes.set(
        aspect="auto",
        xscale="log",
        xlim=(1e-3, 1),
        ylim=(0, 1),
        xlabel="false positive rate: real called ai",
        ylabel="recall: AI called ai",
    )
    axes.set_title("ROC, false positive rate on a log scale")
    return figure


def calibration(is_ai: Truth, p_ai: Scores) -> Figure:
    """How often p is right: share of AI pictures against mean p, in ten bins, both classes weighing the same."""
    figure = Figure(figsize=(5, 4.2))
    axes = figure.subplots()
    means, shares, _ = zip(*reliability(is_ai, p_ai, bins=10), strict=True)
    axes.plot((0, 1), (0, 1), color=NEUTRAL, linewidth=0.8, linestyle="--", label="as it should be")
    axes.plot(means, shares, "o-", color=AI, label="model")
    axes.set(xlabel="mean p_ai", ylabel="share of AI pictures", title="Calibration")
    axes.legend()
    return figure


def histogram(is_ai: Truth, p_ai: Scores, point: OperatingPoint) -> Figure:
    """Where the scores of both classes lie, and where the words change."""
    figure = Figure(figsize=(5, 4.2))
    axes = figure.subplots()
    for name, own, colour in (("real", ~is_ai, REAL), ("ai", is_ai, AI)):
        axes.hist(p_ai[own], np.linspace(0, 1, 31).tolist(), density=True, alpha=0.55, color=colour, label=name)
    for edge in (point.no_sign_below, point.threshold):
        axes.axvline(edge, color=NEUTRAL, linewidth=1, linestyle="--")
    axes.set(xlabel="p_ai", ylabel="density", title=f"Scores, and the band that {point.name} calls unsure")
    axes.legend()
    return figure


def confusion(points: Mapping[str, Mapping[str, Any]]) -> Figure:
    """What each operating point calls the pictures: {name: figures of that point}. Rows are the truth."""
    words = ("no_sign", "unsure", "ai")
    figure = Figure(figsize=(3.6 * len(points), 2.6), layout="constrained")
    for number, (name, axes) in enumerate(zip(points, np.atleast_1d(figure.subplots(1, len(points))), strict=True)):
        counts = points[name]["confusion"]
        table = np.array([[counts[truth][word] for word in words] for truth in ("real", "ai")])
        shares = table / table.sum(axis=1, keepdims=True)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in np.ndindex(table.shape):
            axes.text(
                column,
                row,
                f"{table[row, column]}\n{shares[row, column]:.1%}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.6 else "black",
            )
        axes.set_xticks(range(3), [word.replace("_", " ") for word in words])
        axes.set_yticks(range(2), ["real", "ai"] if number == 0 else ["", ""])
        axes.set(title=name, xlabel="called")
    return figure


def generators(groups: Mapping[str, Mapping[str, Any]], least: int) -> Figure:
    """AUC of each generator with `least` pictures or more, with its interval; hollow where training knew it."""
    rows = sorted(((name, group) for name, group in groups.items() if group["n"] >= least), key=lambda r: r[1]["auc"])
    figure, axes = _dots(rows, "auc", "auc_interval", AI)
    axes.axvline(0.5, color=NEUTRAL, linewidth=0.8, linestyle="--")
    axes.set(xlabel="AUC against all photographs", title="By generator" + ("; hollow: known" if _known(rows) else ""))
    return figure


def sources(groups: Mapping[str, Mapping[str, Any]], least: int) -> Figure:
    """Share of each real source of `least` pictures or more that is called "ai", with its interval."""
    chosen = sorted(
        ((name, group) for name, group in groups.items() if group["n"] >= least), key=lambda r: -r[1]["called_ai"]
    )
    figure, axes = _dots(chosen[:ROWS][::-1], "called_ai", "interval", REAL)
    axes.set(xlabel="share called ai", title="False positives by source of photographs")
    return figure


def grid(rows: Mapping[str, Mapping[str, Any]]) -> Figure:
    """AUC, and the flip rate, under each corruption of the grid."""
    names = list(rows)[::-1]
    figure = Figure(figsize=(9, 0.28 * len(names) + 1.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    areas = np.array([rows[name]["auc"] for name in names])
    bounds = np.array([rows[name]["auc_interval"] for name in names])
    left.errorbar(areas, range(len(names)), xerr=np.abs(bounds.T - areas), fmt="o", color=AI, capsize=2)
    left.axvline(areas[-1], color=NEUTRAL, linewidth=0.8, linestyle="--")
    left.set_yticks(range(len(names)), names)
    left.set(xlabel="AUC", title="Separation (dashed: clean)")
    changed = [rows[name]["flips"]["changed"] for name in names]
    opposite = [rows[name]["flips"]["no_sign_to_ai"] + rows[name]["flips"]["ai_to_no_sign"] for name in names]
    right.barh(range(len(names)), changed, color=REAL, alpha=0.5, label="another verdict")
    right.barh(range(len(names)), opposite, color=AI, label="the opposite verdict")
    right.set(xlabel="share of the pictures", title="Verdicts that change")
    right.legend()
    return figure


def movement(tables: Mapping[str, tuple[Sequence[str], Sequence[str], npt.NDArray[np.float64]]]) -> Figure:
    """Heat tables by size and codec: {title: (sizes, codecs, (R, C) shares, not a number where none was measured)}."""
    figure = Figure(figsize=(4.6 * len(tables), 2.6), layout="constrained")
    for (title, (sizes, codecs, values)), axes in zip(
        tables.items(), np.atleast_1d(figure.subplots(1, len(tables))), strict=True
    ):
        top = max(0.3, float(np.nanmax(values)))
        axes.imshow(values, cmap="Oranges", vmin=0, vmax=top, aspect="auto")
        for row, column in np.ndindex(values.shape):
            share = values[row, column]
            colour = "white" if share > 0.6 * top else "black"
            axes.text(column, row, f"{share:.1%}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(codecs)), codecs)
        axes.set_yticks(range(len(sizes)), sizes)
        axes.set_title(title, fontsize=10)
    return figure


def archive(photographs: Scores, ai: Scores, bars: Mapping[str, float], asked: float) -> Figure:
    """An archive's scores, and the share above each threshold; `bars`: name -> threshold, `asked`: the rate wanted."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    for name, scores, colour in (("photographs", photographs, REAL), ("AI pictures", ai, AI)):
        if len(scores):
            places = _log_odds(np.sort(scores))
            left.hist(places, np.linspace(-8, 8, 49).tolist(), density=True, alpha=0.55, color=colour, label=name)
            above = 1 - np.arange(len(places)) / len(places)
            right.step(places, above, where="pre", color=colour, label=name)
    right.axhline(asked, color=NEUTRAL, linewidth=0.8, linestyle=":", label=f"{100 * asked:g} %")
    for axes in (left, right):
        for (name, bar), style in zip(bars.items(), ("-", "--"), strict=False):
            axes.axvline(_log_odds(np.array([bar]))[0], color=NEUTRAL, linewidth=1.2, linestyle=style, label=name)
        marks = np.array([0.001, 0.02, 0.2, 0.5, 0.8, 0.98, 0.999])
        axes.set_xticks(_log_odds(marks), [f"{mark:g}" for mark in marks])
        axes.set_xlabel("p_ai, on a scale of log-odds")
    left.set(ylabel="density", title="Scores")
    right.set(yscale="log", ylim=(0.5 / max(len(photographs), 2), 1.1), title="Share with this p or more", xlim=(-8, 8))
    right.legend(fontsize=8)
    return figure


def _log_odds(p_ai: Scores) -> Scores:
    """Within -8 to 8, where the plot ends."""
    inner = np.clip(p_ai, 1e-9, 1 - 1e-9)
    return np.asarray(np.clip(np.log(inner / (1 - inner)), -8, 8), np.float64)


def _dots(rows: Sequence[tuple[str, Mapping[str, Any]]], key: str, interval: str, colour: str) -> tuple[Figure, Axes]:
    """A dot with its interval for each group."""
    figure = Figure(figsize=(9, 0.24 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, (_, group) in enumerate(rows):
        low, high = group[interval]
        axes.plot([low, high], [place, place], color=colour, linewidth=1.2)
        face = "white" if group.get("seen") else colour
        axes.plot(group[key], place, "o", color=colour, markerfacecolor=face, markersize=5)
    axes.set_yticks(range(len(rows)), [html.label(f"{name[:48]} ({group['n']})") for name, group in rows], fontsize=8)
    return figure, axes


def _known(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    return any(group.get("seen") for _, group in rows)
