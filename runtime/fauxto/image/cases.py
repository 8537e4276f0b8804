"""The pictures of the golden vectors. Each is one place where a port goes wrong; all are made here, from integers."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from fauxto.image.synthetic import pattern


@dataclass(frozen=True)
class Case:
    """One picture of the vectors.

    Attributes:
        name: of its files.
        shows: what a port must get right with it.
        make: its file's bytes.
        suffix: of its file.
        decode: which of the tolerances of decoding counts: "exact", "colour profile" or "jpeg".
    """

    name: str
    shows: str
    make: Callable[[], bytes]
    suffix: str = ".png"
    decode: str = "exact"


def _plain(width: int, height: int, seed: int, grain: int = 32) -> Callable[[], bytes]:
    return lambda: _encoded(Image.fromarray(pattern(width, height, seed, grain=grain)))


def _encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **({"optimize": True} if format == "PNG" else {}), **options)
    return buffer.getvalue()


def _orientation_6() -> bytes:
    """Stored lying on its side: the viewer turns it 90 degrees clockwise."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return _encoded(Image.fromarray(pattern(330, 240, 8)), exif=exif)


def _transparency() -> bytes:
    """Opaque at the left, clear at the right, and a clear hole whose colour must not show."""
    image = Image.fromarray(pattern(260, 240, 14, grain=0)).convert("RGBA")
    alpha = np.repeat(np.linspace(255, 0, 260).astype(np.uint8)[None], 240, axis=0)
    alpha[80:140, 60:120] = 0
    image.putalpha(Image.fromarray(alpha))
    return _encoded(image)


def _sixteen_bit() -> bytes:
    """Grey of 16 bits whose low bytes are not those of its high ones: rounding is wrong, the high byte right."""
    levels = pattern(240, 230, 5)[..., 1].astype(np.uint16)
    y, x = np.ogrid[0:230, 0:240]
    return _encoded(Image.fromarray(levels << 8 | ((x * 37 + y * 91) % 256).astype(np.uint16)))


def _display_p3() -> bytes:
    """Display P3, the colour space of phones' cameras: its numbers mean stronger colours than sRGB's."""
    return _encoded(Image.fromarray(pattern(240, 230, 4, grain=0)), icc_profile=display_p3())


def _jpeg() -> bytes:
    """Quality 85 with chroma at half its width and height, as most JPEGs are."""
    return _encoded(Image.fromarray(pattern(240, 256, 0, grain=8)), "JPEG", quality=85, subsampling=2)


CASES = (
    Case("landscape", "wider than high, nothing is scaled", _plain(350, 230, 3)),
    Case("portrait", "higher than wide, nothing is scaled", _plain(230, 350, 9)),
    Case("side-s", "one side is exactly S: no free place in one direction", _plain(300, 224, 9, 61)),
    Case("side-below-s", "one side is S - 1: one row of pixels is mirrored", _plain(260, 223, 33)),
    Case("short-640", "the short side is exactly max_short_side: nothing is scaled", _plain(700, 640, 3, 0)),
    Case("short-641", "one pixel over max_short_side: the picture is scaled", _plain(700, 641, 3, 0)),
    Case("large", "scaled to two thirds; the crops lie in the scaled picture", _plain(960, 1300, 0, 0)),
    Case(
        "too-small", "under minimum_short_side: mirrored more than once, and unsure without a lean", _plain(150, 60, 12)
    ),
    Case("orientation-6", "EXIF's orientation is applied first: width and height change places", _orientation_6),
    Case("transparency", "transparency lies over white", _transparency),
    Case("sixteen-bit", "samples of 16 bits keep their high byte", _sixteen_bit),
    Case("display-p3", "a colour profile is applied", _display_p3, decode="colour profile"),
    Case("jpeg", "JPEG: decoders differ, so it has a tolerance of its own", _jpeg, ".jpg", "jpeg"),
)


def display_p3() -> bytes:
    """A Display P3 profile: ICC.1:2010, three primaries adapted to D50 (as Apple's has them) and sRGB's curve."""

    def numbers(*values: float) -> bytes:  # s15Fixed16Number
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def text(words: str) -> bytes:
        return (
            b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2 * len(words), 28) + words.encode("utf-16-be")
        )

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + numbers(*values)

    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + numbers(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"desc": text("Display P3"),
        b"cprt": text("CC0"),
        b"wtpt": xyz(0.96420, 1.0, 0.82491),
        b"rXYZ": xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz(0.15710, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    entries, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        entries += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + numbers(0.96420, 1.0, 0.82491)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + body
