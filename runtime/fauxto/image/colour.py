"""Embedded colour profiles: what is not sRGB is turned into it, as browsers and Core Graphics do."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

NEAR = 2  # levels: a profile that moves no colour of the probe farther is sRGB by another name
SPACES = {"RGB": ("RGB ",), "RGBA": ("RGB ",), "L": ("GRAY",)}
"""Mode -> the colour spaces that a profile for it can be in."""


def is_srgb(profile: bytes | None, mode: str) -> bool:
    """Whether nothing is to be done: no profile, sRGB by whatever name, a damaged one, or one for another mode."""
    return not profile or _transform(profile, mode) is None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB, RGBA or L image with the colours that `profile` gives it, as sRGB; L becomes RGB.

    Where nothing is to be done, the very same image is returned.
    """
    transform = _transform(profile, image.mode) if profile else None
    return image if transform is None else transform.apply(image)


def in_place_to_srgb(image: Image.Image, profile: bytes | None) -> None:
    """`to_srgb` for an RGB image that may be written over."""
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        transform.apply_in_place(image)


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> Any | None:
    """Little CMS's transform from the profile to sRGB; None where nothing is to be done."""
    if mode not in SPACES:
        return None
    from PIL import ImageCms  # takes time to load, and most images need none

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if opened.profile.xcolor_space not in SPACES[mode]:
            return None
        target = "RGBA" if mode == "RGBA" else "RGB"
        transform = ImageCms.buildTransform(
            opened, ImageCms.createProfile("sRGB"), mode, target, ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        return None if _is_near(transform, mode) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def _is_near(transform: Any, mode: str) -> bool:
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
    found = np.asarray(transform.apply(given).convert("RGB")).astype(int)
    return bool(np.abs(found - expected.astype(int)).max() <= NEAR)
