"""A Detector as Ray Data wants one: a class whose instances answer batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from fauxto.detector import Detector
from fauxto.inference.providers import ProviderLike
from fauxto.scan.defaults import TIMEOUT
from fauxto.scan.rows import Decoders
from fauxto.scan.sources import Item, named
from fauxto.scan.table import rows_table
from fauxto.verdict import PRIOR


class Predictor:
    """Answers batches of pictures; one Detector an actor. It knows nothing of Ray.

        paths = ray.data.from_items([{"path": "a.jpg"}, {"path": "s3://bucket/b.png"}])
        paths.map_batches(fauxto.scan.Predictor, batch_format="pyarrow", concurrency=2).write_parquet("out")

    Attributes:
        detector: the Detector that answers.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        provider: ProviderLike | None = None,
        operating_point: str | None = None,
        variant: str | None = None,
        prior: float = PRIOR,
        second_opinion: bool | str | os.PathLike[str] = False,
        threads: int | None = 1,
        jobs: int = 1,
        timeout: float = TIMEOUT,
        batch_size: int = 1,
    ) -> None:
        """See Detector for its errors.

        Args:
            model: as Detector takes it, and so the next four.
            provider: see Detector.
            operating_point: see Detector.
            variant: see Detector.
            prior: see Detector.
            second_opinion: see Detector.
            threads: of the inference: 1, as Ray gives an actor one CPU unless it is asked for more.
            jobs: processes that decode beside the inference.
            timeout: seconds that an image may take to be fetched and decoded; one that takes longer is an error row.
            batch_size: pictures in one run of the model.
        """
        self.detector = Detector(
            model,
            provider=provider,
            variant=variant,
            operating_point=operating_point,
            threads=threads,
            provenance=True,
            prior=prior,
            second_opinion=second_opinion,
        )
        self._decoders = Decoders(jobs, self.detector.card.preprocessing, timeout, self.detector.scene)
        self._batch_size = batch_size

    def __call__(self, batch: pa.Table) -> pa.Table:
        """A table with a column `path` of paths and URLs -> rows as fauxto.scan.table.rows_table has them."""
        rows = list(self.rows(map(named, batch.column("path").to_pylist())))
        return rows_table(rows, fused=self.detector.second is not None)

    def rows(self, items: Iterable[Item]) -> Iterator[dict[str, Any]]:
        """A row for each item, in their order; see fauxto.scan.rows.Decoders."""
        return self._decoders.rows(self.detector, items, self._batch_size)
