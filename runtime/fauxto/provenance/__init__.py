"""What a file declares about itself. It stands beside the verdict and never moves it.

Anybody can write such a declaration, and nearly every platform strips it: its absence is no evidence, and
its presence is worth what its author is worth, unless a signature was checked (extra [provenance]).
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass

from PIL import Image

from fauxto.errors import ImageError
from fauxto.provenance import c2pa, containers, programs
from fauxto.verdict import Declared, Signature

MAX_FILE = 64 << 20
"""Bytes of a file that are looked at."""

AI = ("trainedAlgorithmicMedia",)
CAMERA = ("digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print")
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


@dataclass(frozen=True)
class Declaration:
    """What a file says of itself.

    Attributes:
        declared: "ai", "edited", "camera", or "nothing"; the first of these that anything in the file says.
        by: what says so, in words.
        signature: of the C2PA manifest. "unverified" unless the extra [provenance] is there to check it and
            the file has at most MAX_FILE bytes; then
            "valid": nothing was changed since it was signed, by whomever; "expired": the same, but the
            signer's certificate has run out since; "invalid": the picture or the manifest was changed.
    """

    declared: Declared = "nothing"
    by: str = ""
    signature: Signature = "unverified"

    def __str__(self) -> str:
        if self.declared == "nothing":
            return "declares nothing, which is no evidence either way"
        checked = self.signature if self.signature == "unverified" else f"signature {self.signature}"
        return f"declares {self.declared} ({checked}): {self.by}"


def declaration(source: str | os.PathLike[str] | bytes) -> Declaration:
    """Read what a picture file declares. Damaged metadata counts as none.

    Raises:
        ImageError: the file cannot be read.
    """
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with open(source, "rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise ImageError(f"cannot be read ({error.strerror})") from None
    whole, data = len(data) <= MAX_FILE, data[:MAX_FILE]
    blocks = containers.read(data)
    if data[4:8] == b"ftyp" and not blocks.exif:
        blocks.exif, blocks.xmp = _items(data, blocks.xmp)
    claims = _claims(blocks)
    for kind in ("ai", "edited", "camera"):
        said = [by for word, by in claims if word == kind]
        if said:
            signature = _signature(data) if blocks.c2pa and whole else "unverified"
            return Declaration(kind, "; ".join(dict.fromkeys(said)), signature)
    return Declaration()


def _claims(blocks: containers.Blocks) -> list[tuple[Declared, str]]:
    """(what is declared, by what) of everything in the file that declares something."""
    claims: list[tuple[Declared, str]] = []
    for manifest in c2pa.manifests(blocks.c2pa):
        by = "C2PA manifest" + (f" of {manifest.generator}" if manifest.generator else "")
        claims += [(word, f"{by}, {kind}") for kind in manifest.source_types for word in _meaning(kind)]
        claims += [("edited", f"{by}, {action}") for action in manifest.actions if action in EDITING]
    claims += [(word, f"XMP, {kind}") for kind in programs.source_types(blocks.xmp) for word in _meaning(kind)]
    generator, camera = programs.in_exif(blocks.exif)
    for program in (programs.in_texts(blocks.texts), generator):
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
        with Image.open(io.BytesIO(data)) as image:
            exif, packet = image.info.get("exif") or b"", image.info.get("xmp") or b""  # HEIC without them says None
    except Exception:  # no such plugin, or a damaged file
        return b"", xmp
    return exif.removeprefix(containers.EXIF), xmp or packet


def _signature(data: bytes) -> Signature:
    """What c2pa-python says of the active manifest's signature and hashes; "unverified" without it."""
    try:
        from c2pa import Reader
    except ImportError:
        return "unverified"
    try:
        with Reader(None, io.BytesIO(data)) as reader:
            results = json.loads(reader.json())["validation_results"]["activeManifest"]
    except Exception:  # what the library cannot read was not checked
        return "unverified"
    failures = {entry["code"] for entry in results["failure"]}
    if failures - {"signingCredential.untrusted", "signingCredential.expired"}:
        return "invalid"
    return "expired" if "signingCredential.expired" in failures else "valid"
