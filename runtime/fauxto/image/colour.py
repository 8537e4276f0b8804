"""Embedded colour profiles: what is not sRGB is turned into it, as browsers and Core Graphics do."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from PIL import Image

from fauxto.image import matrix_profile

Convert = Callable[[Image.Image], Image.Image]

NEAR = 2  # levels: a profile that moves no colour of the probe farther is sRGB by another name
SPACES = {"RGB": ("RGB ",), "RGBA": ("RGB ",), "L": ("GRAY",)}
"""Mode -> the colour spaces that a profile for it can be in."""


def is_srgb(profile: bytes | None, mode: str) -> bool:
    """Whether nothing is to be done: no profile, sRGB by whatever name, a damaged one, or one for another mode."""
    return not profile or _converter(profile, mode) is None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB, RGBA or L image with the colours that `profile` gives it, as sRGB; L becomes RGB.

    Where nothing is to be done, the very same image is returned.
    """
    convert = _converter(profile, image.mode) if profile else None
    return image if convert is None else convert(image)


@lru_cache(maxsize=32)
def _converter(profile: bytes, mode: str) -> Convert | None:
    """What turns an image with this profile into sRGB; None where nothing is to be done."""
    if mode not in SPACES:
        return None
    if mode == "RGB" and (matrix := matrix_profile.read(profile)):
        convert: Convert = partial(_by_matrix, matrix)
    elif found := _by_tables(profile, mode):
        convert = found
    else:
        return None
    return None if _is_near(convert, mode) else convert


def _by_matrix(matrix: matrix_profile.MatrixProfile, image: Image.Image) -> Image.Image:
    return Image.fromarray(matrix.to_srgb(np.asarray(image)))


def _by_tables(profile: bytes, mode: str) -> Convert | None:
    """Little CMS's transform from the profile to sRGB; None where it is damaged or made for another kind of image."""
    from PIL import ImageCms  # takes time to load, and most images need none

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if opened.profile.xcolor_space not in SPACES[mode]:
            return None
        target = "RGBA" if mode == "RGBA" else "RGB"
        transform = ImageCms.buildTransform(
            opened, ImageCms.createProfile("sRGB"), mode, target, ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None
    return lambda image: transform.apply(image)


def _is_near(convert: Convert, mode: str) -> bool:
    """Whether no colour of a coarse grid is moved by more than NEAR levels."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    if mode == "L":
        probe = steps[None, :]
        expected = np.repeat(probe[..., None], 3, axis=2)
    else:
        probe = expected = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(9, 81, 3)
    given = Image.fromarray(probe)
    if mode == "RGBA":
        given.putalpha(255)
    found = np.asarray(convert(given).convert("RGB")).astype(int)
    return bool(np.abs(found - expected.astype(int)).max() <= NEAR)
