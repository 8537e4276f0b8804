"""What files declare: each claim in its container, forged ones, and that the verdict does not move."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import ImageError
from fauxto.prediction import Declaration
from fauxto.provenance import containers
from fauxto.provenance.declaration import declaration
from tests.helpers import encode, make_photo
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
    jpeg,
    png,
    segment,
    store,
    text,
    webp,
    xmp,
)


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


def test_heic_without_exif_declares_nothing() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(make_photo(64, 64)).save(buffer)
    heif.register_heif_opener()
    assert declaration(buffer.getvalue()) == Declaration()


def test_the_declaration_stands_beside_the_score(
    tmp_path: Path, detector: Detector, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(text("parameters", WEB_UI)))
    told, plain = Detector(provenance=True).predict(path), detector.predict(path)
    assert (told.declared, told.signature) == ("ai", "unverified")
    assert plain.declared is None
    assert (told.p_ai, told.verdict, told.logit) == (plain.p_ai, plain.verdict, plain.logit)
    assert main(["predict", "--provenance", str(path)]) == 0
    assert "declares ai (unverified): the settings of a Stable Diffusion" in capsys.readouterr().out
    with pytest.raises(ImageError, match="no such file"):
        declaration(tmp_path / "nothing.png")
