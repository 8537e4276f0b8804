"""How much one picture's answer moves with the size and the codec that it is delivered in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fauxto.evaluate import metrics
from fauxto.evaluate.corruptions import MOVES
from fauxto.evaluate.records import Cell, Moved, Movement
from fauxto.evaluate.scored import Scored
from fauxto.reporting.text import columns, percent

Verdicts = npt.NDArray[np.str_]


def movement(clean: Scored, delivered: Mapping[str, Scored]) -> Movement | None:
    """The span of p and the words that change, over the cells of MOVES and the picture as it is.

    Args:
        clean: the pictures as they are.
        delivered: cell -> the same pictures in it. A picture that a cell refuses is left out, and a cell that
            refuses all.

    Returns:
        None where no picture is left.
    """
    names = [name for name, part in delivered.items() if part.pictures]
    common = set(clean.pictures).intersection(*(delivered[name].pictures for name in names))
    if not common or not names:
        return None
    kept = [picture for picture in clean.pictures if picture in common]
    parts = [part.among(kept) for part in (clean, *(delivered[name] for name in names))]
    p_ai = np.array([part.p_ai for part in parts])
    verdicts = np.array([[str(record.verdict) for record in part.records] for part in parts])
    is_ai = parts[0].is_ai
    return {
        "all": _moved(p_ai, verdicts),
        "ai": _moved(p_ai[:, is_ai], verdicts[:, is_ai]) if is_ai.any() else None,
        "real": _moved(p_ai[:, ~is_ai], verdicts[:, ~is_ai]) if not is_ai.all() else None,
        "cells": {name: _cell(p_ai, verdicts, row) for row, name in enumerate(names, 1)},
    }


def _moved(p_ai: npt.NDArray[np.float64], verdicts: Verdicts) -> Moved:
    """`p_ai` and `verdicts`: (cells and the picture as it is, N)."""
    span, n = p_ai.max(0) - p_ai.min(0), p_ai.shape[1]
    changed, opposite = int((verdicts != verdicts[0]).any(0).sum()), int(_both(verdicts).sum())
    return {
        "n": n,
        "span_median": float(np.median(span)),
        "span_p95": float(np.quantile(span, 0.95)),
        "changed": changed / n,
        "changed_interval": metrics.wilson(changed, n),
        "opposite": opposite / n,
    }


def _both(verdicts: Verdicts) -> npt.NDArray[np.bool_]:
    """(N,) which pictures are called "ai" in one cell and "no_sign" in another."""
    return np.asarray((verdicts == "ai").any(0) & (verdicts == "no_sign").any(0))


def _cell(p_ai: npt.NDArray[np.float64], verdicts: Verdicts, row: int) -> Cell:
    shift = p_ai[row] - p_ai[0]
    return {
        "changed": float((verdicts[row] != verdicts[0]).mean()),
        "moved": float(np.abs(shift).mean()),
        "shift": float(shift.mean()),
    }


def table(cells: Mapping[str, Cell], key: str) -> tuple[Sequence[str], Sequence[str], npt.NDArray[np.float64]]:
    """One figure of the cells as a table: names of the rows (sizes), of the columns (codecs), and (R, C) values.

    A cell that was not measured is not a number.
    """
    places = {name: MOVES[name][:2] for name in cells}
    sizes, codecs = (list(dict.fromkeys(place[axis] for place in places.values())) for axis in (0, 1))
    values = np.full((len(sizes), len(codecs)), np.nan)
    for name, (size, codec) in places.items():
        values[sizes.index(size), codecs.index(codec)] = cells[name][key]  # type: ignore[literal-required]
    return sizes, codecs, values


def as_lines(found: Movement) -> Iterator[str]:
    """How far one picture's answer moves, by class, and the verdicts that change in each cell."""
    yield title(found)
    for name, moved in (("all", found["all"]), ("AI pictures", found["ai"]), ("photographs", found["real"])):
        if moved:
            yield f"  {name}: {moves(moved)}"
    yield from (f"  {line}" for line in columns(table_rows(found)))


def title(found: Movement) -> str:
    """What was done to the pictures."""
    return f"one picture as it is and delivered in {len(found['cells'])} ways:"


def moves(moved: Moved) -> str:
    """In words, how far p and the verdict of one picture move."""
    return (
        f"p spans {moved['span_median']:.2f} for the median picture, {moved['span_p95']:.2f} or less for 95 % of "
        f"{moved['n']}; another verdict for {percent(moved['changed'], moved['changed_interval'])}, ai and no sign "
        f"both for {percent(moved['opposite'])}"
    )


def table_rows(found: Movement) -> list[list[str]]:
    """The verdicts that change in each cell, by size and codec; the head first."""
    sizes, codecs, values = table(found["cells"], "changed")
    cells = ((percent(value) if np.isfinite(value) else "" for value in row) for row in values)
    return [["verdicts that change", *codecs], *([size, *row] for size, row in zip(sizes, cells, strict=True))]
