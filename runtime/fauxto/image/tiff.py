"""TIFF's directories, as far as must be known before Pillow reads them: TIFF files, and the EXIF block of all others.

Pillow reads every entry of a directory into memory. Entries may overlap, so a block of 64 KiB can ask for
gigabytes; and the first directory of a raw camera file is a thumbnail that must not be taken for the picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value, by type (TIFF 6.0, section 2; BigTIFF's 16 to 18)."""

SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, MAKE, ORIENTATION = 254, 259, 262, 271, 274
STRIP_OFFSETS, SUB_DIRECTORIES, TILE_OFFSETS, XMP, EXIF, C2PA, DNG_VERSION = 273, 330, 324, 700, 34665, 52545, 50706
REDUCED = 1  # bit of SUBFILE_TYPE: the image is a small copy of another one in the file
SENSOR = (32803, 34892)  # of PHOTOMETRIC: a colour filter array, linear raw

MAX_ENTRIES = 4096
MAX_PIECES = 500_000  # strips or tiles; a picture of 178 megapixels in strips of one row has fewer
MAX_SUB_DIRECTORIES = 16


@dataclass(frozen=True)
class Entry:
    """One entry of a directory: how many values, where its bytes lie, and the first whole numbers among them."""

    count: int
    offset: int
    size: int
    numbers: tuple[int, ...]


Directory = dict[int, Entry]


def is_tiff(block: bytes) -> bool:
    """Whether a block begins as a TIFF structure does."""
    return block[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def first_directory(block: bytes) -> Directory:
    """The first directory; empty where it cannot be read."""
    if not is_tiff(block):
        return {}
    try:
        order, big = _layout(block)
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), block, 8 if big else 4)
        return _directory(block, offset)
    except (struct.error, IndexError):
        return {}


def sub_directories(block: bytes, directory: Directory, tag: int = SUB_DIRECTORIES) -> list[Directory]:
    """The directories that an entry points to."""
    entry = directory.get(tag)
    found = []
    for offset in entry.numbers if entry else ():
        try:
            found.append(_directory(block, offset))
        except (struct.error, IndexError):
            continue
    return found


def is_raw(block: bytes) -> bool:
    """Whether a TIFF structure is a raw camera file (DNG, NEF, CR2, ARW ...): its first picture is then a thumbnail."""
    if block[8:10] == b"CR":  # Canon's CR2 says so behind the header
        return True
    directory = first_directory(block)
    parts = [directory, *sub_directories(block, directory)]
    return (
        DNG_VERSION in directory
        or bool(_number(directory, SUBFILE_TYPE) & REDUCED)
        or any(_number(part, PHOTOMETRIC) in SENSOR for part in parts)
    )


def orientation(block: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where the block says nothing valid."""
    number = _number(first_directory(block), ORIENTATION)
    return number if 1 <= number <= 8 else 1


def is_bounded(block: bytes) -> bool:
    """Whether Pillow can read the first directory, and EXIF's own, in about the memory of the block itself."""
    directory = first_directory(block)
    parts = [directory, *sub_directories(block, directory, EXIF)]
    pieces = max((directory[tag].count for tag in (STRIP_OFFSETS, TILE_OFFSETS) if tag in directory), default=0)
    return (
        all(len(part) < MAX_ENTRIES for part in parts)
        and pieces <= MAX_PIECES
        and sum(entry.size for part in parts for entry in part.values()) <= 2 * len(block) + (1 << 16)
    )


def value(block: bytes, directory: Directory, tag: int) -> bytes:
    """The bytes of an entry; none where there is no such entry."""
    entry = directory.get(tag)
    return block[entry.offset : entry.offset + entry.size] if entry else b""


def _number(directory: Directory, tag: int) -> int:
    entry = directory.get(tag)
    return entry.numbers[0] if entry and entry.numbers else 0


def _layout(block: bytes) -> tuple[str, bool]:
    """The byte order for struct, and whether it is a BigTIFF."""
    return ("<" if block[:2] == b"II" else ">"), block[2:4] in (b"+\0", b"\0+")


def _directory(block: bytes, offset: int) -> Directory:
    order, big = _layout(block)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), block, offset)
    at, width = offset + (8 if big else 2), 20 if big else 12
    found: Directory = {}
    for _ in range(min(count, MAX_ENTRIES)):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), block, at)
        field = at + (12 if big else 8)
        size = SIZES.get(kind, 1) * number
        if size > (8 if big else 4):
            (field,) = struct.unpack_from(order + ("Q" if big else "I"), block, field)
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind)
        numbers: tuple[int, ...] = ()
        if code and field < len(block):
            few = min(number, MAX_SUB_DIRECTORIES, (len(block) - field) // SIZES[kind])
            numbers = struct.unpack_from(f"{order}{few}{code}", block, field)
        found.setdefault(tag, Entry(number, field, min(size, len(block)), numbers))
        at += width
    return found
