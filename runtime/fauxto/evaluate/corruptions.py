"""Image corruptions for evaluation.

CONDITIONS are the three that every report covers; GRID applies one corruption at a time; MOVES are the ways in which a
page may deliver a picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec

import numpy as np
from PIL import Image, ImageFilter, features

from fauxto.errors import FauxtoError
from fauxto.image.decode import register_heif
from fauxto.image.decoded import Corruption


def save_as(image: Image.Image, quality: int, format: str = "JPEG") -> Image.Image:
    """Save an RGB picture once as JPEG (4:2:0), WebP, AVIF or HEIF, and read it back."""
    if format == "HEIF":
        register_heif()
    buffer = io.BytesIO()
    image.save(buffer, format, quality=quality)
    return Image.open(buffer).convert("RGB")


def shrink(image: Image.Image, max_short_side: int) -> Image.Image:
    """Scale an RGB picture down to `max_short_side` px; a smaller one stays as it is."""
    short = min(image.size)
    return image if short <= max_short_side else rescale(image, max_short_side / short)


def rescale(image: Image.Image, factor: float) -> Image.Image:
    """Scale both sides, with Lanczos."""
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def clean(image: Image.Image) -> Image.Image:
    """As the file is."""
    return image


def web(image: Image.Image) -> Image.Image:
    """Short side at most 768 px, JPEG quality 60: a picture shared once."""
    return save_as(shrink(image, 768), 60)


def hard(image: Image.Image) -> Image.Image:
    """Short side at most 512 px, JPEG quality 40: a picture shared often."""
    return save_as(shrink(image, 512), 40)


def twice(image: Image.Image) -> Image.Image:
    """JPEG 75, then JPEG 90: the second codec's grid lies on the first's."""
    return save_as(save_as(image, 75), 90)


def blur(image: Image.Image, sigma: float) -> Image.Image:
    """Gaussian blur, sigma in px."""
    return image.filter(ImageFilter.GaussianBlur(sigma))


def noise(image: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise, sigma in grey levels, the same for the same size."""
    grain = np.random.default_rng(0).normal(0, sigma, (*image.size[::-1], 3))
    return Image.fromarray((np.asarray(image) + grain).round().clip(0, 255).astype(np.uint8))


def screenshot(image: Image.Image) -> Image.Image:
    """Fitted into a window of 1440 x 900 px by the browser's bilinear scaling, and stored without loss."""
    factor = min(1440 / image.width, 900 / image.height)
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def delivered(image: Image.Image, side: int | None, codec: Corruption) -> Image.Image:
    """Scaled down to a short side of `side` px, where that is given, and saved once."""
    return codec(image if side is None else shrink(image, side))


# A condition is a corruption that reports give all figures for.
CONDITIONS: dict[str, Corruption] = {"clean": clean, "web": web, "hard": hard}

CODECS = {"webp": ("WEBP", (80, 50)), "avif": ("AVIF", (70, 50)), "heic": ("HEIF", (80, 60, 40))}
"""Name in the grid -> Pillow's name, and the qualities; each is in the grid where this installation has the codec."""


def has_codec(format: str) -> bool:
    """Whether pictures can be saved in a format of CODECS here."""
    return find_spec("pillow_heif") is not None if format == "HEIF" else bool(features.check(format.lower()))


GRID: dict[str, Corruption] = {
    **{f"jpeg {quality}": partial(save_as, quality=quality) for quality in (95, 85, 75, 60, 50, 40, 30)},
    "jpeg 75, then 90": twice,
    **{
        f"{name} {quality}": partial(save_as, quality=quality, format=codec)
        for name, (codec, qualities) in CODECS.items()
        if has_codec(codec)
        for quality in qualities
    },
    **{f"scale {factor}": partial(rescale, factor=factor) for factor in (0.25, 0.5, 0.75, 1.5, 2.0)},
    **{f"blur {sigma}": partial(blur, sigma=sigma) for sigma in (0.5, 1.0, 2.0)},
    **{f"noise {sigma}": partial(noise, sigma=sigma) for sigma in (2, 5)},
    "screenshot": screenshot,
}


SIZES = {"full size": None, "768 px": 768, "512 px": 512}
"""What a page may scale a picture's short side down to; a smaller picture stays as it is."""

MOVES: dict[str, tuple[str, str, Corruption]] = {
    codec if side is None else f"{size}, {codec}": (size, codec, partial(delivered, side=side, codec=GRID[codec]))
    for size, side in SIZES.items()
    for codec in ("jpeg 85", "jpeg 60", "webp 80", "avif 70")
    if codec in GRID
}
"""Ways in which a page may deliver one picture: name -> (size, codec, corruption). Those of full size are in GRID."""

CELLS: dict[str, Corruption] = {name: move[2] for name, move in MOVES.items() if name not in GRID}
"""The others."""


def refuse_unknown(names: Iterable[str]) -> None:
    """Raise FauxtoError for a name that is not in CONDITIONS."""
    for name in names:
        if name not in CONDITIONS:
            raise FauxtoError(f"condition '{name}' is not one of {', '.join(CONDITIONS)}")
