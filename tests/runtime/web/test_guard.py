"""Who may ask: Host, Origin and Sec-Fetch-Site as browsers and attackers send them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from fauxto.argument_types import host_name, origin
from fauxto.detector import Detector
from fauxto.web.guard import LOOPBACK, is_loopback, is_wildcard
from tests.helpers import encode, make_photo
from tests.runtime.web.helpers import Served, running

PHOTO = encode(make_photo(60, 50), "PNG")
ELSEWHERE = "https://app.example.org:8443"


@pytest.fixture(scope="module")
def open_server(tiny) -> Iterator[Served]:
    """One that was started for a LAN, with a name of its own and a website that may ask."""
    hosts = {*LOOPBACK, "0.0.0.0", "pictures.example.org", "2001:db8::1"}
    with running(Detector(tiny), hosts=hosts, origins=[ELSEWHERE], any_address=True) as server:
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:7860", "127.0.0.1:1", "[::1]", "[::1]:7860"])
def test_names_of_this_machine_are_answered_with_any_port(served: Served, host: str) -> None:
    assert served.ask("GET /api/info", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost",
        "localhost.", "localhost:7860:7860", "127.0.0.1:", "127.0.0.1@evil.example", "user@127.0.0.1", "127.1",
        "2130706433", "0x7f.0.0.1", "0", "0.0.0.0", "::1", "[::1", "::1]", "[::ffff:127.0.0.1]", "[::1].evil.example",
        "127.0.0.1/x", "127.0.0.1, evil.example", "127.0.0.1:78600000", "", "192.168.1.5", "localhost\xad",
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", ["GET /api/info", "GET /", "POST /api/predict", "OPTIONS /api/predict"])
def test_other_names_are_not(served: Served, line: str, host: str) -> None:
    answer = served.ask(line, {"Host": host})
    assert answer.status == 403
    assert "does not go by that name" in answer.detail


def test_a_host_that_is_missing_or_stands_twice_is_refused(served: Served) -> None:
    assert served.raw(b"GET / HTTP/1.0\r\n\r\n").status == 403
    assert served.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status == 400
    assert served.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n").status == 400
    forwarded = {"Host": "evil.example", "X-Forwarded-Host": "127.0.0.1", "Forwarded": "host=127.0.0.1"}
    assert served.ask("GET /", forwarded).status == 403
    absolute = {"Host": "evil.example"}
    assert served.ask("GET http://127.0.0.1/", absolute).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Origin": "https://127.0.0.1:{port}"},  # a proxy with encryption stands before it
        {"Origin": "HTTP://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "none"},
        {"Host": "localhost", "Origin": "http://localhost"},
    ],
)
def test_the_page_itself_and_programs_may_post(served: Served, headers: dict[str, str]) -> None:
    told = {name: value.format(port=served.port) for name, value in headers.items()}
    assert served.ask("POST /api/predict", told, PHOTO).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:{port}"},  # another name than the one that was asked for
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://127.0.0.1:{port}/"},
        {"Origin": "http://evil.example http://127.0.0.1:{port}"},
        {"Origin": "file://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Same-Origin-Not"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
    ],
)
@pytest.mark.parametrize("path", ["/api/predict", "/api/explain"])
def test_no_other_website_may(served: Served, path: str, headers: dict[str, str]) -> None:
    told = {name: value.format(port=served.port) for name, value in headers.items()}
    answer = served.ask(f"POST {path}", told, PHOTO)
    assert answer.status == 403
    assert "another website may not ask" in answer.detail


def test_nobody_elses_script_may_read_an_answer(served: Served) -> None:
    for line in ("GET /api/info", "OPTIONS /api/predict"):
        headers = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"}
        answer = served.ask(line, headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_website_that_was_named_may_ask_and_read(open_server: Served) -> None:
    told = {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"}
    answer = open_server.ask("POST /api/predict", told, PHOTO)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ELSEWHERE
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = open_server.ask("OPTIONS /api/predict", told | asked)
    assert preflight.status == 200
    assert "POST" in preflight.headers["access-control-allow-methods"].upper()
    for other in ("https://app.example.org", "https://app.example.org:8443.evil.example", "null"):
        refused = open_server.ask("POST /api/predict", told | {"Origin": other}, PHOTO)
        assert refused.status == 403
        assert "access-control-allow-origin" not in open_server.ask("GET /api/info", {"Origin": other}).headers


@pytest.mark.parametrize(
    "host", ["pictures.example.org", "PICTURES.example.org:443", "127.0.0.1:80", "[2001:db8::1]:80"]
)
def test_a_server_for_others_answers_to_its_names(open_server: Served, host: str) -> None:
    assert open_server.ask("GET /api/info", {"Host": host}).status == 200


def test_a_server_for_others_answers_to_the_address_that_was_called_and_no_other(open_server: Served) -> None:
    for other in ("192.168.1.5", "127.0.0.2", "evil.example"):
        assert open_server.ask("GET /api/info", {"Host": other}).status == 403


def test_which_addresses_only_this_machine_can_reach() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.5", "example.org", "::", "", "localhost.example")))
    assert all(map(is_wildcard, ("0.0.0.0", "::", "")))
    assert not any(map(is_wildcard, ("127.0.0.1", "::1", "example.org")))


def test_what_may_be_allowed_is_checked_on_the_command_line() -> None:
    assert [host_name(word) for word in ("Pictures.Example", "[2001:DB8::1]", "::1", "10.0.0.1")] == [
        "pictures.example", "2001:db8::1", "::1", "10.0.0.1"
    ]  # fmt: skip
    assert origin("HTTPS://App.example:8443") == ELSEWHERE.replace(".example.org", ".example")
    for wrong in ("", "*", "http://x", "x/y", "x:80", "x y"):
        with pytest.raises(argparse.ArgumentTypeError):
            host_name(wrong)
    for wrong in ("", "*", "null", "example.org", "https://example.org/", "ftp://example.org", "https://*.example.org"):
        with pytest.raises(argparse.ArgumentTypeError):
            origin(wrong)
