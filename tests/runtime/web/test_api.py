"""What the API answers: the command line's record, heat maps, and one clear line for all else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.version import __version__
from fauxto.web.limits import MAX_BODY, MAX_BYTES, MAX_PIXELS, MAX_SIDE
from tests.helpers import EXAMPLES, encode, make_photo
from tests.runtime.web.helpers import Served, form, running

PHOTO = encode(make_photo(300, 260), "PNG")
FORM = {"Content-Type": "multipart/form-data; boundary=B"}


def test_every_way_to_send_a_picture_gives_the_command_lines_record(served: Served) -> None:
    url = f"{served.url}/api/predict"
    expected = Detector(provenance=True).predict(PHOTO).to_dict()
    answers = [
        httpx.post(url, files={"file": ("a.png", PHOTO, "image/png")}),
        httpx.post(url, files={"other": b"x", "file": ("../../etc/passwd", PHOTO)}, data={"text": "first"}),
        httpx.post(url, content=PHOTO),
        *(
            httpx.post(url, content=PHOTO, headers={"content-type": kind})
            for kind in ("image/png", "image/x-anything", "application/x-www-form-urlencoded", "text/html")
        ),
        httpx.post(url, content=iter([PHOTO[:1000], PHOTO[1000:]])),  # chunked
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        record = answer.json()
        assert list(record) == list(expected)
        assert record | {"elapsed_ms": 0} == expected | {"elapsed_ms": 0}


def test_a_base_rate_moves_the_probability_of_this_request_alone(served: Served) -> None:
    url = f"{served.url}/api/predict"
    rare, usual = httpx.post(f"{url}?prior=0.05", content=PHOTO).json(), httpx.post(url, content=PHOTO).json()
    assert rare == Detector(provenance=True, prior=0.05).predict(PHOTO).to_dict() | {"elapsed_ms": rare["elapsed_ms"]}
    assert (usual["prior"], usual["verdict"]) == (0.5, rare["verdict"])
    for wrong in ("0", "1", "-1", "nan", "inf", "x", ""):
        answer = httpx.post(f"{url}?prior={wrong}", content=PHOTO)
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("prior: ")


@pytest.mark.parametrize(
    ("words", "data"),
    [
        ("the file is empty", b""),
        ("not a picture", b"this is no picture"),
        ("damaged or truncated", PHOTO[: len(PHOTO) // 2]),
        ("a PDF", b"%PDF-1.7\n"),
        ("an EPS file", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("text (a web page", b"<svg xmlns='http://www.w3.org/2000/svg'>"),
    ],
)
@pytest.mark.parametrize("path", ["/api/predict", "/api/explain"])
def test_what_cannot_be_read_is_a_record_that_says_why(served: Served, path: str, words: str, data: bytes) -> None:
    for answer in (httpx.post(served.url + path, content=data), httpx.post(served.url + path, files={"file": data})):
        record = answer.json()
        assert answer.status_code == 422
        assert (record["schema"], record["status"], record["path"]) == (2, "error", None)
        assert words in record["error"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(served: Served) -> None:
    data = encode(Image.new("L", (10_001, MAX_PIXELS // 10_000)), "PNG", compress_level=1)
    for path in ("/api/predict", "/api/explain"):
        answer = httpx.post(served.url + path, content=data)
        assert answer.status_code == 422
        assert "more than 100 megapixels" in answer.json()["error"]


@pytest.mark.parametrize(
    ("status", "words", "headers", "body"),
    [
        (415, "neither a picture's bytes nor a form", {"Content-Type": "text/plain"}, b"text"),
        (415, "neither a picture's bytes nor a form", {"Content-Type": "a/<script>\x1b[31m"}, b"abc"),
        (415, "Content-Encoding", {"Content-Encoding": "gzip"}, PHOTO),
        (400, "no field `file`", FORM, form({"picture": PHOTO})),
        (400, "no field `file`", FORM, form({"file": PHOTO})[: len(PHOTO) // 2]),
        (400, "no field `file`", FORM, b"--B--\r\n"),
        (400, "no field `file`", FORM, b"no delimiter at all"),
        (400, "no field `file`", FORM, form({str(i): b"x" for i in range(100)} | {"file": PHOTO})),
        (400, "no field `file`", FORM, form({"file": PHOTO}).replace(b"B\r\n", b"B\r\n" + b"A: b\r\n" * 20_000, 1)),
        (400, "no field `file`", {"Content-Type": "multipart/form-data; boundary=X"}, form({"file": PHOTO})),
        (400, "no boundary", {"Content-Type": "multipart/form-data"}, form({"file": PHOTO})),
        (400, "no boundary", {"Content-Type": f"multipart/form-data; boundary={'B' * 5000}"}, form({"file": PHOTO})),
        (413, "larger than 50 MB", {"Content-Length": str(MAX_BODY + 1)}, b"x"),
        (413, "larger than 50 MB", {"Content-Length": "99999999999999999999"}, b"x"),
        (413, "larger than 50 MB", FORM, form({"file": bytes(MAX_BYTES + 5000)})),
    ],
)
def test_bad_requests_get_one_clear_line(
    served: Served, status: int, words: str, headers: dict[str, str], body: bytes
) -> None:
    for path in ("/api/predict", "/api/explain"):
        answer = served.ask(f"POST {path}", headers, body)
        assert answer.status == status
        assert words in answer.detail


def test_a_body_without_a_length_is_cut_off(served: Served) -> None:
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    head = "POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = served.raw(head.encode() + chunk * 60)
    assert answer.status == 413


def test_a_field_file_may_be_empty_or_hold_what_looks_like_a_delimiter(served: Served) -> None:
    assert served.ask("POST /api/predict", FORM, form({"file": b""})).record["error"] == "the file is empty"
    tricky = encode(make_photo(300, 260), "JPEG") + b"\r\n--A\r\n\r\n--"  # what follows a JPEG's end is not looked at
    assert served.ask("POST /api/predict", FORM, form({"file": tricky})).record["width"] == 300


def test_a_heat_map_is_the_detectors_own_but_smaller(served: Served) -> None:
    for name in ("ai-face-7.jpg", "photo-cat.png"):
        answer = httpx.post(f"{served.url}/api/explain", content=(EXAMPLES / name).read_bytes(), timeout=60)
        heat = answer.json()
        whole = Image.fromarray(Detector().explain(EXAMPLES / name))
        expected = np.asarray(whole.resize((heat["width"], heat["height"]), Image.Resampling.BOX))
        assert max(heat["width"], heat["height"]) == MAX_SIDE
        assert heat["width"] / heat["height"] == pytest.approx(whole.width / whole.height, rel=0.02)
        found = np.array(heat["data"]).reshape(expected.shape)
        assert np.abs(found - expected).max() < 0.05  # reduced at once, not in two steps
        assert np.abs(expected).max() > 1


def test_a_picture_that_is_too_long_has_a_verdict_but_no_heat_map(served: Served) -> None:
    data = encode(make_photo(20_000, 240), "PNG")
    assert httpx.post(f"{served.url}/api/predict", content=data).status_code == 200
    answer = httpx.post(f"{served.url}/api/explain", content=data)
    assert answer.status_code == 422
    assert "too long and narrow" in answer.json()["error"]


def test_info_says_what_answers_and_its_limits(served: Served) -> None:
    told, detector = httpx.get(f"{served.url}/api/info").json(), served.engine.detector
    assert told.pop("card") == detector.model.card.raw
    assert told == {
        "fauxto": __version__,
        "model": detector.card.release,
        "model_sha256": detector.model_sha256,
        "variant": detector.variant,
        "provider": "cpu",
        "operating_point": "fpr1",
        "prior": 0.5,
        "second_opinion": False,
        "second_model": None,
        "second_card": None,
        "max_bytes": MAX_BYTES,
        "max_pixels": MAX_PIXELS,
    }


@pytest.fixture(scope="module")
def without_evidence(tiny) -> Iterator[Served]:
    with running(Detector(tiny)) as server:
        yield server


def test_a_model_without_evidence_says_so(without_evidence: Served) -> None:
    answer = httpx.post(f"{without_evidence.url}/api/explain", content=PHOTO)
    assert answer.status_code == 501
    assert "evidence" in answer.json()["detail"]
    assert httpx.post(f"{without_evidence.url}/api/predict", content=PHOTO).status_code == 200
