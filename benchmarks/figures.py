"""What a race records, and what can be said from it: ratios paired by round, and times where nothing disturbed them.

A machine that does other things slows everybody down, so that times alone say little. In each round all contenders do
the same cell within seconds, and in the ratio of two of them much of the disturbance cancels out. Of the rounds only
the quietest count, those in which all contenders together were fastest, so that the choice favours none of them. The
reference runs a second time as the control: where its ratio is not near 1, no ratio of that cell is quoted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypedDict

import numpy as np

from fauxto.bench.statistics import Summary, summary
from fauxto.model.card import REFERENCE
from fauxto.system import Machine

SCHEMA = 2
OURS = f"fauxto {REFERENCE}"
CONTROL = f"{OURS} again"
NEAR = 0.05
"""How far from 1 the control's ratio may be for a cell's ratios to be quoted."""
LEAST_ROUNDS = 10
"""Rounds that a quoted ratio needs."""
QUIET = 0.5
"""Share of the rounds that counts, the quietest of them, and LEAST_ROUNDS at least."""

Scope = Literal["model", "preprocess", "picture"]
TITLES: dict[Scope, str] = {
    "model": "The network alone, one crop",
    "preprocess": "File to the network's input",
    "picture": "File to answer",
}


class Row(TypedDict):
    """One contender at one cell.

    Attributes:
        peer: its name.
        scope, input: the cell: what is timed, and on which picture.
        crops: whether it looks at "all" crops of the picture or at "one"; None for the scope "model".
        difference: |Δlogit| against the reference, the largest of several; None where it gives no such logit.
        start_s: seconds to import, load and compile.
        peak_memory_mb: the process's own, until the end, MiB.
        wall_s, cpu_s: seconds of each call, and of processor time over all threads, by round.
    """

    peer: str
    scope: Scope
    input: str
    crops: Literal["all", "one"] | None
    difference: float | None
    start_s: float
    peak_memory_mb: float | None
    wall_s: list[list[float]]
    cpu_s: list[list[float]]


class Race(TypedDict):
    """A whole race. `skipped` has the reason for each contender that was left out."""

    schema: int
    machine: Machine
    packages: dict[str, str]
    busy: bool
    rounds: int
    model: str
    files: dict[str, str]
    crops_per_picture: int
    rows: list[Row]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Ratio:
    """A contender's time over the reference's: median and quartiles over the rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Cell:
    """The rows of one scope and input, the fastest first, with their ratios.

    Attributes:
        title: for people.
        scope, input: of all rows.
        rounds: those that count; empty without a reference.
        rows: (row, its ratio, the figures of its samples), over these rounds; the ratio is None without a reference.
        control: the ratio of the reference's second process; None where either did not run.
    """

    title: str
    scope: Scope
    input: str
    rounds: list[int]
    rows: list[tuple[Row, Ratio | None, Summary]]
    control: Ratio | None

    @property
    def doubt(self) -> str | None:
        """Why no ratio of this cell is quoted; None where they are."""
        if self.control is None:
            return "no control ran"
        if self.control.rounds < LEAST_ROUNDS:
            return f"{self.control.rounds} rounds, {LEAST_ROUNDS} are needed"
        if abs(self.control.median - 1) > NEAR:
            return f"the control's ratio is {self.control}, more than {NEAR} from 1"
        return None

    @property
    def is_noisy(self) -> bool:
        """Whether more rounds may help: there were enough, and the control is not near 1."""
        return self.doubt is not None and self.control is not None and self.control.rounds >= LEAST_ROUNDS


def quietest(rows: list[Row], base: Row) -> list[int]:
    """The rounds of a cell that count, in order.

    How loud a round was: the mean over the contenders of log(time in this round / the contender's median time).
    """
    count = len(base["wall_s"])
    whole = [row for row in rows if len(row["wall_s"]) == count]  # one that died, or was stopped, has fewer
    times = np.log([[float(np.median(turn)) for turn in row["wall_s"]] for row in whole])
    loudness = (times - np.median(times, axis=1, keepdims=True)).mean(axis=0)
    kept = np.argsort(loudness, kind="stable")[: max(LEAST_ROUNDS, math.ceil(QUIET * count))]
    return sorted(kept.tolist())


def by_round(row: Row, base: Row, rounds: list[int]) -> list[float]:
    """The ratio in each of `rounds` that both have: the median of the row's calls over that of the reference's."""
    turns, others = row["wall_s"], base["wall_s"]
    return [float(np.median(turns[i]) / np.median(others[i])) for i in rounds if i < min(len(turns), len(others))]


def ratio(row: Row, base: Row, rounds: list[int]) -> Ratio | None:
    """A row against the reference in the same cell; None where they share none of `rounds`."""
    ratios = by_round(row, base, rounds)
    if not ratios:
        return None
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return Ratio(float(middle), float(low), float(high), len(ratios))


def cells(race: Race) -> list[Cell]:
    """All cells, in the order of TITLES."""
    rows: dict[tuple[Scope, str], list[Row]] = {}
    for scope in TITLES:
        for row in race["rows"]:
            if row["scope"] == scope:
                rows.setdefault((scope, row["input"]), []).append(row)
    return [_cell(scope, name, found) for (scope, name), found in rows.items()]


def _cell(scope: Scope, name: str, rows: list[Row]) -> Cell:
    base = base_of(rows)
    rounds = quietest(rows, base) if base else []
    found = [(row, ratio(row, base, rounds) if base else None, summary(samples(row["wall_s"], rounds))) for row in rows]
    found.sort(key=lambda entry: entry[1].median if entry[1] else entry[2]["mean_ms"])
    control = next((own for row, own, _ in found if row["peer"] == CONTROL), None)
    title = TITLES[scope] if scope == "model" else f"{TITLES[scope]}, {name}"
    return Cell(title, scope, name, rounds, found, control)


def samples(turns: list[list[float]], rounds: list[int]) -> list[float]:
    """Seconds of the calls of `rounds`; of all calls where there are none in them."""
    return [*chain(*(turns[i] for i in rounds if i < len(turns)))] or [*chain(*turns)]


def base_of(rows: list[Row]) -> Row | None:
    """The reference's row among those of a cell."""
    return next((row for row in rows if row["peer"] == OURS), None)
