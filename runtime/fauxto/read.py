"""A picture on its way to the model: decoded, cut into views, and what its file says of itself.

Nothing of onnxruntime here: the processes that decode for a scan do this, and only this.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.errors import ImageError
from fauxto.image import Source, load
from fauxto.preprocess import Preprocessing, cut_views

if TYPE_CHECKING:
    from fauxto.provenance import Declaration

Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Read:
    """What was read of one picture.

    Attributes:
        path: the input's path, where it had one.
        views: (V, S, S, 3) uint8; None where it cannot be read.
        size: width and height of the upright picture, px.
        error: what is wrong with it, one line; None where it could be read.
        declaration: what the file says of itself, where that was asked for.
        seconds: that it took.
    """

    path: str | None
    views: npt.NDArray[np.uint8] | None = None
    size: tuple[int, int] = (0, 0)
    error: str | None = None
    declaration: Declaration | None = None
    seconds: float = 0.0


def changed(image: Image.Image, change: Change) -> Image.Image:
    """`change` done to the picture. Raises ImageError where it cannot be: WebP, say, ends at 16,383 px."""
    try:
        return change(image)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be changed like this ({error})") from None


def read(x: Source, rule: Preprocessing, provenance: bool = False, change: Change | None = None) -> Read:
    """Decode `x`, do `change` to the RGB picture if there is one, and cut the views. Never raises for a bad picture."""
    started = time.perf_counter()
    path = os.fspath(x) if isinstance(x, (str, os.PathLike)) else None
    try:
        image = changed(load(x), change) if change else load(x)
        views = cut_views(image, rule)
    except ImageError as failure:
        return Read(path, error=str(failure), seconds=time.perf_counter() - started)
    told = None
    if provenance and isinstance(x, (str, os.PathLike, bytes)):
        from fauxto.provenance import declaration  # its readers take time to load, and are seldom asked for

        told = declaration(x)
    return Read(path, views, image.size, None, told, time.perf_counter() - started)
