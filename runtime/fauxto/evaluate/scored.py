"""A detector's records on labelled pictures, under one corruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from fauxto.detector import Detector
from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decoded import Corruption
from fauxto.prediction import Prediction
from fauxto.progress import Progress, on_terminal, tell


@dataclass(frozen=True)
class Scored:
    """Pictures and their records under one corruption, in the same order; all could be read."""

    pictures: list[LabelledImage]
    records: list[Prediction]

    @property
    def is_ai(self) -> npt.NDArray[np.bool_]:
        """(N,) the truth."""
        return np.array([picture.is_ai for picture in self.pictures], bool)

    @property
    def p_ai(self) -> npt.NDArray[np.float64]:
        """(N,) calibrated probabilities."""
        return np.array([record.p_ai for record in self.records], float)

    @property
    def has_both(self) -> bool:
        """Whether there are pictures of both classes, without which nothing can be measured."""
        return len({picture.is_ai for picture in self.pictures}) == 2

    def said(self, field: str, value: str) -> npt.NDArray[np.bool_]:
        """(N,) where a field of the record has that value."""
        return np.array([getattr(record, field) == value for record in self.records], bool)

    def among(self, pictures: Sequence[LabelledImage]) -> Scored:
        """The part that is about `pictures`."""
        wanted = set(pictures)
        rows = [row for row in zip(self.pictures, self.records, strict=True) if row[0] in wanted]
        return Scored([picture for picture, _ in rows], [record for _, record in rows])


def score(detector: Detector, pictures: Sequence[LabelledImage], name: str, corruption: Corruption) -> Scored:
    """The detector's records on `pictures` under one corruption. What cannot be read is named on stderr."""
    result = Scored([], [])
    progress = Progress(on_terminal(), f"{name}: ", len(pictures), "pictures")
    decodings = (partial(detector.decode, picture.path, corruption=corruption) for picture in pictures)
    answers = detector.answer_many(decodings)
    for count, (picture, record) in enumerate(zip(pictures, answers, strict=True), 1):
        progress.update(count)
        if record.ok:
            result.pictures.append(picture)
            result.records.append(record)
        else:
            tell(f"left out {picture.path}: {record.error}")
    progress.clear()
    return result
