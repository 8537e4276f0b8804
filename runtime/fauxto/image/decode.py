"""Any input -> one upright sRGB image. The only decoder in the project: training uses it too.

    bytes (source.py) -> is it a format we read? (formats.py) -> without hostile metadata (trim.py)
    -> Pillow -> eight bits -> sRGB (colour.py) -> transparency over white -> upright

Conversions go band by band: beside the decoded image they never hold more than one other image of its size.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from fauxto.errors import ImageError
from fauxto.image import formats, tiff
from fauxto.image.colour import is_srgb, to_srgb
from fauxto.image.source import Source, path_of, read_bytes
from fauxto.image.trim import trimmed

MAX_PIXELS = 178_000_000
"""Largest image that is decoded. A header that claims more is refused before any pixel is read."""

BAND = 1 << 20
"""Pixels that are converted at once."""

_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation -> what turns the image upright."""


def load(source: Source) -> Image.Image:
    """Read an image of any accepted kind as sRGB, upright.

    The same image gives the same pixels through every kind of input: a path (of a file or a pipe), encoded bytes, a
    binary file, a PIL image, or an array (H, W, 3) uint8 in RGB order. Only the first frame of an animation counts.
    EXIF's orientation and an embedded colour profile are applied, transparency is laid over white, 16-bit samples
    keep their high byte, CMYK is converted as Pillow does it.

    Returns:
        A PIL image of mode RGB.

    Raises:
        ImageError: the input is missing, is no picture, is of a format or sample type that is not read, is damaged,
            or is larger than MAX_PIXELS. It begins with the path, where there is one.
    """
    try:
        if isinstance(source, Image.Image):
            return to_rgb(source)
        if isinstance(source, np.ndarray):
            return _from_array(source)
        return load_bytes(read_bytes(source))
    except ImageError as error:
        raise ImageError(error.reason, path_of(source)) from None
    except Exception as error:  # Pillow's plugins answer to damaged files with nearly any kind
        raise ImageError(explain(error), path_of(source)) from None


def load_bytes(data: bytes) -> Image.Image:
    """`load` for a file's bytes. Raises whatever Pillow raises, or ImageError."""
    image = open_image(data)
    image.load()
    turn = _orientation(image)
    flat = _flat(image)
    if flat is not image:
        image.close()  # its pixels are in `flat` now: turning that takes the memory of one image more
    return _turned(flat, turn)


def open_image(data: bytes) -> Image.Image:
    """A file's bytes as Pillow opens them, before any pixel is decoded. Raises whatever Pillow raises, or ImageError.

    Its `info` has the colour profile, and "orientation" where the file is to be turned.
    """
    if refusal := formats.refusal(data):
        raise ImageError(refusal)
    name = formats.name_of(data)
    assert name is not None  # `refusal` knows every other file
    if name == "HEIF":
        register_heif()
    fit, profile = trimmed(data, name)
    image = Image.open(io.BytesIO(fit), formats=[name])
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large())
    if profile is not None:
        image.info["icc_profile"] = profile
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any PIL image upright and into sRGB, mode RGB. An upright sRGB image is returned without a copy.

    Raises:
        ImageError: its samples are floating-point or 32-bit numbers.
    """
    image.load()
    return _turned(_flat(image), _orientation(image))


def file_format(data: bytes) -> str | None:
    """The format of an image file by its bytes, as Pillow names it ("JPEG"); None where it cannot be opened."""
    try:
        with open_image(data) as image:
            return image.format
    except Exception:  # the same file fails in `load`, with its reason
        return None


def keep_memory() -> None:
    """Let Pillow keep 64 MB of freed memory for the next image; it belongs to the whole process.

    Otherwise each large image is written to pages that the system must clear first: 20 of the 100 ms
    that a 12 MP JPEG takes (benchmarks/README.md). Small blocks fit images of any size.
    """
    Image.core.set_block_size(1 << 20)  # type: ignore[attr-defined]
    Image.core.set_blocks_max(64)  # type: ignore[attr-defined]


def explain(error: Exception) -> str:
    """What is wrong with an input, in one line, with the fix where there is one."""
    if isinstance(error, UnidentifiedImageError):
        return "damaged picture (its header cannot be read)"
    if isinstance(error, Image.DecompressionBombError):
        return _too_large()
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    return f"damaged or truncated picture ({' '.join(str(error).split()) or type(error).__name__})"


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"an array must be (H, W, 3) uint8 in RGB order, not {array.shape} {array.dtype}")
    return Image.fromarray(array)


def register_heif() -> None:
    """Teach Pillow HEIF. Raises ImageError where pillow-heif is not installed."""
    try:
        import pillow_heif
    except ImportError:
        raise ImageError('HEIC pictures need one more package: pip install "fauxto[heic]"') from None
    pillow_heif.register_heif_opener()


def _orientation(image: Image.Image) -> int:
    """How a loaded image is to be turned, 1 to 8."""
    if image.format == "TIFF":  # Pillow may have turned it when it was loaded, and then takes the entry away
        return int(image.getexif().get(tiff.ORIENTATION, 1))
    # Not by Pillow's getexif: it reads every entry of the block, whose sizes are whatever its author wrote.
    block = image.info.get("exif")
    return tiff.orientation(block.removeprefix(b"Exif\0\0")) if isinstance(block, bytes) else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else image


def _flat(image: Image.Image) -> Image.Image:
    """A loaded image in sRGB, mode RGB, not turned yet; itself where it is that already."""
    if image.mode in ("F", "I") or image.mode.startswith("I;32"):
        raise ImageError("floating-point or 32-bit samples are not read; save the picture with 8 or 16 bits first")
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and "transparency" not in image.info and is_srgb(profile, "RGB"):
        return image
    is_negative = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(tiff.PHOTOMETRIC) == 0
    result = Image.new("RGB", image.size)
    rows = max(1, BAND // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        result.paste(_flat_band(band, profile, is_negative), (0, top))
    return result


def _flat_band(band: Image.Image, profile: bytes | None, is_negative: bool) -> Image.Image:
    if band.mode.startswith("I"):
        # The high byte is what an 8-bit save would keep. A level that is declared transparent stays as it is.
        samples = (np.asarray(band) >> 8).astype(np.uint8)
        band = Image.fromarray(255 - samples if is_negative else samples)
    has_alpha = band.mode in _WITH_ALPHA or "transparency" in band.info
    if has_alpha:
        band = band.convert("RGBA")
    elif band.mode not in ("L", "RGB"):
        profile = profile if band.mode == "P" else None  # CMYK's profile says nothing of what Pillow made of it
        band = band.convert("RGB")
    band = to_srgb(band, profile)
    if has_alpha:
        band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band)
    return band if band.mode == "RGB" else band.convert("RGB")  # which copies even where nothing is to be done


def _too_large() -> str:
    return f"more than {MAX_PIXELS // 1_000_000} megapixels; scale it down first"
