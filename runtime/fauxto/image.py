"""Any input -> one upright RGB picture. The only decoder in the project: training uses it too."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from fauxto.errors import ImageError

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[np.uint8]

SUFFIXES = frozenset(
    ".avif .bmp .gif .heic .heif .jfif .jpe .jpeg .jpg .mpo .png .tif .tiff .webp".split()  # noqa: SIM905
)
"""File names that a search through a folder picks up. A file named outright is always tried."""

MAX_PIXELS = 178_000_000
"""Largest picture that is decoded. A header that claims more is refused before any pixel is read."""

_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


def load(source: Source) -> Image.Image:
    """Read a picture of any accepted kind as RGB, upright.

    The same picture gives the same pixels through every kind of input: a path, encoded bytes, a binary
    file, a PIL image, or an array (H, W, 3) uint8 in RGB order. Only the first frame of an animation
    counts. EXIF orientation is applied, transparency is laid over white, 16-bit samples keep their
    high byte, CMYK and the other modes are converted as Pillow does it.

    Raises:
        ImageError: the input is missing, is no picture, is truncated, or is larger than MAX_PIXELS.
    """
    try:
        return to_rgb(_open(source))
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError("no such file; check the path") from None
    except IsADirectoryError:
        raise ImageError("is a folder; add -r to search it") from None
    except PermissionError as error:
        if _is_folder(source):  # how Windows answers to opening a folder
            raise ImageError("is a folder; add -r to search it") from None
        raise ImageError(f"no permission to read it ({error.strerror or error})") from None
    except UnidentifiedImageError:
        raise ImageError(_unidentified(source)) from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large()) from None
    except MemoryError:
        raise ImageError("not enough memory to decode it") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError) as error:
        # Pillow's plugins answer to damaged files with any of these.
        raise ImageError(f"damaged or truncated picture ({_one_line(error)})") from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any PIL image upright and into mode RGB. An upright RGB image is returned without a copy."""
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _ALPHA_MODES or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        backdrop = Image.new("RGBA", upright.size, "white")
        return Image.alpha_composite(backdrop, upright).convert("RGB")
    if upright.mode.startswith("I"):
        # Pillow clips 16-bit grey when it converts; the high byte is what an 8-bit save would keep.
        wide = np.asarray(upright).astype(np.int64)
        upright = Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8))
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def _open(source: Source) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (str, os.PathLike)):
        _register_heif(Path(source).suffix)
        return _open_checked(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = source.read()
    else:
        raise ImageError(f"a {type(source).__name__} is no picture; pass a path, bytes, file, PIL image or array")
    if not data:
        raise ImageError("the file is empty")
    return _open_checked(io.BytesIO(data))


def _open_checked(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
    image = Image.open(source)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large())
    return image


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"an array must be (H, W, 3) uint8 in RGB order, not {array.shape} {array.dtype}")
    return Image.fromarray(array)


def _register_heif(suffix: str) -> None:
    if suffix.lower() not in (".heic", ".heif") or ".heic" in Image.registered_extensions():
        return
    try:
        import pillow_heif
    except ImportError:
        raise ImageError('HEIC pictures need one more package: pip install "fauxto[heic]"') from None
    pillow_heif.register_heif_opener()


def _is_folder(source: Source) -> bool:
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)


def _unidentified(source: Source) -> str:
    if isinstance(source, (str, os.PathLike)) and os.path.getsize(source) == 0:
        return "the file is empty"
    return "not a picture in a format that Pillow can read"


def _too_large() -> str:
    return f"more than {MAX_PIXELS // 1_000_000} megapixels; scale it down first"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
