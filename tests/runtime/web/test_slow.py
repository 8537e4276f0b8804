"""Clients that are slow, silent, too many, or leave: none of them takes anything from the others."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest

from fauxto.detector import Detector
from fauxto.web import engine, protocol, uploads
from fauxto.web.limits import READ_BYTES
from fauxto.web.uploads import Uploads
from tests.helpers import encode, make_photo
from tests.runtime.web.helpers import Answer, Served, clients, post, running, until

PHOTO = encode(make_photo(60, 50), "PNG")
HEAD = b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture(scope="module")
def quick(tiny) -> Iterator[Served]:
    """A model that answers at once."""
    with running(Detector(tiny)) as server:
        yield server


def trickle(client: socket.socket, words: bytes, seconds: float, *, reads: bool = True) -> float:
    """Send `words` again and again until the server hangs up; how many seconds that took, or `seconds`."""
    start = time.monotonic()
    client.settimeout(0.05)
    while (passed := time.monotonic() - start) < seconds:
        try:
            client.sendall(words)
            if reads and not client.recv(1 << 16):
                return passed
        except TimeoutError:
            continue
        except ConnectionError:
            return passed
    return seconds


def answers(served: Served) -> bool:
    return httpx.post(f"{served.url}/api/predict", content=PHOTO, timeout=60).status_code == 200


def test_an_event_loop_whose_reads_cannot_be_bounded_is_not_taken(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", ModuleType("uvloop"))  # uvicorn would take it where it is installed
    with running(Detector(tiny)) as server:
        assert answers(server)


def test_slow_headers_are_cut_off(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1.0)
    with clients(quick, 20, b"POST /api/predict HTTP/1.1\r\nHost: x\r\n") as opened:
        assert answers(quick)
        assert trickle(opened[0], b"X-a: b\r\n", 20) < 15
        for client in opened[1:]:
            answer = Answer.read(client)
            assert (answer.status, answer.detail) == (408, "the request did not arrive in time")


def test_a_connection_without_a_word_is_closed_without_one(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)
    with clients(quick, 2, b"") as opened:
        assert [Answer.read(client).status for client in opened] == [0, 0]


def test_the_next_request_must_come_in_time_too(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1.0)
    with clients(quick, 1, b"GET /api/info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /api/info HTT") as (client,):
        assert b"200 OK" in client.recv(1 << 16)
        assert trickle(client, b"x", 20) < 15


def test_what_follows_an_early_answer_is_not_taken_for_ever(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1.0)
    with clients(quick, 1, HEAD.replace(b"1000000", b"99999999999")) as (client,):
        assert b"413" in client.recv(1 << 16)
        assert trickle(client, b"x", 20) < 15


def test_slow_bodies_are_cut_off_and_hold_no_place(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BODY_SECONDS", 3.0)
    with clients(quick, 60, HEAD + b"x") as opened:
        assert answers(quick)  # while all of them are under way
        assert trickle(opened[0], b"x", 30) < 20
        for client in opened[1:]:
            answer = Answer.read(client)
            assert (answer.status, answer.detail) == (408, "the picture arrived too slowly; try again")
    assert answers(quick)


def test_a_body_that_keeps_coming_gets_the_time_it_needs(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BODY_SECONDS", 2.0)
    monkeypatch.setattr(uploads, "BODY_RATE", len(PHOTO) / 60)
    step = len(PHOTO) // 8 + 1

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(PHOTO), step):
            yield PHOTO[start : start + step]
            time.sleep(0.4)

    assert httpx.post(f"{quick.url}/api/predict", content=slowly(), timeout=60).status_code == 200


def test_no_connection_takes_long_turns(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    receive = protocol.Protocol.data_received

    def noted(self: protocol.Protocol, data: bytes) -> None:
        seen.append(len(data))
        receive(self, data)

    monkeypatch.setattr(protocol.Protocol, "data_received", noted)
    assert quick.raw(post(PHOTO + bytes(1 << 20)).replace(b"Host", b"Connection: close\r\nHost", 1)).status == 200
    assert sum(seen) > 1 << 20
    assert max(seen) <= READ_BYTES


def test_a_client_that_does_not_read_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 1.0)
    ask = b"GET /api/info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        assert trickle(client, ask * 50, 60, reads=False) < 50
    assert httpx.get(f"{served.url}/api/info").status_code == 200


def test_too_many_connections_are_refused_until_there_are_fewer(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol.Protocol, "most", 8)
    with clients(quick, 8, b""):
        answer = quick.ask("GET /api/info", {})
        assert (answer.status, answer.detail) == (503, "too many connections; try again in a moment")
    until(lambda: quick.ask("GET /api/info", {}).status == 200)


def test_more_pictures_than_may_wait_are_sent_away(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_WAITING", 0)
    answer = quick.ask("POST /api/predict", {}, PHOTO)
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    assert "too many pictures at once" in answer.detail
    monkeypatch.undo()
    assert answers(quick)


def test_more_bytes_than_may_be_held_are_sent_away_and_counted_down_again(
    quick: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Uploads] = []
    receive = Uploads._receive

    async def noted(self: Uploads, *args: Any) -> None:
        seen.append(self)
        await receive(self, *args)

    monkeypatch.setattr(Uploads, "_receive", noted)
    monkeypatch.setattr(uploads, "MAX_HELD", len(PHOTO) + 1000)
    with clients(quick, 1, HEAD + bytes(1000)):
        until(lambda: seen and seen[0].held == 1000)
        assert answers(quick)
        assert quick.ask("POST /api/predict", {}, PHOTO + bytes(1)).status == 429
    until(lambda: seen[0].held == 0)  # the one that held 1000 bytes has left


def test_nothing_is_done_for_a_client_that_has_left(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    predict = engine.Engine.predict

    async def noted(self: engine.Engine, *args: Any) -> Any:
        asked.append("asked")
        try:
            return await predict(self, *args)
        except BaseException as error:
            asked.append(type(error).__name__)
            raise

    monkeypatch.setattr(engine.Engine, "predict", noted)
    monkeypatch.setattr(engine.Engine, "_in_process", lambda *_: asyncio.sleep(60))  # decoders that are busy
    with clients(quick, 5, post(PHOTO)):
        until(lambda: len(asked) == 5)
    until(lambda: asked.count("CancelledError") == 5)
    assert quick.engine._waiting == 0
    monkeypatch.undo()
    assert answers(quick)


def test_a_request_that_ends_too_early_takes_no_harm(quick: Served) -> None:
    for request in (HEAD, HEAD + b"x", HEAD[:20]):
        assert quick.raw(request, half_close=True).status in (0, 400)
    assert answers(quick)
