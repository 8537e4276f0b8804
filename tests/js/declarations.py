"""Files that declare something, as small as can be, and what Python reads in each: runtime/js's tests expect the same.

`PYTHONPATH=runtime:. python -m tests.js.declarations` writes it to runtime/js/test/declarations.json.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from functools import partial
from pathlib import Path

from PIL import Image

from fauxto.provenance.containers import C2PA_UUID, XMP, XMP_UUID
from fauxto.provenance.declaration import declaration
from tests.helpers import encode
from tests.runtime.provenance import files
from tests.runtime.provenance.files import (
    AI,
    CAPTURE,
    COMFY,
    COMPOSITE,
    CREATED,
    EXIF_COMMENT,
    NOVEL,
    WEB_UI,
    app11,
    box,
    chunk,
    exif,
    segment,
    store,
    superbox,
    text,
    xmp,
)

FILE = Path(__file__).parents[2] / "runtime/js/test/declarations.json"

DOT = Image.new("RGB", (1, 1))
jpeg, png, webp = (partial(make, image=DOT) for make in (files.jpeg, files.png, files.webp))

PACKET = xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"')
ELEMENT = "<Iptc4xmpExt:DigitalSourceType{}</Iptc4xmpExt:DigitalSourceType>"


def cases() -> dict[str, bytes]:
    """Name -> file."""
    return _c2pa() | _xmp() | _texts() | _exif() | _nothing()


def _c2pa() -> dict[str, bytes]:
    captured, composed = ({"action": "c2pa.created", "digitalSourceType": kind} for kind in (CAPTURE, COMPOSITE))
    uuid = C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8)
    return {
        "c2pa, jpeg": jpeg(*app11(store(CREATED))),
        "c2pa, jpeg, in several packets, backwards": jpeg(*app11(store(CREATED), part=50)[::-1]),
        "c2pa, png": png(chunk(b"caBX", store(CREATED, generator=""))),
        "c2pa, webp": webp(b"C2PA", store(CREATED)),
        "c2pa, heic": box(b"ftyp", b"heicxxxx") + box(b"uuid", uuid + store(CREATED)),
        "c2pa, gif": _gif(b"C2PA_GIF\1\0\0", store(CREATED)),
        "c2pa, tiff": _tiff(52545, store(CREATED)),
        "c2pa, camera": png(chunk(b"caBX", store(captured))),
        "c2pa, composite": png(chunk(b"caBX", store(composed, {"action": "c2pa.placed"}, {"action": "c2pa.placed"}))),
        "c2pa, edited, then captured": png(chunk(b"caBX", store({"action": "c2pa.filtered"}, captured))),
        "c2pa, resized": png(chunk(b"caBX", store({"action": "c2pa.resized"}))),
    }


def _xmp() -> dict[str, bytes]:
    forms = {
        "attribute": PACKET,
        "comment before it": PACKET.replace(b"<x:xmpmeta", b"<!-- by an editor --><x:xmpmeta"),
        "utf-16": PACKET.decode().encode("utf-16"),
        "utf-16-be": PACKET.decode().encode("utf-16-be"),
        "byte order mark": b"\xef\xbb\xbf" + PACKET,
        "slash at its end": xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}//"'),
        "element": xmp(element=ELEMENT.format(f">{AI}")),
        "element with entities": xmp(element=ELEMENT.format(f">{AI.replace('/t', '&#x2f;&#116;')}")),
        "element with CDATA": xmp(element=ELEMENT.format(f"><![CDATA[{AI}]]>")),
        "bag": xmp(element=ELEMENT.format(f"><rdf:Bag><rdf:li>{AI}</rdf:li></rdf:Bag>")),
        "resource": xmp(element=f"<Iptc4xmpExt:DigitalSourceType rdf:resource='{CAPTURE}' />"),
        "other prefix": PACKET.replace(b"Iptc4xmpExt:", b"a.b-c:").replace(b"xmlns:Iptc4xmpExt", b"xmlns:a.b-c"),
        "default namespace": xmp(
            element=f'<DigitalSourceType xmlns="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">{AI}</DigitalSourceType>'
        ),
        "namespace that ended": xmp(
            element='<a xmlns:q="u"/><q:b/>', attribute=f'Iptc4xmpExt:DigitalSourceType="{AI}"'
        ),
        "prefix that stands for nothing": PACKET.replace(b"xmlns:Iptc4xmpExt", b"xmlns:another"),
        "document type": b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>]>" + PACKET,
        "unknown entity": PACKET.replace(b"></rdf:Description>", b">&b;</rdf:Description>"),
        "not closed": PACKET.replace(b"</rdf:RDF>", b""),
        "attribute twice": PACKET.replace(b"<x:xmpmeta", b'<x:xmpmeta x:a="" x:a=""'),
        "control character": PACKET.replace(b"</rdf:Description>", b"\1</rdf:Description>"),
        "two roots": PACKET.replace(b"</x:xmpmeta>", b"</x:xmpmeta><a/>"),
    }
    containers = {
        "gif": _gif(b"XMP DataXMP", PACKET),
        "tiff": _tiff(700, PACKET),
        "webp": webp(b"XMP ", PACKET),
        "heic": box(b"ftyp", b"heicxxxx") + box(b"uuid", XMP_UUID + PACKET),
        "png": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0\0" + PACKET)),
        "png, packed": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET))),
    }
    found = {name: jpeg(segment(0xE1, XMP + packet)) for name, packet in forms.items()} | containers
    return {f"xmp, {name}": data for name, data in found.items()}


def _texts() -> dict[str, bytes]:
    packed = zlib.compress(WEB_UI.encode())
    nan = COMFY.replace('"seed": 1', r'"seed": NaN, "a": "\\\" NaN", "b": [-Infinity, "\\"]')
    long = COMFY.replace('"KSampler"', f'"KSampler{"x" * 300_000}"')
    found = {
        "web ui": png(text("parameters", WEB_UI)),
        "web ui, packed": png(chunk(b"zTXt", b"parameters\0\0" + packed)),
        "web ui, packed and damaged": png(chunk(b"zTXt", b"parameters\0\0" + packed[:-1] + b"x")),
        "web ui, packed and cut": png(chunk(b"zTXt", b"parameters\0\0" + packed[:-9])),
        "web ui, long": png(
            chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b" " * 300_000 + b"\n" + WEB_UI.encode()))
        ),
        "web ui, too long": png(chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b" " * (4 << 20) + packed))),
        "first of two": png(text("parameters", WEB_UI), text("parameters", "a castle")),
        "comfy": png(text("prompt", COMFY)),
        "comfy, long": png(chunk(b"zTXt", b"prompt\0\0" + zlib.compress(long.encode()))),
        "comfy, not a number": png(text("prompt", nan)),
        "comfy, workflow": png(text("workflow", '{"nodes": [], "links": []}')),
        "invoke": png(text("invokeai_metadata", '{"app_version": "5"}')),
        "dream": png(text("Dream", '"a\ncastle" -s 50 -S 1 -W 512 -H 512 -C 7.5')),
        "novel": png(text("Software", "NovelAI"), text("Comment", NOVEL)),
        "swarm": png(text("parameters", '{"sui_image_params": {"seed": 1}}')),
        "other": png(text("parameters", '{"prompt": "a", "steps": 1}')),
    }
    return {f"text, {name}": data for name, data in found.items()}


def _exif() -> dict[str, bytes]:
    wide = ("山水" * 300 + "\n" + WEB_UI).encode
    graph = 'workflow:{"nodes": [], "links": []}'
    found = {
        "unicode": jpeg(segment(0xE1, exif(EXIF_COMMENT))),
        "unicode, big end first": jpeg(segment(0xE1, exif(b"UNICODE\0" + wide("utf-16-be")))),
        "unicode, little end first": jpeg(segment(0xE1, exif(b"UNICODE\0" + wide("utf-16-le")))),
        "ascii": png(chunk(b"eXIf", exif(b"ASCII\0\0\0" + WEB_UI.encode())[6:])),
        "comfy": webp(b"EXIF", exif(Make=graph)),
        "comfy, model": webp(b"EXIF", exif(Make="x", Model=f"Prompt:{COMFY}")),
        "camera": jpeg(segment(0xE1, exif(Make="Canon ", Model="EOS R5", FNumber=2.8))),
        "camera, no exposure": jpeg(segment(0xE1, exif(Make="Canon", Model="EOS R5"))),
        "camera, and c2pa of a generator": jpeg(
            segment(0xE1, exif(Make="Canon", Model="R5", ExposureTime=0.1)), *app11(store(CREATED))
        ),
        "avif": encode(Image.new("RGB", (16, 16)), "AVIF", exif=exif(EXIF_COMMENT)),
        "avif, and xmp": encode(Image.new("RGB", (16, 16)), "AVIF", exif=exif(Make="x"), xmp=PACKET),
    }
    return {f"exif, {name}": data for name, data in found.items()}


def _nothing() -> dict[str, bytes]:
    nested = superbox("c2pa", superbox("urn:c2pa:1", box(b"cbor", b"\x81" * 100)))
    found = {
        "jpeg": jpeg(),
        "after the end": png() + chunk(b"caBX", store(CREATED)),
        "words": png(text("Description", AI), text("parameters", "made with ComfyUI"), text("Software", "NovelAI")),
        "comment": jpeg(segment(0xFE, AI.encode())),
        "another element": jpeg(segment(0xE1, XMP + xmp(element=f"<a>{AI}</a>"))),
        "deep": png(chunk(b"caBX", nested)),
        "bmp": encode(DOT, "BMP"),
        "empty": b"",
    }
    return {f"nothing, {name}": data for name, data in found.items()}


def _gif(name: bytes, content: bytes) -> bytes:
    data = encode(DOT, "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    if name.startswith(b"XMP"):  # not in sub-blocks: as it is, and a ramp of bytes that leads out of it
        tail = content + b"\1" + bytes(range(0xFF, -1, -1)) + b"\0"
    else:
        pieces = [content[i : i + 255] for i in range(0, len(content), 255)]
        tail = b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
    return data[:at] + b"!\xff\x0b" + name + tail + data[at:]


def _tiff(tag: int, content: bytes) -> bytes:
    buffer = io.BytesIO()
    DOT.save(buffer, "TIFF", tiffinfo={tag: content})
    return buffer.getvalue()


def entry(data: bytes) -> dict[str, str]:
    """A file, and what Python reads in it."""
    told = declaration(data)
    return {"file": base64.b64encode(data).decode(), "declared": told.declared, "declared_by": told.by}


def content() -> str:
    """All of the file."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry(data))}" for name, data in cases().items())
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
