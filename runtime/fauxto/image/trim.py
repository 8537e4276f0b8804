"""Files whose metadata Pillow would choke on, without that metadata. Pixels stay byte for byte.

Pillow walks chunks, segments and comments in Python, some of them in quadratic time, and refuses a whole PNG for
one wrong checksum in a text. An ordinary file comes back as it is, without a copy.
"""

from __future__ import annotations

import re
import zlib

from fauxto.errors import ImageError
from fauxto.image import tiff

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
PNG_SMALL = 1 << 16  # bytes of an ancillary chunk that may stay
PNG_FEW = 64  # ancillary chunks that may stay
PNG_CHUNKS = 500_000
PROFILE = 16 << 20  # bytes of an inflated colour profile

JPEG_SEGMENTS, JPEG_STEPS, JPEG_STRAY, JPEG_SCANS = 1024, 16_384, 4096, 500
JPEG_OPTIONAL = frozenset((*range(0xE0, 0xF0), 0xFE))  # application segments and comments
_FILL = re.compile(rb"\xff*")

GIF_EXTENSIONS, GIF_STEPS = 1 << 16, 1_000_000  # bytes and blocks before the first frame
_GRAPHIC_CONTROL = 0xF9


def trimmed(data: bytes, name: str) -> tuple[bytes, bytes | None]:
    """A file of the format `name`, fit for Pillow, and a colour profile that had to be taken out of it.

    Raises:
        ImageError: it is built to take for ever.
    """
    if name == "PNG":
        return _png(data)
    if name == "JPEG":
        return _jpeg(data), None
    if name == "GIF":
        return _gif(data), None
    return data, None


def _png(data: bytes) -> tuple[bytes, bytes | None]:
    kept: list[tuple[int, int]] = []
    at, others, dropped, profile = 8, 0, False, None
    for _ in range(PNG_CHUNKS):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if len(kind) < 4 or end > len(data):
            kept.append((at, len(data)))  # cut off: Pillow says so, or the pixels are whole all the same
            break
        needed = kind in PNG_NEEDED
        others += not needed
        if needed or (others <= PNG_FEW and length <= PNG_SMALL and _is_harmless_chunk(data, at, kind, length)):
            kept.append((at, end))
        else:
            dropped = True
            if kind == b"iCCP" and profile is None:
                profile = _png_profile(data[at + 8 : at + 8 + length])
        at = end
        if kind == b"IEND":
            break
    else:
        raise ImageError(f"a PNG of more than {PNG_CHUNKS} chunks; save it again")
    if not dropped:
        return data, None
    return PNG_SIGNATURE + b"".join(data[start:end] for start, end in kept), profile


def _is_harmless_chunk(data: bytes, at: int, kind: bytes, length: int) -> bool:
    """Whether an ancillary chunk is whole, and no text that inflates, nor a profile that Pillow finds too long."""
    if kind in (b"zTXt", b"iTXt"):
        return False  # they can inflate, and nothing here reads them: provenance has its own reader
    body = data[at + 8 : at + 8 + length]
    if zlib.crc32(kind + body) != int.from_bytes(data[at + 8 + length : at + 12 + length], "big"):
        return False
    if kind == b"eXIf":
        return tiff.is_bounded(body)
    return kind != b"iCCP" or len(_png_profile(body) or b"") <= PNG_SMALL


def _png_profile(body: bytes) -> bytes | None:
    """The colour profile of an iCCP chunk; None where it is damaged or longer than PROFILE."""
    packed = body.partition(b"\0")[2][1:]
    try:
        inflater = zlib.decompressobj()
        found = inflater.decompress(packed, PROFILE)
    except zlib.error:
        return None
    return found if inflater.eof else None


def _jpeg(data: bytes) -> bytes:
    kept: list[tuple[int, int]] = []
    at, count, stray, dropped, progressive = 2, 0, 0, False, False
    has_exif = False
    while at + 4 <= len(data):
        count += 1
        if count > JPEG_STEPS:
            raise ImageError(f"a JPEG of more than {JPEG_STEPS} segments; save it again")
        start = data.find(b"\xff", at)
        fill = _FILL.match(data, start) if start >= 0 else None
        if fill is None or fill.end() >= len(data):
            break
        marker, begin = data[fill.end()], fill.end() - 1
        stray += begin - at
        if marker in (0xDA, 0xD9):
            at = begin
            break
        if marker in (0, 1) or 0xD0 <= marker <= 0xD8:  # markers without a length
            at = begin + 2
            continue
        end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
        progressive |= marker in (0xC2, 0xC6, 0xCA, 0xCE)
        if marker == 0xE1 and data[begin + 4 : begin + 10] == b"Exif\0\0":
            harmless = not has_exif and tiff.is_bounded(data[begin + 10 : end])
            has_exif = True
        else:
            harmless = count <= JPEG_SEGMENTS or marker not in JPEG_OPTIONAL
        if harmless:
            kept.append((begin, end))
        dropped |= not harmless
        at = end
    if progressive and data.count(b"\xff\xda") > JPEG_SCANS:
        raise ImageError(f"a JPEG of more than {JPEG_SCANS} scans; save it again")
    if not dropped and stray <= JPEG_STRAY:
        return data
    return data[:2] + b"".join(data[start:end] for start, end in kept) + data[at:]


def _gif(data: bytes) -> bytes:
    flags = data[10] if len(data) > 10 else 0
    table = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    at, control, steps = table, b"", 0
    while data[at : at + 1] == b"!":
        start, label = at, data[at + 1 : at + 2]
        at += 2
        while at < len(data) and data[at] and steps < GIF_STEPS:
            at += 1 + data[at]
            steps += 1
        at += 1
        steps += 1
        if steps > GIF_STEPS:
            raise ImageError(f"a GIF of more than {GIF_STEPS} blocks before its first frame; save it again")
        if label == bytes([_GRAPHIC_CONTROL]):
            control = data[start:at]
    if at - table <= GIF_EXTENSIONS:
        return data
    return data[:table] + control + data[at:]
