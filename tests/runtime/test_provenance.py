"""What files declare: containers built here, byte by byte; forged, broken and padded ones; and fuzzing."""

import contextlib
import io
import json
import struct
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from fauxto.detector import Detector
from fauxto.errors import ImageError
from fauxto.prediction import Declaration
from fauxto.provenance import c2pa, containers
from fauxto.provenance.declaration import declaration
from tests.helpers import encode, make_photo

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def test_heic_without_exif_declares_nothing() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(make_photo(64, 64)).save(buffer)
    heif.register_heif_opener()
    assert declaration(buffer.getvalue()) == Declaration()


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


def store(*actions: dict[str, object], generator: str = "Tester 1.0") -> bytes:
    """A manifest store with one manifest."""
    assertions = superbox(
        "c2pa.assertions", superbox("c2pa.actions.v2", box(b"cbor", cbor({"actions": list(actions)})))
    )
    claim = superbox("c2pa.claim.v2", box(b"cbor", cbor({"claim_generator_info": {"name": generator}})))
    return superbox("c2pa", superbox("urn:c2pa:1", assertions, claim))


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def jpeg(*segments: bytes) -> bytes:
    data = encode(make_photo(64, 48), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def app11(jumbf: bytes, part: int = 60_000) -> list[bytes]:
    """The packets that a JUMBF box travels in."""
    pieces = [jumbf[8 + i : 8 + i + part] for i in range(0, len(jumbf) - 8, part)]
    return [segment(0xEB, b"JP\0\1" + struct.pack(">I", i) + jumbf[:8] + piece) for i, piece in enumerate(pieces, 1)]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: bytes) -> bytes:
    data = encode(make_photo(64, 48), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def text(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode() + b"\0" + value.encode("latin-1"))


def webp(kind: bytes, content: bytes) -> bytes:
    body = encode(make_photo(64, 48), "WEBP")[12:] + kind + struct.pack("<I", len(content)) + content
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


@pytest.mark.parametrize(
    ("data", "declared", "by"),
    [
        (jpeg(*app11(store(CREATED))), "ai", "C2PA manifest of Tester 1.0, trainedAlgorithmicMedia"),
        (jpeg(*app11(store(CREATED), part=50)), "ai", "C2PA manifest"),  # several packets
        (png(chunk(b"caBX", store(CREATED))), "ai", "C2PA manifest"),
        (webp(b"C2PA", store(CREATED)), "ai", "C2PA manifest"),
        (
            box(b"ftyp", b"heicxxxx")
            + box(b"uuid", containers.C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + store(CREATED)),
            "ai",
            "C2PA manifest",
        ),
        (png(chunk(b"caBX", store({"action": "c2pa.created", "digitalSourceType": CAPTURE}))), "camera", "C2PA"),
        (png(chunk(b"caBX", store({"action": "c2pa.opened", "digitalSourceType": COMPOSITE}))), "edited", "composite"),
        (png(chunk(b"caBX", store({"action": "c2pa.filtered"}))), "edited", "c2pa.filtered"),
        (png(chunk(b"caBX", store({"action": "c2pa.resized"}))), "nothing", ""),
        (jpeg(segment(0xE1, containers.XMP + xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"'))), "ai", "XMP"),
        (
            png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(
                element=f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>"))),
            "ai",
            "XMP",
        ),
        (webp(b"XMP ", xmp(f'Iptc4xmpExt:DigitalSourceType="{CAPTURE}"')), "camera", "XMP, digitalCapture"),
        (png(text("parameters", WEB_UI)), "ai", "Stable Diffusion web UI"),
        (png(chunk(b"zTXt", b"parameters\0\0" + zlib.compress(WEB_UI.encode()))), "ai", "Stable Diffusion web UI"),
        (png(text("prompt", COMFY)), "ai", "ComfyUI"),
        (png(text("workflow", '{"nodes": [], "links": []}')), "ai", "ComfyUI"),
        (png(text("invokeai_metadata", '{"app_version": "5"}')), "ai", "InvokeAI"),
        (png(text("Dream", '"a castle" -s 50 -S 1 -W 512 -H 512 -C 7.5')), "ai", "InvokeAI"),
        (png(text("Software", "NovelAI"), text("Comment", NOVEL)), "ai", "NovelAI"),
        (png(text("parameters", '{"sui_image_params": {"seed": 1}}')), "ai", "SwarmUI"),
        (jpeg(segment(0xE1, exif(EXIF_COMMENT))), "ai", "Stable Diffusion web UI"),
        (jpeg(segment(0xE1, exif(b"UNICODE\0" + WEB_UI.encode("utf-16-le")))), "ai", "Stable Diffusion web UI"),
        (jpeg(segment(0xE1, exif(b"ASCII\0\0\0" + WEB_UI.encode()))), "ai", "Stable Diffusion web UI"),
        (webp(b"EXIF", exif(Make='workflow:{"nodes": [], "links": []}')), "ai", "ComfyUI"),
        (jpeg(segment(0xE1, exif(Make="Canon", Model="EOS R5", FNumber=2.8))), "camera", "EXIF of Canon EOS R5"),
        (jpeg(segment(0xE1, exif(Make="Canon", Model="EOS R5"))), "nothing", ""),  # no exposure: a scanner, a printer
    ],
)  # fmt: skip
def test_what_a_file_declares(data: bytes, declared: str, by: str) -> None:
    told = declaration(data)
    assert told.declared == declared
    assert by in told.by
    assert "\n" not in str(told)


PLAIN = [encode(make_photo(64, 48), kind) for kind in ("JPEG", "PNG", "WEBP")]


@pytest.mark.parametrize("plain", PLAIN)
@pytest.mark.parametrize(
    "tail",
    [b"c2pa jumb c2pa", b"trainedAlgori", store(CREATED), chunk(b"caBX", store(CREATED)), text("parameters", WEB_UI),
     b"C2PA" + struct.pack("<I", 4) + b"jumb", *app11(store(CREATED))],
)  # fmt: skip
def test_nothing_after_the_picture_counts(plain: bytes, tail: bytes) -> None:
    assert declaration(plain + tail) == Declaration()


def test_words_alone_declare_nothing() -> None:
    for words in (AI, "made with Midjourney, DALL-E, Stable Diffusion, ComfyUI", "Steps: 20", '{"prompt": "a"}', "{}"):
        assert declaration(png(text("Description", words), text("parameters", words))).declared == "nothing"
    assert declaration(png(text("Software", "NovelAI"))).declared == "nothing"
    assert declaration(jpeg(segment(0xFE, AI.encode()))).declared == "nothing"
    assert declaration(jpeg(segment(0xE1, containers.XMP + xmp(element=f"<a>{AI}</a>")))).declared == "nothing"


def test_ai_outweighs_a_camera_and_both_are_read() -> None:
    both = jpeg(segment(0xE1, exif(Make="Canon", Model="R5", FNumber=2.8)), *app11(store(CREATED)))
    assert declaration(both).declared == "ai"


def test_a_file_that_is_not_read_to_its_end_is_not_called_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(*app11(store(CREATED))) + bytes(1000)
    monkeypatch.setattr("fauxto.provenance._signature", lambda _: "invalid")
    for most, signature in ((len(data), "invalid"), (len(data) - 1, "unverified")):
        monkeypatch.setattr("fauxto.provenance.MAX_FILE", most)
        assert declaration(data) == Declaration("ai", declaration(data).by, signature)


def test_a_manifest_of_nobody_is_never_valid() -> None:
    told = declaration(jpeg(*app11(store(CREATED))))
    assert told.signature in ("unverified", "invalid")
    assert "unverified" in str(Declaration("ai", "x"))
    assert "no evidence" in str(Declaration())


def test_bombs_stay_small() -> None:
    inflated = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * 200_000_000))
    entities = b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>]>" + xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"')
    deep = b"\x81" * 100_000
    wide = b"\x9a\xff\xff\xff\xff"
    nested = b"{}"
    for _ in range(2000):
        nested = box(b"jumb", box(b"jumd", bytes(16) + b"\x03c2pa\0") + nested)
    bombs = [png(inflated), jpeg(segment(0xE1, containers.XMP + entities)), png(text("prompt", "[" * 1_000_000))]
    bombs += [png(chunk(b"caBX", superbox("c2pa", superbox("urn:c2pa:1", box(b"cbor", b))))) for b in (deep, wide)]
    bombs += [png(chunk(b"caBX", nested)), png(text("prompt", '{"a":' * 100_000))]
    for bomb in bombs:
        tracemalloc.start()
        started = time.perf_counter()
        assert declaration(bomb) == Declaration()
        seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 << 20
        assert seconds < 2  # 50 ms are meant; tracing and a busy machine cost more


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                jpeg(segment(0xE1, exif(EXIF_COMMENT, Make="Canon", Model="R5")), *app11(store(CREATED))),
                png(chunk(b"caBX", store(CREATED)), text("prompt", COMFY), chunk(b"eXIf", exif(EXIF_COMMENT)[6:])),
                webp(b"C2PA", store(CREATED)),
                webp(b"XMP ", xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"')),
                box(b"ftyp", b"heicxxxx") + box(b"uuid", containers.C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8)),
            ]
        )
    )
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 8))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert declaration(bytes(damaged)).declared in ("ai", "edited", "camera", "nothing")


