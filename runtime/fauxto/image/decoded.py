"""An image on its way to the model: decoded, cut into crops, and what its file says of itself.

Nothing of onnxruntime here: the processes that decode for a scan do this, and only this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.errors import ImageError
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing, cut_crops
from fauxto.image.source import Source, path_of, read_bytes

if TYPE_CHECKING:
    from fauxto.prediction import Declaration

Corruption = Callable[[Image.Image], Image.Image]
"""What evaluation does to an upright RGB image before the model sees it: see fauxto.evaluate.corruptions."""


@dataclass(frozen=True)
class Decoded:
    """What was read of one image.

    Attributes:
        path: the name that the answer gets: the input's path, where it had one.
        crops: (V, S, S, 3) uint8; None where it cannot be read.
        size: width and height of the upright image, px.
        error: what is wrong with it, one line; None where it could be read.
        declaration: what the file says of itself, where that was asked for.
        seconds: that it took.
        scene: (1, S, S, 3) uint8, the whole image for a second opinion, where that was asked for.
    """

    path: str | None
    crops: npt.NDArray[np.uint8] | None = None
    size: tuple[int, int] = (0, 0)
    error: str | None = None
    declaration: Declaration | None = None
    seconds: float = 0.0
    scene: npt.NDArray[np.uint8] | None = None


def corrupted(image: Image.Image, corruption: Corruption) -> Image.Image:
    """`corruption` done to the image. Raises ImageError where it cannot be: WebP, say, ends at 16,383 px."""
    try:
        return corruption(image)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be changed like this ({error})") from None


def decode(
    x: Source,
    rule: Preprocessing,
    *,
    scene: Preprocessing | None = None,
    name: str | None = None,
    provenance: bool = False,
    corruption: Corruption | None = None,
) -> Decoded:
    """Decode `x` and cut its crops. Never raises for a bad image: the answer has its `error`.

    Args:
        x: what `load` takes.
        rule: how crops are cut.
        scene: how the second opinion sees the image, where one is asked for.
        name: what the answer is called; default: the input's path, where it has one.
        provenance: also read what the file declares.
        corruption: done to the upright RGB image first.
    """
    started = time.perf_counter()
    path = name if name is not None else path_of(x)
    told = None
    try:
        data = x if isinstance(x, (Image.Image, np.ndarray)) else read_bytes(x)
        image = corrupted(load(data), corruption) if corruption else load(data)
        crops, whole = cut_crops(image, rule), cut_crops(image, scene) if scene else None
        if provenance and isinstance(data, bytes):
            from fauxto.provenance.declaration import declaration  # its readers take time to load, and are seldom used

            told = declaration(data)
    except ImageError as failure:
        return Decoded(path, error=failure.reason, seconds=time.perf_counter() - started)
    return Decoded(path, crops, image.size, None, told, time.perf_counter() - started, whole)
