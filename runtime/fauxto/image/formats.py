"""Which formats are read, by the first bytes of a file, and what to say of the others.

Pillow is told to open a file as the one format that it is: its other decoders are not made for files of strangers.
"""

from __future__ import annotations

from fauxto.image import tiff

_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_RAW = "a raw camera file; export it as JPEG or TIFF first"
_CONVERT = "export it as JPEG or PNG first"
_OTHERS = (
    (0, b"%!PS", f"an EPS file, which fauxto does not read; {_CONVERT}"),
    (0, b"\xc5\xd0\xd3\xc6", f"an EPS file, which fauxto does not read; {_CONVERT}"),
    (0, b"%PDF", f"a PDF, which fauxto does not read; {_CONVERT}"),
    (0, b"8BPS", f"a Photoshop file, which fauxto does not read; {_CONVERT}"),
    (0, b"\xff\x0a", f"a JPEG XL file, which fauxto does not read; {_CONVERT}"),
    (0, b"\0\0\0\x0cJXL ", f"a JPEG XL file, which fauxto does not read; {_CONVERT}"),
    (0, b"\0\0\0\x0cjP  ", f"a JPEG 2000 file, which fauxto does not read; {_CONVERT}"),
    (0, b"\xff\x4f\xff\x51", f"a JPEG 2000 file, which fauxto does not read; {_CONVERT}"),
    (0, b"\0\0\1\0", f"an icon, which fauxto does not read; {_CONVERT}"),
    (0, b"qoif", f"a QOI file, which fauxto does not read; {_CONVERT}"),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"IIU\0", _RAW),  # Panasonic RW2
    (0, b"IIRO", _RAW),  # Olympus ORF
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"\0MRM", _RAW),  # Minolta MRW
    (0, b"FOVb", _RAW),  # Sigma X3F
    (4, b"ftypcrx ", _RAW),  # Canon CR3
    (0, b"PK\3\4", "a zip archive, not a picture; unpack it first"),
    (0, b"\x1a\x45\xdf\xa3", "a film, not a picture"),
)


def name_of(data: bytes) -> str | None:
    """The format of a file by its first bytes, as Pillow names it ("JPEG" for MPO too); None for others."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:2] == b"BM":
        return "BMP"
    if tiff.is_tiff(data):
        return "TIFF"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(64, len(data)), 4))}
        return "AVIF" if brands & {*_AVIF} else "HEIF" if brands & {*_HEIF} else None
    return None


def refusal(data: bytes) -> str | None:
    """Why a file is not read, with the fix; None for one that is."""
    if not data:
        return "the file is empty"
    for place, mark, text in _OTHERS:
        if data[place : place + len(mark)] == mark:
            return text
    name = name_of(data)
    if name == "TIFF":
        if tiff.is_raw(data):
            return _RAW
        return None if tiff.is_bounded(data) else "damaged or hostile TIFF (its directory asks for too much memory)"
    if name:
        return None
    head = data[:256].lstrip().lower()
    if data[4:8] == b"ftyp":
        return "a film or another file of its family, not a picture"
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg", b"{")):
        return "text (a web page, perhaps), not a picture; save the picture itself"
    return "not a picture in a format that fauxto reads (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC)"