JSON_LIKE = st.recursive(
    st.text(max_size=30) | st.integers(-60_000, 60_000) | st.binary(max_size=30) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=20,
)


@given(JSON_LIKE)
def test_cbor_round_trip(value: object) -> None:
    assert c2pa.loads(cbor(value)) == value


@given(st.binary(max_size=200))
def test_cbor_fails_only_as_it_says(data: bytes) -> None:
    with contextlib.suppress(ValueError, IndexError, struct.error):
        c2pa.loads(data)


def test_the_declaration_stands_beside_the_score(tmp_path, detector: Detector, capsys) -> None:
    from fauxto.cli import main

    path = tmp_path / "a.png"
    path.write_bytes(png(text("parameters", WEB_UI)))
    told, plain = Detector(provenance=True).predict(path), detector.predict(path)
    assert (told.declared, told.signature) == ("ai", "unverified")
    assert plain.declared is None
    assert (told.p_ai, told.verdict, told.logit) == (plain.p_ai, plain.verdict, plain.logit)
    assert main(["predict", "--provenance", str(path)]) == 0
    assert "the file declares ai (unverified): the settings of a Stable Diffusion" in capsys.readouterr().out
    with pytest.raises(ImageError, match="cannot be read"):
        declaration(tmp_path / "nothing.png")
