"""Picture files -> the blocks of metadata in them. Containers are walked as containers; no byte is searched for.

What stands after the end of a picture is not part of it and is never read. Everything is capped, and a
damaged file gives the blocks before the damage.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from fauxto.image import tiff

MAX_BLOCK = 4 << 20  # bytes of one block that are kept; a larger one is skipped
MAX_BLOCKS = 4096  # parts of a container that are walked
MAX_TEXT, MAX_TEXTS = 4 << 20, 16 << 20  # bytes of an inflated text, and of all together

EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass
class Blocks:
    """The metadata of one file. Bytes as they stand there, but for texts, which are decoded."""

    exif: bytes = b""  # a TIFF structure
    xmp: bytes = b""
    c2pa: bytes = b""  # a JUMBF superbox
    texts: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> Blocks:
    """The blocks of a JPEG, PNG, WebP, GIF, TIFF or ISO base media (HEIC, AVIF) file; none of another kind."""
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[4:8] == b"ftyp":
        return _iso(data)
    if data[:4] == b"GIF8":
        return _gif(data)
    return _tiff(data) if tiff.is_tiff(data) else Blocks()


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of each segment before the first scan; metadata has no business after it."""
    at = 2
    for _ in range(MAX_BLOCKS):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xDA, 0xD9) or length < 2 or at + 2 + length > len(data):
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def _jpeg(data: bytes) -> Blocks:
    blocks, parts = Blocks(), defaultdict[bytes, list[tuple[int, bytes]]](list)
    for marker, content in jpeg_segments(data):
        if marker == 0xE1 and content.startswith(EXIF):
            blocks.exif = blocks.exif or content[len(EXIF) :]
        elif marker == 0xE1 and content.startswith(XMP):
            blocks.xmp = blocks.xmp or content[len(XMP) :]
        elif marker == 0xEB and content[:2] == b"JP" and len(content) > 16:
            # ISO 19566-5, D: a box instance in packets, each with the box's header again.
            parts[content[2:4]].append((int.from_bytes(content[4:8], "big"), content[8:]))
    for packets in parts.values():
        packets.sort(key=lambda packet: packet[0])
        header = 16 if packets[0][1][:4] == b"\0\0\0\1" else 8
        whole = packets[0][1] + b"".join(packet[header:] for _, packet in packets[1:])
        if not blocks.c2pa and whole[4:8] == b"jumb" and len(whole) <= MAX_BLOCK:
            blocks.c2pa = whole
    return blocks


def _png(data: bytes) -> Blocks:
    blocks, at, total = Blocks(), 8, 0
    for _ in range(MAX_BLOCKS):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + length > len(data) or kind == b"IEND":
            break
        content = data[at + 8 : at + 8 + length] if length <= MAX_BLOCK else b""
        at += 12 + length
        if kind == b"eXIf":
            blocks.exif = content
        elif kind == b"caBX":
            blocks.c2pa = content
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _png_text(kind, content) if total < MAX_TEXTS else ("", "")
            total += len(text)
            if key == "XML:com.adobe.xmp":
                blocks.xmp = text.encode()
            elif key:
                blocks.texts.setdefault(key, text)
    return blocks


def _png_text(kind: bytes, content: bytes) -> tuple[str, str]:
    """The keyword and the text of a text chunk; empty where it is damaged."""
    key, _, rest = content.partition(b"\0")
    encoding, packed = "latin-1", kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        encoding, packed = "utf-8", rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated keyword
    if packed:
        inflater = zlib.decompressobj()
        try:
            rest = inflater.decompress(rest, MAX_TEXT)
        except zlib.error:
            return "", ""
        if not inflater.eof and len(rest) < MAX_TEXT:
            return "", ""
    return key.decode("latin-1"), rest[:MAX_TEXT].decode(encoding, "replace")


def _webp(data: bytes) -> Blocks:
    blocks, at = Blocks(), 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    for _ in range(MAX_BLOCKS):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            break
        content = data[at + 8 : at + 8 + length] if length <= MAX_BLOCK else b""
        at += 8 + length + length % 2
        if kind == b"EXIF":
            blocks.exif = content.removeprefix(EXIF)
        elif kind == b"XMP ":
            blocks.xmp = content
        elif kind == b"C2PA":
            blocks.c2pa = content
    return blocks


def _gif(data: bytes) -> Blocks:
    """XMP and C2PA of a GIF, which are application extensions before its first frame."""
    blocks, end = Blocks(), 0
    at = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0)
    for _ in range(MAX_BLOCKS):
        if data[at : at + 1] != b"!":
            break
        name = data[at + 3 : at + 14] if data[at + 1 : at + 3] == b"\xff\x0b" else b""
        # Not in sub-blocks: the packet as it is, and a ramp of bytes that leads out of it. The first packet counts.
        if name == b"XMP DataXMP" and not end:
            end = data.find(b"\x01\xff\xfe", at)
            if 0 <= end - at <= MAX_BLOCK:
                blocks.xmp = data[at + 14 : end]
        parts, at = [], at + 2
        for _ in range(MAX_BLOCK >> 7):
            if at >= len(data) or not data[at]:
                break
            parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at += 1
        if name[:8] == b"C2PA_GIF":
            blocks.c2pa = b"".join(parts[1:])
    return blocks


def _tiff(data: bytes) -> Blocks:
    directory = tiff.first_directory(data)
    if not tiff.is_bounded(data):
        return Blocks()
    xmp, c2pa = (tiff.value(data, directory, tag)[:MAX_BLOCK] for tag in (tiff.XMP, tiff.C2PA))
    return Blocks(exif=data, xmp=xmp, c2pa=c2pa)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of each box of the ISO base media format, and of JUMBF, which is built alike."""
    at = 0
    for _ in range(MAX_BLOCKS):
        length, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:
            length, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif length == 0:
            length = len(data) - at
        if length < header or at + length > len(data):
            return
        yield kind, data[at + header : at + length]
        at += length


def _iso(data: bytes) -> Blocks:
    blocks = Blocks()
    for kind, content in boxes(data):
        if kind != b"uuid" or len(content) > MAX_BLOCK:
            continue
        if content[:16] == XMP_UUID:
            blocks.xmp = content[16:]
        elif content[:16] == C2PA_UUID:
            purpose, _, rest = content[20:].partition(b"\0")  # after version and flags
            if purpose == b"manifest":
                blocks.c2pa = rest[8:]
    return blocks
