"""JPEG: how strongly a file was compressed, and images as data: addresses."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from fauxto.image.decode import open_image
from fauxto.image.source import Source, read_bytes


def jpeg_quality(source: Source) -> int | None:
    """The quality, 1 to 100, that a JPEG file was last saved with, judged by its luminance table; None for others.

    The inverse of the Independent JPEG Group's scaling of the standard's table (ITU T.81, K.1), whose
    mean is 57.6; encoders with tables of their own get the nearest one. Below 20 the table saturates, and
    the estimate is too high.
    """
    try:
        with open_image(read_bytes(source)) as image:
            tables = getattr(image, "quantization", None)
    except Exception:  # the same file fails in `load`, with its reason
        return None
    if not tables or 0 not in tables:
        return None
    scale = 100 * float(np.mean(tables[0])) / 57.625
    return round(min(100, max(1, (200 - scale) / 2 if scale <= 100 else 5000 / scale)))


def data_uri(image: Image.Image, quality: int) -> str:
    """An RGB image as a JPEG in a data: address, for a page that needs no file beside it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
