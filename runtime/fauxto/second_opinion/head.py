"""The head: an embedding of the whole image -> a logit."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fauxto.errors import ModelError
from fauxto.second_opinion.encoder import LENGTH

Doubles = npt.NDArray[np.float64]

NAMES = ("weight", "bias", "hidden", "hidden_bias")
"""What a head's file holds; the last two only where it has a hidden layer."""


@dataclass(frozen=True)
class Head:
    """Linear, or with one layer of H rectified units in between.

    Attributes:
        weight: (512,) float64, or (H,), of the units.
        bias: of the logit.
        hidden: (512, H) and (H,) float64, the units' weights and biases; None for a linear head.
    """

    weight: Doubles
    bias: float
    hidden: tuple[Doubles, Doubles] | None = None

    def logits(self, embeddings: npt.NDArray[np.floating]) -> Doubles:
        """(N, 512) embeddings of unit length -> (N,) logits, positive for "ai"."""
        values = embeddings.astype(np.float64)
        if self.hidden is not None:
            values = np.maximum(values @ self.hidden[0] + self.hidden[1], 0)
        found: Doubles = values @ self.weight + self.bias
        return found

    @classmethod
    def read(cls, path: Path) -> Head:
        """The head in a file. Raises ModelError where it holds something else."""
        try:
            with np.load(path) as file:
                names = NAMES if NAMES[2] in file else NAMES[:2]
                arrays = {name: file[name].astype(np.float64) for name in names}
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error) as error:
            raise ModelError(f"{path}: not a head ({error}); reinstall fauxto") from None
        shapes = [array.shape for array in arrays.values()]
        units = shapes[-1] if len(shapes) == len(NAMES) else (LENGTH,)
        if shapes != [units, (), (LENGTH, *units), units][: len(shapes)] or len(units) != 1:
            raise ModelError(f"{path}: not a head (shapes {' and '.join(map(str, shapes))}); reinstall fauxto")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ModelError(f"{path}: not a head (not all of it is numbers); reinstall fauxto")
        hidden = (arrays["hidden"], arrays["hidden_bias"]) if len(arrays) == len(NAMES) else None
        return cls(arrays["weight"], float(arrays["bias"]), hidden)
