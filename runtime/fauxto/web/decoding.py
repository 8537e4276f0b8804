"""What a decoding process does. Nothing of onnxruntime or FastAPI here: it starts often, and must start fast."""

from __future__ import annotations

import signal
import sys
import warnings

import numpy as np
import numpy.typing as npt

from fauxto.errors import ImageError
from fauxto.explain import cover
from fauxto.image.decode import explain, keep_memory, load, open_image
from fauxto.image.decoded import Decoded, decode
from fauxto.image.preprocess import Preprocessing, scale, scaled_size
from fauxto.provenance import declaration  # noqa: F401  # `decode` wants it with the first picture
from fauxto.subprocesses import follow_parent
from fauxto.web.limits import MAX_CROPS, MAX_MEMORY, MAX_PIXELS


def begin() -> None:
    """Called once in each process."""
    follow_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler in Python would wait for the decoder to come back
    keep_memory()
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def crops(data: bytes, rule: Preprocessing, scene: Preprocessing | None) -> Decoded:
    """A picture's crops, its declaration, and with `scene` the whole of it.

    Never raises for a bad picture: the answer has its `error`.
    """
    try:
        _refuse_large(data)
    except ImageError as error:
        return Decoded(None, error=error.reason)
    return decode(data, rule, scene=scene, provenance=True)


def reduced(data: bytes, rule: Preprocessing) -> npt.NDArray[np.uint8]:
    """A picture at the size that the model sees it at, (H, W, 3) uint8 sRGB.

    Raises:
        ImageError: it cannot be read, or a heat map of it would take more than MAX_CROPS crops.
    """
    _refuse_large(data)
    image = load(data)
    if len(cover(scaled_size(image.size, rule.max_short_side), rule).positions) > MAX_CROPS:
        raise ImageError("too long and narrow for a heat map; cut a part out of it first")
    return np.asarray(scale(image, rule))


def _refuse_large(data: bytes) -> None:
    try:
        with open_image(data) as image:
            width, height = image.size
    except ImageError:
        raise
    except Exception as error:  # as `load` says of it
        raise ImageError(explain(error)) from None
    if width * height > MAX_PIXELS:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels; scale it down first")
