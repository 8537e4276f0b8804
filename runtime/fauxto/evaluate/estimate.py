"""How long an evaluation will take, measured on a few of its pictures before it starts."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import cycle, islice

from fauxto.detector import Detector
from fauxto.errors import ImageError
from fauxto.evaluate import baseline
from fauxto.evaluate.corruptions import CELLS, CONDITIONS, GRID
from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decoded import Corruption
from fauxto.progress import tell
from fauxto.system import usable_cpus

TIMED = 8  # pictures, at most; of small sets a twentieth, as timing is work too


def announce(detector: Detector, pictures: Sequence[LabelledImage], conditions: Sequence[str], grid: int) -> None:
    """Say on stderr what will be measured, and about how long it will take. `grid`: pictures of the grid, or 0."""
    what = f"{len(pictures)} pictures under {', '.join(conditions)}"
    if grid:
        what += f", and {grid} under {len(GRID) + len(CELLS)} corruptions"
    tell(f"{what}: about {in_words(seconds(detector, pictures, conditions, grid))}")


def seconds(detector: Detector, pictures: Sequence[LabelledImage], conditions: Sequence[str], grid: int) -> float:
    """An estimate for all conditions, the grid and the features of the shortcut baseline, from a few pictures."""
    count = min(TIMED, max(1, len(pictures) // 20))
    some = random.Random(0).sample(list(pictures), count)
    detector.answer([detector.decode(some[0].path)])  # the first run is slower than the others
    each = {name: seconds_each(detector, some, [CONDITIONS[name]] * count) for name in conditions}
    total = len(pictures) * sum(each.values())
    if grid:
        every = [*GRID.values(), *CELLS.values()]
        few = random.Random(0).sample(every, min(len(every), max(1, grid * len(every) // 20)))
        total += grid * len(every) * seconds_each(detector, some, few)
        total += len(pictures) * each["clean"]  # once more, saved as JPEG
    return total + len(pictures) * _features_seconds(some)


def seconds_each(detector: Detector, some: Sequence[LabelledImage], corruptions: Sequence[Corruption]) -> float:
    """Seconds a picture, each corruption once, on as many threads as the measurement has."""
    decodings = [
        partial(detector.decode, picture.path, corruption=corruption)
        for picture, corruption in zip(islice(cycle(some), len(corruptions)), corruptions, strict=True)
    ]
    started = time.perf_counter()
    for _ in detector.answer_many(decodings):
        pass
    return (time.perf_counter() - started) / len(decodings)


def _features_seconds(some: Sequence[LabelledImage]) -> float:
    def take(picture: LabelledImage) -> None:
        with suppress(ImageError):  # the measurement names it
            baseline.features(picture.path)

    started = time.perf_counter()
    with ThreadPoolExecutor(usable_cpus()) as pool:
        list(pool.map(take, some))
    return (time.perf_counter() - started) / len(some)


def in_words(seconds: float) -> str:
    """40.2 -> "40 seconds", 720 -> "12 minutes", 10000 -> "2.8 hours"."""
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'' if whole == 1 else 's'}"
    return f"{round(seconds / 60)} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
