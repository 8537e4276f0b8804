"""One file -> its Declaration: every claim in it, the strongest first."""

from __future__ import annotations

from fauxto.image.decode import open_image
from fauxto.image.source import Source, read_bytes
from fauxto.prediction import Declaration, Declared
from fauxto.provenance import c2pa, containers, generators
from fauxto.provenance.signature import check_signature

MAX_FILE = 64 << 20
"""Bytes of a file that are looked at."""

AI = ("trainedAlgorithmicMedia",)
CAMERA = (
    "digitalCapture",
    "computationalCapture",
    "multiFrameComputationalCapture",
    "negativeFilm",
    "positiveFilm",
    "print",
)
EDITED = (
    "algorithmicallyEnhanced",
    "compositeCapture",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "humanEdits",
    "minorHumanEdits",
)
"""IPTC's digital source types, https://cv.iptc.org/newscodes/digitalsourcetype/, by what they mean here."""

EDITING = ("c2pa.color_adjustments", "c2pa.drawing", "c2pa.edited", "c2pa.enhanced", "c2pa.filtered", "c2pa.placed")


def declaration(source: Source) -> Declaration:
    """Read what a picture file declares. Damaged metadata counts as none.

    Raises:
        ImageError: the file cannot be read.
    """
    data = read_bytes(source)
    whole, data = len(data) <= MAX_FILE, data[:MAX_FILE]
    blocks = containers.read(data)
    if data[4:8] == b"ftyp" and not blocks.exif:
        blocks.exif, blocks.xmp = _items(data, blocks.xmp)
    claims = _claims(blocks)
    for kind in ("ai", "edited", "camera"):
        said = [by for word, by in claims if word == kind]
        if said:
            signature = check_signature(data) if blocks.c2pa and whole else "unverified"
            return Declaration(declared=kind, by="; ".join(dict.fromkeys(said)), signature=signature)
    return Declaration()


def _claims(blocks: containers.Blocks) -> list[tuple[Declared, str]]:
    """(what is declared, by what) of everything in the file that declares something."""
    claims: list[tuple[Declared, str]] = []
    for manifest in c2pa.manifests(blocks.c2pa):
        by = "C2PA manifest" + (f" of {manifest.generator}" if manifest.generator else "")
        claims += [(word, f"{by}, {kind}") for kind in manifest.source_types for word in _meaning(kind)]
        claims += [("edited", f"{by}, {action}") for action in manifest.actions if action in EDITING]
    claims += [(word, f"XMP, {kind}") for kind in generators.source_types(blocks.xmp) for word in _meaning(kind)]
    generator, camera = generators.in_exif(blocks.exif)
    for program in (generators.in_texts(blocks.texts), generator):
        if program:
            claims.append(("ai", program))
    if camera:
        claims.append(("camera", f"EXIF of {camera}"))
    return claims


def _meaning(source_type: str) -> list[Declared]:
    words: list[tuple[Declared, tuple[str, ...]]] = [("ai", AI), ("edited", EDITED), ("camera", CAMERA)]
    return [word for word, types in words if source_type in types]


def _items(data: bytes, xmp: bytes) -> tuple[bytes, bytes]:
    """EXIF and XMP of HEIC and AVIF, which are items of the file: Pillow finds them where it has the format."""
    try:
        with open_image(data) as image:
            exif, packet = image.info.get("exif") or b"", image.info.get("xmp") or b""  # HEIC without them says None
    except Exception:  # no such plugin, or a damaged file
        return b"", xmp
    return exif.removeprefix(containers.EXIF), xmp or packet
