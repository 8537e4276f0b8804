"""Any input -> one upright RGB image. The only decoder in the project: training uses it too."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fauxto.errors import ImageError

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[np.uint8]

MAX_PIXELS = 178_000_000
"""Largest picture that is decoded. A header that claims more is refused before any pixel is read."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


def load(source: Source) -> Image.Image:
    """Read a picture of any accepted kind as RGB, upright.

    The same picture gives the same pixels through every kind of input: a path, encoded bytes, a binary
    file, a PIL image, or an array (H, W, 3) uint8 in RGB order. Only the first frame of an animation
    counts. EXIF orientation is applied, transparency is laid over white, 16-bit samples keep their
    high byte, CMYK and the other modes are converted as Pillow does it.

    Raises:
        ImageError: the input is missing, is no picture, is truncated, or is larger than MAX_PIXELS. It begins with
            the path, where there is one.
    """
    path = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    try:
        return to_rgb(open_image(source))
    except ImageError as error:
        raise ImageError(error.reason, path) from None
    except Exception as error:  # Pillow's plugins answer to damaged files with nearly any kind
        raise ImageError(explain_error(error, source), path) from None


def file_format(source: str | os.PathLike[str] | bytes) -> str | None:
    """The format of a picture file by its first bytes, as Pillow names it ("JPEG"); None where it is none."""
    try:
        with open_image(source) as image:
            return image.format
    except Exception:  # the same file fails in `load`, with its reason
        return None


def keep_memory() -> None:
    """Let Pillow keep 64 MB of freed memory for the next picture; it belongs to the whole process.

    Otherwise each large picture is written to pages that the system must clear first: 20 of the 100 ms
    that a 12 MP JPEG takes (benchmarks/README.md). Small blocks fit pictures of any size.
    """
    Image.core.set_block_size(1 << 20)  # type: ignore[attr-defined]
    Image.core.set_blocks_max(64)  # type: ignore[attr-defined]


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any PIL image upright and into mode RGB. An upright RGB image is returned without a copy."""
    image.load()
    upright = _upright(image)
    if upright.mode.startswith("I"):
        # Pillow clips 16-bit grey when it converts; the high byte is what an 8-bit save would keep. A level that the
        # file declares transparent stays as it is.
        wide = np.asarray(upright).astype(np.int64)
        upright = Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8))
    if upright.mode in _ALPHA_MODES or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        backdrop = Image.new("RGBA", upright.size, "white")
        return Image.alpha_composite(backdrop, upright).convert("RGB")
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def open_image(source: Source) -> Image.Image:
    """The image as Pillow opens it, before any pixel is decoded. Raises whatever Pillow raises, or ImageError."""
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (str, os.PathLike)):
        return _open_checked(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, io.TextIOBase):
        raise ImageError('the file is open as text; open it with mode "rb"')
    elif hasattr(source, "read"):
        data = source.read()
    else:
        raise ImageError(f"a {type(source).__name__} is no picture; pass a path, bytes, file, PIL image or array")
    if not data:
        raise ImageError("the file is empty")
    return _open_checked(io.BytesIO(data))


def _open_checked(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
    try:
        image = Image.open(source)
    except UnidentifiedImageError:
        if not _register_heif(source):
            raise
        image = Image.open(source)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large())
    return image


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"an array must be (H, W, 3) uint8 in RGB order, not {array.shape} {array.dtype}")
    return Image.fromarray(array)


def _register_heif(source: str | os.PathLike[str] | BinaryIO) -> bool:
    """Teach Pillow HEIC if that is what `source` holds, by its bytes. Returns whether to try again."""
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            head = file.read(12)
    else:
        source.seek(0)
        head = source.read(12)
        source.seek(0)
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIF_BRANDS:
        return False
    try:
        import pillow_heif
    except ImportError:
        raise ImageError('HEIC pictures need one more package: pip install "fauxto[heic]"') from None
    pillow_heif.register_heif_opener()
    return True


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except Exception:  # a damaged EXIF block says nothing of the picture
        return image
    return ImageOps.exif_transpose(image) if turned else image


def explain_error(error: Exception, source: Source) -> str:
    """What is wrong with an input, in one line, with the fix where there is one."""
    path = source if isinstance(source, (str, os.PathLike)) else None
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if path is not None and os.path.isdir(path):
        return "is a folder, not a picture; fauxto -r searches folders"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, UnidentifiedImageError):
        empty = path is not None and os.path.getsize(path) == 0
        return "the file is empty" if empty else "not a picture in a format that Pillow can read"
    if isinstance(error, Image.DecompressionBombError):
        return _too_large()
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    if isinstance(error, OSError) and error.errno:  # the system's errors have a number, Pillow's have none
        return f"cannot be read ({error.strerror})"
    return f"damaged or truncated picture ({' '.join(str(error).split()) or type(error).__name__})"


def _too_large() -> str:
    return f"more than {MAX_PIXELS // 1_000_000} megapixels; scale it down first"
