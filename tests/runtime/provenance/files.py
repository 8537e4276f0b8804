"""Files that declare something, built byte by byte: JPEG, PNG and WebP with C2PA, XMP, EXIF and texts in them."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image

from tests.helpers import encode, make_photo

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


PHOTO = make_photo(64, 48)


def cbor(value: object) -> bytes:
    """A CBOR writer for what manifests hold."""

    def head(major: int, count: int) -> bytes:
        if count < 24:
            return bytes([major << 5 | count])
        return bytes([major << 5 | 25]) + struct.pack(">H", count)

    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    assert isinstance(value, dict)
    return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def superbox(label: str, *children: bytes) -> bytes:
    return box(b"jumb", box(b"jumd", bytes(16) + b"\x03" + label.encode() + b"\0") + b"".join(children))


def store(*actions: dict[str, Any], generator: str = "Tester 1.0") -> bytes:
    """A manifest store with one manifest."""
    assertions = superbox(
        "c2pa.assertions", superbox("c2pa.actions.v2", box(b"cbor", cbor({"actions": list(actions)})))
    )
    claim = superbox("c2pa.claim.v2", box(b"cbor", cbor({"claim_generator_info": {"name": generator}})))
    return superbox("c2pa", superbox("urn:c2pa:1", assertions, claim))


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def jpeg(*segments: bytes, image: Image.Image = PHOTO) -> bytes:
    data = encode(image, "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def app11(jumbf: bytes, part: int = 60_000) -> list[bytes]:
    """The packets that a JUMBF box travels in."""
    pieces = [jumbf[8 + i : 8 + i + part] for i in range(0, len(jumbf) - 8, part)]
    return [segment(0xEB, b"JP\0\1" + struct.pack(">I", i) + jumbf[:8] + piece) for i, piece in enumerate(pieces, 1)]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: bytes, image: Image.Image = PHOTO) -> bytes:
    data = encode(image, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def text(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode() + b"\0" + value.encode("latin-1"))


def webp(kind: bytes, content: bytes, image: Image.Image = PHOTO) -> bytes:
    body = encode(image, "WEBP")[12:] + kind + struct.pack("<I", len(content)) + content
    body += b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def xmp(attribute: str = "", element: str = "") -> bytes:
    return (
        '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attribute}>{element}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>   '
    ).encode()


def exif(comment: bytes = b"", **tags: object) -> bytes:
    block = Image.Exif()
    for name, value in tags.items():
        if name in ("ExposureTime", "FNumber"):
            block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base[name]] = value
        else:
            block[ExifTags.Base[name]] = value
    if comment:
        block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return block.tobytes()


CREATED = {"action": "c2pa.created", "digitalSourceType": AI}
WEB_UI = "a castle\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
COMFY = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
NOVEL = json.dumps({"steps": 28, "sampler": "k_euler", "seed": 1})
EXIF_COMMENT = b"UNICODE\0" + WEB_UI.encode("utf-16-be")
