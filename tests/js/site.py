"""The page as any web server serves it, below a path of its own, and a Chromium that knows no other host."""

from __future__ import annotations

import functools
import io
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from benchmarks.chromium import JS, ROOT, chromium, serving
from fauxto.prediction import Prediction
from tests.helpers import make_photo

BELOW = "some/where/"
"""The path that the page is served at."""

EXAMPLES = sorted((ROOT / "examples").glob("*.[jp][pn]g"))
ANSWERED = "#result:is([data-kind=ai], [data-kind=unsure], [data-kind=no_sign])"
PATIENCE = 120_000
"""Milliseconds for what a busy machine does in two seconds."""


SHA256 = "55ce81ebbd0067e23ccec56d00719a70a0544c9debbf19ad2ccb9b03d51c281f"
INFO = {
    "model": "fauxto-r18-v6",
    "model_sha256": SHA256,
    "variant": "int8-weights",
    "provider": "cpu",
    "operating_point": "fpr1",
    "prior": 0.5,
    "second_opinion": True,
    "second_model": "fauxto-r18-v6+fauxto-second-v1",
}
RECORD = Prediction(
    verdict="ai", p_ai=0.99, prior=0.5, logit=3.0, operating_point="fpr1", threshold=0.976, reason="threshold",
    width=400, height=300, model="fauxto-r18-v6", model_sha256=SHA256, provider="cpu", elapsed_ms=9.0,
    declared="nothing", declared_by="", signature="unverified",
).to_dict()  # fmt: skip

SECONDED = {
    "schema": 3,
    "model": INFO["second_model"],
    "model_sha256": f"{SHA256}+{SHA256[::-1]}",
    "logit_pixels": 1.25,
    "logit_scene": -0.5,
}
"""What is another in a record with a second opinion."""
FIGURES = {"fpr": 0.02, "fpr_interval": [0.01, 0.03], "recall": 0.4, "ai_called_no_sign": 0.07}
SECOND_TEST = {
    "set": "another",
    "conditions": {"clean": {"n_ai": 500, "n_real": 600, "operating_points": {"fpr1": FIGURES}}},
}
"""The figures of answers with one."""


class Files(SimpleHTTPRequestHandler):
    """The standard library's server of files, and nothing else. It notes what it was asked for."""

    asked: list[str]

    def log_message(self, *_: object) -> None:
        """Note it."""
        self.asked.append(self.path.removeprefix(f"/{BELOW}"))


class Api(Files):
    """The same with a server's API, whose answers the pictures hold: bytes, "#", and a record's fields as JSON."""

    busy = 0
    most = 0
    lock = threading.Lock()
    go = threading.Event()

    def do_GET(self) -> None:
        """Answer with a file, or with what answers."""
        if self.path.endswith("/api/info"):
            card = json.loads((ROOT / "models/fauxto-r18/card.json").read_text())
            self._send(200, INFO | {"card": card, "second_card": card | {"test": SECOND_TEST}})
        elif self.path == f"/{BELOW}":
            html = Path(self.translate_path(self.path), "index.html").read_text()
            self._send(200, html.replace('content="local"', 'content="server"').encode(), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Answer with what the picture holds, once `go` is set."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            Api.busy += 1
            Api.most = max(self.most, self.busy)
        self.go.wait(30)
        with self.lock:
            Api.busy -= 1
        if self.path.endswith("/api/explain"):
            self._send(200, {"width": 4, "height": 3, "data": [-4, 0, 2, 4] * 3})
            return
        told = json.loads(data.rpartition(b"#")[2])
        self._send(told.pop("http", 422 if told.get("error") else 200), told if "detail" in told else RECORD | told)

    def _send(self, status: int, body: bytes | dict[str, Any], kind: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def build(folder: Path) -> Path:
    """Write the page below `folder`, as `npm run page` does. Returns its own folder."""
    dist = folder / BELOW
    subprocess.run(["node", "make_page.js", str(dist)], cwd=JS, check=True, timeout=100)
    return dist


@contextmanager
def served(folder: Path, kind: type[Files] = Files) -> Iterator[str]:
    """The address of the page below `folder`. `kind.asked` is emptied first."""
    kind.asked = []
    Api.go.set()
    with serving(functools.partial(kind, directory=str(folder))) as address:
        yield f"{address}{BELOW}"


@contextmanager
def browser(playwright: Any) -> Iterator[Any]:
    """A Chromium with a camera that plays a pattern."""
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    running = playwright.chromium.launch(executable_path=chromium(), args=[nowhere, *camera])
    try:
        yield running
    finally:
        running.close()


@dataclass
class Tab:
    """One page, what it asked for, and what went wrong in it."""

    page: Any
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def ready(self) -> None:
        """Wait until the engine is, and nothing is being looked at."""
        self.page.wait_for_selector("#figures:not(:empty)", state="attached")
        self.page.wait_for_selector("#progress-line[hidden]", state="attached")

    def choose(self, *files: Path | dict[str, Any]) -> None:
        """Choose pictures, and wait until all are answered."""
        self.page.set_input_files("#files", list(files))
        self.ready()

    def text(self, selector: str) -> str:
        """What is to be read there."""
        return str(self.page.inner_text(selector))

    def rows(self) -> list[str]:
        """The list, each row as a line."""
        return [" | ".join(text.split("\n")) for text in self.page.locator("#list .row").all_inner_texts()]


def opened(context: Any, address: str) -> Tab:
    """The page in a new tab of a browser's context."""
    tab = Tab(context.new_page())
    tab.page.set_default_timeout(PATIENCE)
    tab.page.on("filechooser", lambda _: None)  # expect_file_chooser alone listens too late on a busy machine
    context.on("request", lambda request: tab.asked.append(request.url))
    tab.page.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.page.on("console", lambda said: tab.wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.page.goto(address)
    return tab


def upload(name: str, data: bytes) -> dict[str, Any]:
    """A file to choose."""
    return {"name": name, "mimeType": "", "buffer": data}


def picture(name: str, **told: Any) -> dict[str, Any]:
    """A file that a browser shows, with its answer behind the picture."""
    buffer = io.BytesIO()
    make_photo(400, 300).save(buffer, "JPEG", quality=30)
    return upload(name, buffer.getvalue() + b"#" + json.dumps(told).encode())


ANSWERS = (
    picture("ai.jpg", declared="camera", declared_by="EXIF of Canon EOS R5", signature="unverified"),
    picture("none.jpg", verdict="no_sign", p_ai=0.11, declared="ai", declared_by="C2PA manifest", signature="valid"),
    picture("unsure.jpg", verdict="unsure", p_ai=0.8, lean="ai", reason="band"),
    picture("small.jpg", verdict="unsure", p_ai=0.8, reason="too_small", width=90, height=70),
    picture("bad.jpg", status="error", verdict=None, p_ai=None, error="damaged picture; export it again"),
    picture("nobody.jpg", http=500, detail="the server has a problem"),
    picture("\u202ea very long name of a picture, as phones and messengers give them 2026-11-30 at 12.31.07.jpeg"),
    picture("both.jpg", **SECONDED, p_ai=0.98, logit=2.5, declared="ai", declared_by="EXIF"),
    picture("disagree.jpg", **SECONDED, verdict="unsure", lean="ai", reason="disagree", p_ai=0.7, logit=0.5),
)
"""A picture for each kind of answer."""


def names(paths: Sequence[Path]) -> list[str]:
    """Their names without folders."""
    return [path.name for path in paths]
