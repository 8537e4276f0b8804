"""A labelled folder -> an evaluation, one condition after the other. Needs the extra [eval].

Training's own report calls `metrics.figures` and `plots` too: there is one way to measure.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.evaluate import baseline
from fauxto.evaluate.breakdown import break_down, worst
from fauxto.evaluate.corruptions import CONDITIONS, refuse_unknown
from fauxto.evaluate.dataset import LABELS, LabelledImage, find, of_class, read_index
from fauxto.evaluate.estimate import announce
from fauxto.evaluate.records import SCHEMA, Baseline, Report
from fauxto.evaluate.robustness import flips, measure_grid, saved_once
from fauxto.evaluate.scored import Scored, score
from fauxto.inference.providers import ProviderLike
from fauxto.model.card import OperatingPoint
from fauxto.progress import Progress, on_terminal, tell
from fauxto.system import usable_cpus
from fauxto.version import __version__


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure, and with what.

    Attributes:
        folder: pictures in the sub-folders ai and real, with an optional index.csv in it or beside it.
        conditions: of CONDITIONS; "clean" is always measured, and first.
        sample: at most so many pictures of each class.
        grid: measure GRID too, on at most so many pictures of each class, and fakes saved once as JPEG 96.
        seed: of the samples.
        model, provider, variant, second_opinion: as Detector takes them.
    """

    folder: Path
    conditions: Sequence[str] = tuple(CONDITIONS)
    sample: int | None = None
    grid: int = 0
    seed: int = 0
    model: str | os.PathLike[str] | None = None
    provider: ProviderLike | None = None
    variant: str | None = None
    second_opinion: bool | str | os.PathLike[str] = False


@dataclass(frozen=True)
class Evaluation:
    """What was found. `report` is plain values, ready for JSON; the rest is what the plots are drawn from."""

    report: Report
    operating_point: OperatingPoint
    scored: Mapping[str, Scored]


def evaluate(plan: Plan) -> Evaluation:
    """The finished evaluation: the last one that `measure` gives."""
    *_, found = measure(plan)
    return found


def measure(plan: Plan) -> Iterator[Evaluation]:
    """Measure a model through the runtime as it is shipped. Says on stderr, first, about how long it will take.

    Yields:
        What is known so far: after each condition, after the shortcut baseline, and after the grid.

    Raises:
        FauxtoError: an unknown condition, or a class without pictures that can be read.
    """
    refuse_unknown(plan.conditions)
    pictures = labelled(plan.folder, plan.sample, plan.seed)
    detector = Detector(plan.model, provider=plan.provider, variant=plan.variant, second_opinion=plan.second_opinion)
    names = ["clean", *(name for name in dict.fromkeys(plan.conditions) if name != "clean")]
    announce(detector, pictures, names, len(sampled(pictures, plan.grid, plan.seed)) if plan.grid else 0)

    clean = score(detector, pictures, "clean", CONDITIONS["clean"])
    if not clean.has_both:
        raise FauxtoError(f"{plan.folder}: no readable picture in one of the classes; nothing can be measured")
    report, scored = begin(plan, detector, len(pictures) - len(clean.pictures)), {"clean": clean}
    for name in names:
        part = clean if name == "clean" else score(detector, clean.pictures, name, CONDITIONS[name])
        if not part.has_both:
            tell(f"{name}: left out, as no picture of one of the classes can be saved like this")
            continue
        scored[name] = part
        progress = Progress(on_terminal())
        progress.show(f"{name}: intervals")
        report["conditions"][name] = break_down(part, detector)
        progress.clear()
        if name != "clean":
            report["flips"][name] = flips(clean, part)
        yield Evaluation(report, detector.operating_point, scored)

    report["baseline"], report["worst"] = shortcut_baseline(clean), worst(clean)
    yield Evaluation(report, detector.operating_point, scored)
    if plan.grid:
        report["grid"], report["movement"] = measure_grid(
            detector, clean, sampled(clean.pictures, plan.grid, plan.seed)
        )
        report["saved_once"] = saved_once(detector, clean)
        yield Evaluation(report, detector.operating_point, scored)


def begin(plan: Plan, detector: Detector, left_out: int) -> Report:
    """A report without any figures yet. `left_out`: how many pictures could not be read."""
    return {
        "schema": SCHEMA,
        "folder": str(plan.folder),
        "fauxto": __version__,
        "model": detector.card.release,
        "model_sha256": detector.model_sha256,
        "provider": detector.provider,
        "variant": detector.variant,
        "operating_point": detector.operating_point.name,
        "sample": plan.sample,
        "seed": plan.seed,
        "left_out": left_out,
        "card_test": quoted(detector),
        "conditions": {},
        "flips": {},
    }


def quoted(detector: Detector) -> dict[str, dict[str, Any]]:
    """The card's own figures of its test split, at the operating point in use, by condition; those that it has."""
    found = {name: detector.card.test_point(detector.operating_point.name, name) for name in CONDITIONS}
    return {name: dict(point) for name, point in found.items() if point}


def shortcut_baseline(part: Scored) -> Baseline:
    """The shortcut baseline on the same pictures."""
    progress = Progress(on_terminal(), "shortcut baseline: ", len(part.pictures), "pictures")
    rows = []
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for row in pool.map(lambda picture: baseline.features(picture.path), part.pictures):
            rows.append(row)
            progress.update(len(rows))
    found = baseline.baseline(np.array(rows), part.is_ai, [picture.origin for picture in part.pictures], progress)
    progress.clear()
    return found


def labelled(folder: Path, sample: int | None, seed: int) -> list[LabelledImage]:
    """The pictures of a labelled folder, or `sample` of each class. Raises FauxtoError for an empty class."""
    found = find(folder, read_index(folder, Path(os.path.abspath(folder)).parent))
    for label in LABELS:
        if not of_class(found, label):
            raise FauxtoError(f"{folder / label}: no pictures; eval needs the sub-folders ai and real")
    return sampled(found, sample, seed)


def sampled(pictures: Sequence[LabelledImage], count: int | None, seed: int) -> list[LabelledImage]:
    """`pictures`, or `count` of each class, drawn by `seed`."""
    chosen = []
    for label in LABELS:
        own = of_class(pictures, label)
        chosen += random.Random(seed).sample(own, count) if count and len(own) > count else own
    return chosen
