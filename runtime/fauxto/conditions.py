"""What the web does to a picture, so that figures can be given for it: clean, web, hard."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

Condition = Callable[[Image.Image], Image.Image]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Save an RGB picture once as JPEG (4:2:0) and read it back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def shrink(image: Image.Image, max_short_side: int) -> Image.Image:
    """Scale an RGB picture down to `max_short_side` px; a smaller one stays as it is."""
    short = min(image.size)
    if short <= max_short_side:
        return image
    width, height = (max(1, round(side * max_short_side / short)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def clean(image: Image.Image) -> Image.Image:
    """As the file is."""
    return image


def web(image: Image.Image) -> Image.Image:
    """Short side at most 768 px, JPEG quality 60: a picture shared once."""
    return jpeg(shrink(image, 768), 60)


def hard(image: Image.Image) -> Image.Image:
    """Short side at most 512 px, JPEG quality 40: a picture shared often."""
    return jpeg(shrink(image, 512), 40)


CONDITIONS: dict[str, Condition] = {"clean": clean, "web": web, "hard": hard}
