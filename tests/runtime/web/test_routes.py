"""Which paths there are, and that nothing else can be reached by them."""

from __future__ import annotations

import re

import httpx
import pytest

from fauxto.model.model import Model
from fauxto.web.guard import HEADERS
from tests.runtime.web.helpers import Served

PAGE = {
    "/": "text/html; charset=utf-8",
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/src/card.js": "text/javascript; charset=utf-8",
    "/examples/1.jpg": "image/jpeg",
}
OTHERS = {"/api/info": "application/json", "/openapi.json": "application/json", "/docs": "text/html; charset=utf-8"}


@pytest.mark.parametrize(("path", "kind"), {**PAGE, **OTHERS}.items())
def test_what_is_served(served: Served, path: str, kind: str) -> None:
    answer = httpx.get(served.url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    head = served.ask(f"HEAD {path}", {})
    assert head.status in (200, 405)
    assert head.body == b""


def test_the_page_knows_that_a_server_answers(served: Served) -> None:
    page = httpx.get(served.url).text
    assert '<meta name="engine" content="server">' in page
    assert 'content="local"' not in page


@pytest.mark.parametrize(
    "path",
    [
        "/index.html", "/notes.txt", "/examples.json", "/src/card.d.ts", "/src", "/src/", "/page.js/", "/page.css/",
        "//page.css", "/examples/", "/examples/2.jpg", "/examples/ai-face-7.jpg", "/examples/other.jpg",
        "/pictures/other.jpg", "/../notes.txt", "/..%2fnotes.txt", "/src/..%2f..%2fnotes.txt",
        "/src/%2e%2e/notes.txt", "/%2e%2e%2f%2e%2e%2fetc/passwd", "/..%5cnotes.txt", "/page.js%00.html",
        "/src//card.js", "/PAGE.JS", "/etc/passwd", "/file=/etc/passwd", "/redoc", "/docs/", "/docs/oauth2-redirect",
        "/api", "/api/", "/api/info/", "/api/predict/", "/openapi.json/", "/openapi.yaml", "/gradio_api/run/predict",
        "/gradio_api/upload", "/config", "/proxy=http://127.0.0.1/", "/static/x", "/favicon.ico",
        "http://127.0.0.1:9/", "*",
    ],
)  # fmt: skip
def test_all_else_is_not_there(served: Served, path: str) -> None:
    for method in ("GET", "POST"):
        answer = served.ask(f"{method} {path}", {})
        assert answer.status in (404, 405) if path != "*" else answer.status in (400, 404)
        assert answer.status != 405 or method == "POST"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/predict", "POST"),
        ("PUT", "/api/predict", "POST"),
        ("DELETE", "/api/explain", "POST"),
        ("OPTIONS", "/api/predict", "POST"),
        ("TRACE", "/api/predict", "POST"),
        ("POST", "/api/info", "GET"),
        ("POST", "/", "GET"),
        ("POST", "/docs", "GET"),
        ("PATCH", "/examples/1.jpg", "GET"),
    ],
)
def test_another_method_is_told_which_there_are(served: Served, method: str, path: str, allowed: str) -> None:
    answer = served.ask(f"{method} {path}", {})
    assert answer.status == 405
    assert allowed in answer.headers["allow"]
    assert allowed in answer.detail


def test_every_answer_has_the_headers_that_keep_others_out(served: Served) -> None:
    answers = [
        served.ask("GET /", {}),
        served.ask("GET /nothing", {}),
        served.ask("POST /api/predict", {}, b"x"),
        served.ask("GET /", {"Host": "evil.example"}),
        served.raw(b"\x16\x03\x01\0\xff\r\n\r\n"),
    ]
    assert [answer.status for answer in answers] == [200, 404, 422, 403, 400]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name.lower()] == value
        assert "server" not in answer.headers
    policy = answers[0].headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_description_loads_nothing_from_outside(served: Served) -> None:
    page = httpx.get(f"{served.url}/docs").text
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["/openapi.json", "/"]
    assert "<script" not in page
    assert "style=" not in page
    for words in ("POST /api/predict", "POST /api/explain", "GET /api/info", "?prior=", "413", "declared_by"):
        assert words in page
    described = httpx.get(f"{served.url}/openapi.json").json()
    fpr = Model.open().card.test["conditions"]["clean"]["operating_points"]["fpr1"]["fpr"]
    told = rf"On the model's test, {100 * fpr:.1f} % of \d+ photographs were called ai"
    assert re.search(told, described["info"]["description"])
    assert set(described["paths"]) == {"/api/info", "/api/predict", "/api/explain"}
    for path in ("/api/predict", "/api/explain"):
        operation = described["paths"][path]["post"]
        assert set(operation["responses"]) >= {"200", "400", "403", "405", "408", "413", "415", "422", "429", "503"}
        assert "multipart/form-data" in operation["requestBody"]["content"]
