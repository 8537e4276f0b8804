"""The many forms of one and the same declaration: encodings, containers, lengths, and kinds of input."""

import io
from pathlib import Path

import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.prediction import Declaration
from fauxto.provenance.containers import XMP
from fauxto.provenance.declaration import declaration
from tests.helpers import encode, make_photo
from tests.runtime.provenance.files import AI, COMFY, WEB_UI, app11, exif, jpeg, png, segment, store, text, xmp

PACKET = xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"')
BAG = f"<rdf:Bag><rdf:li>{AI}</rdf:li></rdf:Bag>"
ELEMENT = "<Iptc4xmpExt:DigitalSourceType>{}</Iptc4xmpExt:DigitalSourceType>"


def gif(packet: bytes) -> bytes:
    """A GIF with an XMP packet as Adobe puts it there: no sub-blocks, and a ramp of bytes that leads out of it."""
    data = encode(make_photo(64, 48), "GIF")
    header = 13 + (3 << (data[10] & 7) + 1)
    ramp = b"\1" + bytes(range(0xFF, -1, -1)) + b"\0"
    return data[:header] + b"!\xff\x0bXMP DataXMP" + packet + ramp + data[header:]


def tiff(packet: bytes) -> bytes:
    buffer = io.BytesIO()
    make_photo(64, 48).save(buffer, "TIFF", tiffinfo={700: packet})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "packet",
    [
        PACKET,
        PACKET.replace(b"<x:xmpmeta", b"<!-- written by an editor --><x:xmpmeta"),
        PACKET.decode().encode("utf-16"),
        PACKET.decode().encode("utf-16-be"),
        b"\xef\xbb\xbf" + PACKET,
        xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}/"'),
        xmp(element=ELEMENT.format(AI + "/")),
        xmp(element=ELEMENT.format(BAG)),
        xmp(element=f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{AI}"/>'),
    ],
)
def test_xmp_in_every_form_and_container(packet: bytes) -> None:
    for data in (jpeg(segment(0xE1, XMP + packet)), gif(packet), tiff(packet)):
        assert declaration(data) == Declaration(declared="ai", by="XMP, trainedAlgorithmicMedia")


def test_xmp_with_a_document_type_is_not_read() -> None:
    bomb = b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>]>" + PACKET
    for packet in (bomb, bomb.decode().encode("utf-16")):
        assert declaration(jpeg(segment(0xE1, XMP + packet))) == Declaration()


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_a_long_comment_in_any_byte_order(order: str) -> None:
    comment = b"UNICODE\0" + ("山水风景" * 3000 + "\n" + WEB_UI).encode(order)
    found = declaration(jpeg(segment(0xE1, exif(comment))))
    assert (found.declared, found.by) == ("ai", "the settings of a Stable Diffusion web UI")


def test_a_workflow_of_megabytes_is_read() -> None:
    long = COMFY.replace('"KSampler"', f'"KSampler{"x" * 2_500_000}"')
    assert declaration(png(text("prompt", long))).by == "a ComfyUI workflow"


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("computationalCapture", "camera"),  # every photograph of a new Pixel
        ("multiFrameComputationalCapture", "camera"),
        ("compositeWithTrainedAlgorithmicMedia", "edited"),  # its zoom, which fills in details
        ("trainedAlgorithmicMedia", "ai"),
        ("trainedAlgorithmicMedia/", "ai"),
        ("algorithmicMedia", "nothing"),
        ("", "nothing"),
    ],
)
def test_c2pa_is_read_by_value_and_never_by_being_there(kind: str, declared: str) -> None:
    action = {"action": "c2pa.created", "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"}
    assert declaration(jpeg(*app11(store(action)))).declared == declared


def test_every_kind_of_input_declares_the_same(tmp_path: Path) -> None:
    data, path = png(text("parameters", WEB_UI)), tmp_path / "a.png"
    path.write_bytes(data)
    teller = Detector(provenance=True)
    with path.open("rb") as file:
        kinds = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), file]
        assert [teller.predict(kind).declared for kind in kinds] == ["ai"] * len(kinds)
    assert teller.predict(Image.open(path)).declared is None  # no file any more
