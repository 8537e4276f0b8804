"""One condition's figures: of all pictures, and by generator, source and size."""

from __future__ import annotations

import numpy as np

from fauxto.detector import Detector
from fauxto.evaluate import metrics
from fauxto.evaluate.records import ConditionFigures, Mistake, SizeBand
from fauxto.evaluate.scored import Scored

LEAST_GENERATOR, LEAST_SOURCE = 20, 30  # pictures that a group needs before it counts as best or worst
LEAST_WITHIN = 10  # of each class, for a source of both
SIZE_BANDS = (200, 320, 512, 768, 1024)  # px, edges of the short side
WORST = 12  # mistakes of each kind that are listed


def break_down(part: Scored, detector: Detector) -> ConditionFigures:
    """All figures of one condition, with its groups."""
    is_ai, p_ai, called = part.is_ai, part.p_ai, part.said("verdict", "ai")
    trained_on = detector.card.raw.get("data", {}).get("generators")
    seen = None if trained_on is None else frozenset(trained_on)
    forced = part.said("reason", "too_small") | part.said("reason", "disagree")
    names = [picture.generator for picture in part.pictures]
    sources = [picture.source for picture in part.pictures]
    generators = metrics.by_generator(is_ai, p_ai, called, names, seen)
    unseen = {name: group for name, group in generators.items() if name != metrics.UNNAMED and group["seen"] is False}
    real_sources = metrics.by_source(is_ai, called, sources)
    within = metrics.by_source_of_both(is_ai, p_ai, sources)
    points = list(detector.card.operating_points.values())
    origins = [picture.origin for picture in part.pictures]
    return {
        **metrics.figures(is_ai, p_ai, points, origins, forced),
        "unseen_generators": metrics.extremes(unseen, "auc", LEAST_GENERATOR),
        "worst_sources": metrics.extremes(real_sources, "called_ai", LEAST_SOURCE),
        "within_sources": metrics.extremes(within, "auc", LEAST_WITHIN),
        "generators": generators,
        "real_sources": real_sources,
        "sources_of_both": within,
        "size_bands": size_bands(part),
    }


def size_bands(part: Scored) -> dict[str, SizeBand]:
    """AUC, and the share of real pictures with p of 0.5 and more, by the short side."""
    short = np.array([min(record.width or 0, record.height or 0) for record in part.records])
    result: dict[str, SizeBand] = {}
    for low, high in zip((0, *SIZE_BANDS), (*SIZE_BANDS, None), strict=True):
        rows = (short >= low) & (short < (high or np.inf))
        is_ai, p_ai = part.is_ai[rows], part.p_ai[rows]
        if is_ai.any() and not is_ai.all():
            found = metrics.separation(is_ai, p_ai)
            wrong, n_real = int((p_ai[~is_ai] >= 0.5).sum()), found["n_real"]
            result[f"{low}-{high - 1} px" if high else f"{low} px and more"] = {
                **found,
                "real_above_half": wrong / n_real,
                "interval": metrics.wilson(wrong, n_real),
            }
    return result


def worst(part: Scored) -> list[Mistake]:
    """The pictures whose p is farthest from the truth, of both kinds."""
    result: list[Mistake] = []
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
