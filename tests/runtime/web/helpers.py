"""A server in a thread of the tests, and clients that do what no HTTP library would."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from fauxto.detector import Detector
from fauxto.web import page
from fauxto.web.app import make_app
from fauxto.web.engine import Engine
from fauxto.web.guard import LOOPBACK
from fauxto.web.server import configuration

PATIENCE = 60.0  # seconds, on a busy machine


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        engine: what answers.
        port: on 127.0.0.1.
        url: the same.
    """

    engine: Engine
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def raw(self, request: bytes, *, half_close: bool = False) -> Answer:
        """What comes back for these bytes, until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            with contextlib.suppress(ConnectionError):  # it may refuse before it has been sent all
                client.sendall(request)
                if half_close:
                    client.shutdown(socket.SHUT_WR)
            return Answer.read(client)

    def ask(self, line: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """`raw` for a request line such as "GET /"; Host and Connection: close unless `headers` has others."""
        told = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", **headers}
        if body:
            told.setdefault("Content-Length", str(len(body)))
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return self.raw(f"{line} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)


@dataclass(frozen=True)
class Answer:
    """A response as it came; status 0 where the server hung up without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> str:
        return str(json.loads(self.body)["detail"])

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @classmethod
    def read(cls, client: socket.socket) -> Answer:
        """All until the end of the connection."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := client.recv(1 << 16):
                parts.append(part)
        head, _, body = b"".join(parts).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return cls(int(first.split(" ")[1]) if first else 0, headers, body)


@contextlib.contextmanager
def running(detector: Detector, places: page.Places | None = None, **guard: Any) -> Iterator[Served]:
    """A server over `detector`; with a page where `places` says that there is one."""
    listener = socket.create_server(("127.0.0.1", 0))
    files = page.read(places) if places else {}
    with listener, Engine(detector) as engine:
        server = uvicorn.Server(configuration(make_app(engine, files, **{"hosts": LOOPBACK, **guard})))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until(lambda: server.started)
            yield Served(engine, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def clients(served: Served, count: int, words: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent `words`."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 60)) for _ in range(count)]
        for client in opened:
            client.sendall(words)
        yield opened


def post(body: bytes) -> bytes:
    """A request for a verdict, as bytes."""
    head = f"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def until(condition: Any, seconds: float = PATIENCE) -> None:
    """Wait for it. Fails where it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def write_page(folder: Path) -> page.Places:
    """A page of few files, and what must not be served beside it."""
    places = page.Places(folder / "page", folder / "src", folder / "pictures")
    for place in (places.page, places.src, places.examples):
        place.mkdir()
    (places.page / "index.html").write_text('<!doctype html><meta name="engine" content="local"><p>page</p>')
    (places.page / "page.css").write_text("p { color: red }")
    (places.page / "page.js").write_text("import './src/card.js';")
    (places.page / "notes.txt").write_text("private")
    (places.page / "examples.json").write_text(json.dumps({"1.jpg": "ai-face-7.jpg", "2.jpg": "missing.jpg"}))
    (places.src / "card.js").write_text("export {};")
    (places.src / "card.d.ts").write_text("export {};")
    (places.examples / "ai-face-7.jpg").write_bytes(b"\xff\xd8\xff picture")
    (places.examples / "other.jpg").write_bytes(b"\xff\xd8\xff not named")
    return places


def form(fields: Mapping[str, bytes], boundary: str = "B") -> bytes:
    """A form of files."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="x.jpg"\r\n\r\n'.encode() + data
        for name, data in fields.items()
    ]
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
