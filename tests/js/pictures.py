"""Files of many kinds, good and bad, for the decoders of JavaScript: each is compared with Python's."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from fauxto.errors import ImageError
from fauxto.image.decode import load
from tests.helpers import make_photo

ORIENTATION = 274
CUT = ("q75s2.jpg", "alpha.png", "lossy.webp", "palette.gif", "plain.bmp", "plain.avif")


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def huge_png() -> bytes:
    """A header that claims 400 megapixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(bytes(1000))), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def files() -> dict[str, bytes]:
    """Name -> bytes."""
    image = make_photo(120, 90)
    y, x = np.mgrid[0:90, 0:120]
    clear = image.convert("RGBA")
    clear.putalpha(Image.fromarray((x * 2).astype(np.uint8)))
    deep = Image.fromarray((x * 500 + y).astype(np.uint16))
    palette = image.quantize(64)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = {
        f"q{quality}s{s}.jpg": _saved(image, "JPEG", quality=quality, subsampling=s)
        for quality in (30, 75, 95)
        for s in (0, 1, 2)
    }
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        for kind, options in (("JPEG", {"quality": 90}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
            found[f"turn{turn}.{kind.lower()}"] = _saved(image, kind, exif=exif, **options)
    found |= {
        "progressive.jpg": _saved(image, "JPEG", progressive=True),
        "grey.jpg": _saved(image.convert("L"), "JPEG"),
        "cmyk.jpg": _saved(image.convert("CMYK"), "JPEG", quality=95),
        "srgb.jpg": _saved(image, "JPEG", icc_profile=srgb),
        "broken-profile.jpg": _saved(image, "JPEG", icc_profile=b"nonsense" * 20),
        "rubbish-behind.jpg": _saved(image, "JPEG") + b"rubbish" * 20,
        "alpha.png": _saved(clear, "PNG"),
        "alpha.webp": _saved(clear, "WEBP", lossless=True),
        "alpha.avif": _saved(clear, "AVIF", quality=90),
        "grey-alpha.png": _saved(clear.convert("LA"), "PNG"),
        "grey.png": _saved(image.convert("L"), "PNG"),
        "one-bit.png": _saved(image.convert("1"), "PNG"),
        "grey16.png": _saved(deep, "PNG"),
        "grey16.tif": _saved(deep, "TIFF"),
        "palette.png": _saved(palette, "PNG"),
        "palette.gif": _saved(palette, "GIF"),
        "clear-colour.png": _saved(palette, "PNG", transparency=3),
        "clear-colour.gif": _saved(palette, "GIF", transparency=3),
        "lossy.webp": _saved(image, "WEBP", quality=80),
        "plain.avif": _saved(image, "AVIF", quality=90),
        "plain.bmp": _saved(image, "BMP"),
        "float.tif": _saved(Image.fromarray((x / 120).astype(np.float32)), "TIFF"),
        "int32.tif": _saved(Image.fromarray((x * 1000).astype(np.int32)), "TIFF"),
    }
    found |= {f"cut-{name}": found[name][: len(found[name]) * 2 // 3] for name in CUT}
    found |= {
        "no-end.jpg": found["q75s2.jpg"][:-2],
        "huge.png": huge_png(),
        "empty.jpg": b"",
        "text.jpg": b"<!doctype html>",
        "rubbish.jpg": b"\xff\xd8\xff\xe0" + b"abc" * 100,
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    }
    return found


def pythons(data: bytes) -> npt.NDArray[np.uint8] | str:
    """What Python makes of a file: (H, W, 3) uint8, or why it is refused."""
    try:
        return np.asarray(load(data))
    except ImageError as error:
        return error.reason


def head(reason: str) -> str:
    """A refusal without the decoder's own words: a header that is cut off is damaged, too."""
    return reason.split(" (")[0].replace(" or truncated", "")
