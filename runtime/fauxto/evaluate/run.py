"""A labelled folder -> figures that cannot flatter. Needs the extra [eval].

Training's own report calls `metrics.figures` and `plots` too: there is one way to measure.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.evaluate import baseline, metrics
from fauxto.evaluate.corruptions import CONDITIONS, refuse_unknown
from fauxto.evaluate.dataset import LABELS, LabelledImage, find, of_class, read_index
from fauxto.evaluate.robustness import flips, measure_grid, saved_once
from fauxto.evaluate.scored import Scored, score
from fauxto.model.card import OperatingPoint
from fauxto.system import usable_cpus
from fauxto.version import __version__

SCHEMA = 1
LEAST_GENERATOR, LEAST_SOURCE = 20, 30  # pictures that a group needs before it counts as best or worst
LEAST_WITHIN = 10  # of each class, for a source of both
SIZE_BANDS = (200, 320, 512, 768, 1024)  # px, edges of the short side
WORST = 12  # mistakes of each kind that are listed


@dataclass(frozen=True)
class Evaluation:
    """What was found. `report` is plain values, ready for JSON; the rest is what the plots are drawn from."""

    report: dict[str, Any]
    operating_point: OperatingPoint
    scored: Mapping[str, Scored]


def evaluate(
    folder: Path,
    model: str | None = None,
    conditions: Sequence[str] = tuple(CONDITIONS),
    sample: int | None = None,
    grid: int = 0,
    seed: int = 0,
    provider: str | None = None,
    variant: str | None = None,
) -> Evaluation:
    """Measure a model on `folder`/{ai,real}, through the runtime as it is shipped.

    Args:
        folder: pictures, with an optional index.csv in it or beside it.
        model: folder of another model than the released one.
        conditions: of CONDITIONS; "clean" is always among them.
        sample: at most so many pictures of each class.
        grid: measure GRID too, on at most so many pictures of each class, and fakes saved once as JPEG 96.
        seed: of the samples.
        provider: as Detector takes it.
        variant: as Detector takes it.

    Raises:
        FauxtoError: an unknown condition, or a class without pictures that can be read.
    """
    refuse_unknown(conditions)
    pictures = choose(folder, sample, seed)
    detector = Detector(model, provider=provider, variant=variant)
    clean = score(detector, pictures, "clean", CONDITIONS["clean"])
    if not clean.is_ai.any() or clean.is_ai.all():
        raise FauxtoError(f"{folder}: no readable picture in one of the classes; nothing can be measured")
    left_out = len(pictures) - len(clean.pictures)
    scored = {"clean": clean}
    for name in conditions:
        if name != "clean":
            scored[name] = score(detector, clean.pictures, name, CONDITIONS[name])
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "folder": str(folder),
        "fauxto": __version__,
        "model": detector.card.release,
        "model_sha256": detector.model_sha256,
        "provider": detector.provider,
        "variant": detector.variant,
        "operating_point": detector.operating_point.name,
        "sample": sample,
        "seed": seed,
        "left_out": left_out,
        "conditions": {name: under(part, detector) for name, part in scored.items()},
        "flips": {name: flips(clean, part) for name, part in scored.items() if name != "clean"},
        "baseline": trivial_baseline(clean),
        "worst": worst(clean),
    }
    if grid:
        report["grid"] = measure_grid(detector, clean, choose_from(clean.pictures, grid, seed))
        report["saved_once"] = saved_once(detector, clean)
    return Evaluation(report, detector.operating_point, scored)


def under(part: Scored, detector: Detector) -> dict[str, Any]:
    """All figures of one condition, with its groups."""
    points: list[OperatingPoint] = list(detector.card.operating_points.values())
    trained_on = detector.card.raw.get("data", {}).get("generators")
    origins = [picture.origin for picture in part.pictures]
    called = part.said("verdict", "ai")
    generators = metrics.by_generator(
        part.is_ai,
        part.p_ai,
        called,
        [picture.generator for picture in part.pictures],
        None if trained_on is None else frozenset(trained_on),
    )
    sources = [picture.source for picture in part.pictures]
    real_sources = metrics.by_source(part.is_ai, called, sources)
    within = metrics.by_source_of_both(part.is_ai, part.p_ai, sources)
    unseen = {name: group for name, group in generators.items() if name != metrics.UNNAMED and group["seen"] is False}
    return metrics.figures(part.is_ai, part.p_ai, points, origins, part.said("reason", "too_small")) | {
        "unseen_generators": metrics.extremes(unseen, "auc", LEAST_GENERATOR),
        "worst_sources": metrics.extremes(real_sources, "called_ai", LEAST_SOURCE),
        "within_sources": metrics.extremes(within, "auc", LEAST_WITHIN),
        "generators": generators,
        "real_sources": real_sources,
        "sources_of_both": within,
        "size_bands": size_bands(part),
    }


def size_bands(part: Scored) -> dict[str, dict[str, Any]]:
    """AUC, and the share of real pictures with p of 0.5 and more, by the short side."""
    short = np.array([min(record.width or 0, record.height or 0) for record in part.records])
    result = {}
    for low, high in zip((0, *SIZE_BANDS), (*SIZE_BANDS, None), strict=True):
        rows = (short >= low) & (short < (high or np.inf))
        is_ai, p_ai = part.is_ai[rows], part.p_ai[rows]
        if is_ai.any() and not is_ai.all():
            found = metrics.separation(is_ai, p_ai)
            wrong, n_real = int((p_ai[~is_ai] >= 0.5).sum()), found["n_real"]
            result[f"{low}-{high - 1} px" if high else f"{low} px and more"] = found | {
                "real_above_half": wrong / n_real,
                "interval": metrics.wilson(wrong, n_real),
            }
    return result


def trivial_baseline(part: Scored) -> dict[str, Any]:
    """The baseline of trivial features on the same pictures."""
    with ThreadPoolExecutor(usable_cpus()) as pool:
        table = np.array(list(pool.map(lambda picture: baseline.features(picture.path), part.pictures)))
    return baseline.baseline(table, part.is_ai, [picture.origin for picture in part.pictures])


def worst(part: Scored) -> list[dict[str, Any]]:
    """The pictures whose p is farthest from the truth, of both kinds."""
    result = []
    for is_ai in (False, True):
        rows = [row for row in zip(part.pictures, part.records, strict=True) if row[0].is_ai == is_ai]
        rows.sort(key=lambda row: row[1].p_ai or 0.0, reverse=not is_ai)
        result += [
            {
                "path": str(picture.path),
                "is_ai": is_ai,
                "p_ai": record.p_ai,
                "verdict": record.verdict,
                "source": picture.source,
                "generator": picture.generator,
            }
            for picture, record in rows[:WORST]
        ]
    return result


def choose(folder: Path, sample: int | None, seed: int) -> list[LabelledImage]:
    """The pictures of a labelled folder, or `sample` of each class. Raises FauxtoError for an empty class."""
    found = find(folder, read_index(folder, Path(os.path.abspath(folder)).parent))
    for label in LABELS:
        if not of_class(found, label):
            raise FauxtoError(f"{folder / label}: no pictures; eval needs the sub-folders ai and real")
    return choose_from(found, sample, seed)


def choose_from(pictures: Sequence[LabelledImage], sample: int | None, seed: int) -> list[LabelledImage]:
    """`pictures`, or a seeded `sample` of each class."""
    chosen = []
    for label in LABELS:
        own = of_class(pictures, label)
        chosen += random.Random(seed).sample(own, sample) if sample and len(own) > sample else own
    return chosen
