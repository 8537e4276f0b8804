"""Two answers -> one: the first network's log-odds and the second opinion's logit, weighed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", float, npt.NDArray[np.float64])


@dataclass(frozen=True)
class Weights:
    """What both networks count; never negative, so that more of either is never less of both.

    Attributes:
        pixels: what the first network's log-odds are multiplied by before they are added.
        scene: the same of the head's logit.
    """

    pixels: float
    scene: float

    def fuse(self, pixels: Number, scene: Number) -> Number:
        """Log-odds of the first network, and logits of the head -> fused logits."""
        return self.pixels * pixels + self.scene * scene


@dataclass(frozen=True, kw_only=True)
class Fusion(Weights):
    """The card's block "second".

    Attributes:
        encoder_sha256: of the encoder's weights that the head was made on.
        first: the first network's release, which it was fused with.
        first_sha256: of that release's files, whichever runs.
        pixels, scene: see Weights.
        disagreement: the least and the most that the log-odds exceeded the logit by, on val. Beyond, nothing is known.
    """

    encoder_sha256: str
    first: str
    first_sha256: tuple[str, ...]
    disagreement: tuple[float, float]

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Fusion:
        """The block of a card. Raises KeyError, TypeError, ValueError or OverflowError for one that is none."""
        block = card["second"]
        least, most = block["disagreement"]
        numbers, names = (block["pixels"], block["scene"], least, most), block["first_sha256"]
        for number in numbers:
            if isinstance(number, bool) or not math.isfinite(number):
                raise ValueError(f"{number!r} is not a number")
        if not isinstance(names, list) or not names:
            raise ValueError("first_sha256 is no list of names")
        if min(numbers[:2]) < 0 or least > most:
            raise ValueError("a weight is negative, or disagreement ends before it begins")
        return cls(
            encoder_sha256=str(block["encoder_sha256"]),
            first=str(block["first"]),
            first_sha256=tuple(map(str, names)),
            pixels=float(block["pixels"]),
            scene=float(block["scene"]),
            disagreement=(float(least), float(most)),
        )

    def disagrees(self, pixels: float, scene: float) -> bool:
        """Whether the two are further apart than on any picture that the fusion was calibrated on."""
        least, most = self.disagreement
        return not least <= pixels - scene <= most
