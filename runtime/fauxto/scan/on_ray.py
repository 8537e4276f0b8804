"""The scan on Ray Data: an actor for each worker, which holds one Predictor and does one part after the other.

The parts are the local scan's, and a part's file has the same name whoever writes it: what Ray does twice, because a
worker died, is there once.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from fauxto.errors import FauxtoError
from fauxto.scan.folder import Folder, Part, Stopwatch
from fauxto.scan.predictor import Predictor

MOST_BLOCKS = 4096  # more would burden Ray's driver

OUTCOME = pa.schema([("verdict", pa.string()), ("count", pa.int64()), ("problem", pa.string())])
"""How many verdicts of each kind, and in the last row why the scan cannot go on, or nothing."""


class PartScanner:
    """Scans parts of the list; the class that Ray makes actors of."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        """Work on the scan in the folder `path`, with `options` for the Predictor."""
        self._folder, self._predictor = Folder(Path(path)), Predictor(**options)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Parts (start, stop) -> their OUTCOME. Their rows are on disk by then."""
        seen: Counter[str] = Counter()
        problem = None
        try:
            for start, stop in zip(batch.column("start").to_pylist(), batch.column("stop").to_pylist(), strict=True):
                part, watch = Part(start, stop), Stopwatch()
                rows = list(self._predictor.rows(self._folder.items(part)))
                self._folder.write(part, rows, watch.facts())
                seen.update(row["verdict"] or "error" for row in rows)
        except FauxtoError as error:  # an exception would come to the driver as a page of Ray's own words
            problem = str(error)
        counts = [{"verdict": word, "count": count} for word, count in seen.items()]
        return pa.Table.from_pylist([*counts, {"problem": problem}], schema=OUTCOME)


def run(
    folder: Folder,
    parts: Sequence[Part],
    options: Mapping[str, Any],
    workers: int | None,
    num_gpus: float,
    tell: Callable[[Counter[str]], None],
) -> None:
    """Scan the parts on the cluster of RAY_ADDRESS, else on one that is started here. `tell` hears of each part.

    Args:
        folder: on storage that every node has under this path.
        parts: what is to do.
        options: for each worker's Predictor.
        workers: at most; None: as many as the cluster has CPUs.
        num_gpus: of each worker, a share or a number.
        tell: hears the verdicts of finished parts.

    Raises:
        FauxtoError: Ray is not installed, or a worker cannot go on: a store does not answer, or the folder cannot be
            written.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    try:
        import ray
        import ray.data
    except ImportError:
        raise FauxtoError('--engine ray needs more packages: pip install "fauxto[ray]"') from None

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress is ours

    own = not ray.is_initialized()
    if own:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        most = workers or int(ray.cluster_resources().get("CPU", 1))
        listed = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=min(len(parts), MOST_BLOCKS))
        done = listed.map_batches(
            PartScanner,
            fn_constructor_args=(str(folder.path.resolve()), dict(options)),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
            num_gpus=num_gpus,
        )
        for row in done.iter_rows():
            if row["problem"]:
                raise FauxtoError(row["problem"])
            if row["verdict"]:
                tell(Counter({row["verdict"]: row["count"]}))
    finally:
        if own:
            ray.shutdown()
