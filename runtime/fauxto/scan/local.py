"""The scan on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, islice

from fauxto.scan.folder import Folder, Part, Stopwatch
from fauxto.scan.predictor import Predictor


def run(folder: Folder, parts: Sequence[Part], predictor: Predictor, tell: Callable[[Counter[str]], None]) -> None:
    """Scan the parts. `tell` hears the verdict of each picture. However it ends, what was answered is written."""
    answers = predictor.rows(chain.from_iterable(folder.items(part) for part in parts))
    for part in parts:
        watch, rows = Stopwatch(), []
        try:
            for row in islice(answers, part.stop - part.start):
                rows.append(row)
                tell(Counter([row["verdict"] or "error"]))
        finally:
            if rows:
                folder.write(Part(part.start, part.start + len(rows)), rows, watch.facts())
