"""The report's own plots: where both networks stand on one picture, and which groups moved."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from fauxto.evaluate.plots import AI, NEUTRAL, REAL
from fauxto.reporting import html
from train.second.figures import Moved
from train.second.fusion import Answers
from train.second.head import truth

GROUPS = 30


def both_networks(answers: Answers, disagreement: Sequence[float]) -> Figure:
    """Each picture by both networks; beyond the dashed lines they disagree more than on any picture of val."""
    figure = Figure(figsize=(5, 4.2))
    axes = figure.subplots()
    is_ai = truth(answers.pictures)
    for name, own, colour in (("real", ~is_ai, REAL), ("ai", is_ai, AI)):
        axes.scatter(answers.pixels[own], answers.scene[own], s=5, alpha=0.5, color=colour, label=name, linewidths=0)
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for gap in disagreement:
        axes.plot([low, high], [low - gap, high - gap], color=NEUTRAL, linewidth=1, linestyle="--")
    axes.set(xlim=(low, high), ylim=(bottom, top))
    axes.set(xlabel="pixels: the first network's log-odds", ylabel="scene: the head's logit", title="Both networks")
    axes.legend(markerscale=3)
    return figure


def movements(groups: Sequence[Moved]) -> Figure:
    """AUC of each group by the first network (hollow) and by both (filled), those that moved farthest."""
    rows = sorted(groups[:GROUPS], key=lambda group: group.fused - group.pixels)
    figure = Figure(figsize=(9, 0.24 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, group in enumerate(rows):
        colour = REAL if group.kind == "photographs of" else AI
        axes.plot([group.pixels, group.fused], [place, place], color=colour, linewidth=1.2)
        axes.plot(group.pixels, place, "o", color=colour, markerfacecolor="white", markersize=5)
        axes.plot(group.fused, place, "o", color=colour, markersize=5)
    names = [html.label(f"{group.kind} {group.name[:40]} ({group.n})") for group in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.axvline(0.5, color=NEUTRAL, linewidth=0.8, linestyle="--")
    axes.set(xlabel="AUC against all of the other class", title="Hollow: pixels alone; filled: with the scene")
    return figure
