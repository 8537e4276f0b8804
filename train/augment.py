"""Augmentation: an image -> a training crop. It is the same for both classes, with the same probabilities.

The order is that of a picture's life on the web: scaled, saved (once or twice), then looked at. A crop
comes last, so that the codec's 8 x 8 grid lies anywhere in it.
"""

from __future__ import annotations

import io
import math
import random
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from fauxto.evaluate.corruptions import has_codec
from fauxto.image.decode import register_heif
from fauxto.image.preprocess import mirror_pad

MARGIN = 16  # px around the crop while the codecs work: room for a random phase of their grid
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)

P_NATIVE = 0.4  # not scaled at all
P_THUMBNAIL = 0.15  # the whole image, small
SCALE = (0.3, 1.4)  # otherwise, log-uniform
P_BLUR, P_NOISE, P_COLOUR, P_GREY = 0.1, 0.1, 0.3, 0.03
BLUR = (0.2, 1.2)  # px, the Gaussian's deviation
NOISE = (1, 5)  # grey levels, the Gaussian's deviation
JITTER = (0.8, 1.2)  # factor of brightness, of contrast, of saturation
P_CODEC, P_SECOND_CODEC = 0.85, 0.3
QUALITY = (30, 95)
SUBSAMPLINGS = (0, 2, 2)  # of JPEG, as Pillow counts them: 4:4:4 once, 4:2:0 twice
CODECS: dict[str, tuple[float, dict[str, Any]]] = {
    "JPEG": (0.59, {}),
    "WEBP": (0.25, {"method": 0}),
    "AVIF": (0.08, {"speed": 10}),
    "HEIF": (0.08, {"enc_params": {"preset": "ultrafast"}}),  # every iPhone's
}
"""Format -> its share of the rounds, and its fastest settings. One that is not installed leaves its share to others."""


def augment(image: Image.Image, size: int, rng: random.Random) -> npt.NDArray[np.uint8]:
    """An upright RGB image -> one training crop, (size, size, 3) uint8. All randomness comes from `rng`."""
    region = rescaled_region(image, size + MARGIN, rng)
    if rng.random() < P_BLUR:
        region = region.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR)))
    if rng.random() < P_COLOUR:
        region = jitter(region, rng)
    if rng.random() < P_NOISE:
        region = add_noise(region, rng)
    if rng.random() < P_CODEC:
        region = save_and_load(region, rng)
        if rng.random() < P_SECOND_CODEC:
            region = save_and_load(region, rng)
    pixels = mirror_pad(np.asarray(region), size)
    top, left = (rng.randint(0, side - size) for side in pixels.shape[:2])
    crop = pixels[top : top + size, left : left + size]
    return np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop)


def rescaled_region(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    """A random square of about `size` px, cut from the image at native size, or scaled."""
    draw, short = rng.random(), min(image.size)
    if draw < P_NATIVE:
        scale = 1.0
    elif draw < P_NATIVE + P_THUMBNAIL:
        scale = size / short
    else:
        scale = math.exp(rng.uniform(*map(math.log, SCALE)))
    scale = max(scale, min(1.0, size / short))  # never smaller than the crop needs
    width, height = (min(side, math.ceil(size / scale)) for side in image.size)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    box = (left, top, left + width, top + height)
    if scale == 1.0:
        return image.crop(box)
    target = max(1, round(width * scale)), max(1, round(height * scale))
    return image.resize(target, rng.choice(FILTERS), box=box)


def save_and_load(image: Image.Image, rng: random.Random) -> Image.Image:
    """One round of a codec at a random quality, of JPEG at a random chroma subsampling too."""
    names, shares = codecs()
    name, quality, buffer = rng.choices(names, shares)[0], rng.randint(*QUALITY), io.BytesIO()
    settings = {"subsampling": rng.choice(SUBSAMPLINGS)} if name == "JPEG" else CODECS[name][1]
    image.save(buffer, name, quality=quality, **settings)
    return Image.open(buffer).convert("RGB")


@cache
def codecs() -> tuple[list[str], list[float]]:
    """The formats of CODECS that this installation can write, and their shares."""
    names = [name for name in CODECS if name == "JPEG" or has_codec(name)]
    if "HEIF" in names:
        register_heif()
    return names, [CODECS[name][0] for name in names]


def jitter(image: Image.Image, rng: random.Random) -> Image.Image:
    """Small changes of brightness, contrast and saturation; now and then no colour at all."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(rng.uniform(*JITTER))
    return image.convert("L").convert("RGB") if rng.random() < P_GREY / P_COLOUR else image


def add_noise(image: Image.Image, rng: random.Random) -> Image.Image:
    """Gaussian noise of up to 5 grey levels."""
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(*NOISE), (*image.size[::-1], 3))
    return Image.fromarray((np.asarray(image) + noise).round().clip(0, 255).astype(np.uint8))
