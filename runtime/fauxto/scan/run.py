"""A scan from its beginning to its end, on either engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.inference.providers import ProviderLike
from fauxto.prediction import FUSED_SCHEMA, SCHEMA
from fauxto.progress import Progress, on_terminal, tell
from fauxto.scan import local
from fauxto.scan.defaults import PART_ROWS, TIMEOUT, Engine
from fauxto.scan.folder import Folder, Part, unwritable
from fauxto.scan.predictor import Predictor
from fauxto.scan.sources import Item, absolute, find, sample
from fauxto.system import usable_cpus
from fauxto.verdict import PRIOR


@dataclass(frozen=True)
class Plan:
    """What to scan, and how.

    Attributes:
        sources: folders, globs, .txt lists, tars, files and URLs; none: go on with the scan that is in `out`.
        out: folder for the results.
        sample: only so many of the pictures, drawn by `seed`; None: all.
        engine: "local" or "ray".
        part_rows: pictures in one Parquet file, at most: what is lost at worst when the machine dies.
        jobs: processes that decode, of each worker; None: the usable CPUs, and with Ray 1.
        timeout: seconds that a picture may take to be fetched and decoded.
        workers: of Ray, at most; None: as many as the cluster has CPUs.
        num_gpus: of each of Ray's workers.
        batch_size, model, provider, variant, operating_point, prior, second_opinion: as Detector takes them.
    """

    sources: tuple[str, ...]
    out: Path
    sample: int | None = None
    seed: int = 0
    engine: Engine = "local"
    part_rows: int = PART_ROWS
    jobs: int | None = None
    timeout: float = TIMEOUT
    workers: int | None = None
    num_gpus: float = 0
    batch_size: int = 1
    model: str | None = None
    provider: ProviderLike | None = None
    variant: str | None = None
    operating_point: str | None = None
    prior: float = PRIOR
    second_opinion: bool = False


def scan(plan: Plan, seen: Counter[str]) -> int:
    """Scan, or go on where an earlier scan ended. `seen` counts the verdicts of this run, whatever ends it.

    Returns:
        How many of the pictures earlier runs had done.

    Raises:
        FauxtoError: the folder holds another scan or is in use, a source or store cannot be used, the disk is full.
            What is saved by then is whole.
    """
    options: dict[str, Any] = {
        "model": plan.model,
        "provider": plan.provider,
        "operating_point": plan.operating_point,
        "prior": plan.prior,
        "second_opinion": plan.second_opinion,
        "batch_size": plan.batch_size,
        "timeout": plan.timeout,
    }
    here = Predictor(**options, variant=plan.variant, threads=None, jobs=plan.jobs or usable_cpus())
    options["variant"] = here.detector.variant
    folder = Folder(plan.out)
    try:
        with folder.hold():
            _begin(plan, folder, here.detector)
            for part in folder.drop_damaged():
                tell(f"{plan.out / part.name}: damaged, its pictures are read again")
            parts, total = folder.to_do(plan.part_rows), folder.count()
            before = total - sum(part.stop - part.start for part in parts)
            progress = Progress(on_terminal(), f"{before} done before; " if before else "", total - before, "pictures")

            def count(found: Counter[str]) -> None:
                seen.update(found)
                progress.update(seen.total())

            try:
                _work(plan, folder, parts, here, options, count)
            finally:
                progress.clear()
            return before
    except OSError as error:
        raise unwritable(plan.out, error) from None


def _work(
    plan: Plan,
    folder: Folder,
    parts: list[Part],
    here: Predictor,
    options: dict[str, Any],
    count: Callable[[Counter[str]], None],
) -> None:
    """Scan the parts, here or on Ray's workers, whose Predictors are made with `options`."""
    if plan.engine == "ray" and parts:
        from fauxto.scan import on_ray

        on_ray.run(folder, parts, options | {"jobs": plan.jobs or 1}, plan.workers, plan.num_gpus, count)
    else:
        local.run(folder, parts, here, count)


def _begin(plan: Plan, folder: Folder, detector: Detector) -> None:
    """Make the list of pictures, or take up the one that is there."""
    point = detector.operating_point.name
    asked: dict[str, Any] = {
        "model": detector.card.release,
        "model_sha256": detector.model_sha256,
        "card_sha256": detector.card_sha256,
        "operating_point": point,
        "prior": detector.prior,
        "test": _plain(detector.card.test_point(point)),
        "schema": FUSED_SCHEMA if detector.second else SCHEMA,
    }
    if point not in detector.card.operating_points:  # a user's own, which may be set anew under the same name
        asked["threshold"] = detector.operating_point.threshold
    if plan.sources:
        asked |= {"sources": [absolute(source) for source in plan.sources], "sample": plan.sample, "seed": plan.seed}
    elif folder.settings is None:
        raise FauxtoError(f"{plan.out}: no scan there to go on with; name what to scan")
    folder.begin(asked, lambda: _listed(plan))


def _plain(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The card's figures of its test split, for the report; None where it has none."""
    return None if figures is None else dict(figures)


def _listed(plan: Plan) -> Iterable[Item]:
    progress, found = Progress(on_terminal(), "listing: ", unit="pictures"), find(plan.sources)
    counted = (progress.update(count) or item for count, item in enumerate(found, 1))  # type: ignore[func-returns-value]
    items = sample(counted, plan.sample, plan.seed) if plan.sample else counted
    yield from items
    progress.clear()
