"""fauxto.js in a page of a real Chromium that knows no host but this one: for benchmarks.javascript and for tests."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
JS = ROOT / "runtime/js"
LIBRARY = JS / "node_modules/onnxruntime-web/dist"
FOLDERS = {
    "/node_modules/fauxto/src/": JS / "src",
    "/node_modules/fauxto/src/provenance/": JS / "src/provenance",
    "/node_modules/fauxto/model/": ROOT / "models/fauxto-r18",
    "/node_modules/onnxruntime-web/dist/": LIBRARY,
}
"""As npm installs the packages: address -> folder."""

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
PAGE = "<!doctype html><title>fauxto</title><link rel=icon href=data:,>"
ENTRY = "/node_modules/fauxto/src/index.js"

TO_PICTURE = "const picture = new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))]);"


def missing() -> str | None:
    """What a browser test lacks here; None where all of it is there."""
    if not chromium():
        return "no Chromium here"
    if not LIBRARY.exists():
        return "no npm packages here: npm ci --ignore-scripts, in runtime/js"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "no playwright here"
    return None


def chromium() -> str | None:
    """The path of Debian's Chromium, or of Chrome."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Handler(BaseHTTPRequestHandler):
    """A static server of FOLDERS and one empty page."""

    def __init__(self, *args: Any, isolated: bool) -> None:
        self.isolated = isolated
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with a file."""
        data, kind = self._file()
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data or b"")))
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(data or b"")

    def _file(self) -> tuple[bytes | None, str]:
        if self.path == "/":
            return PAGE.encode(), "text/html"
        folder, _, name = self.path.rpartition("/")
        path = FOLDERS.get(folder + "/", JS / "none") / name
        return (path.read_bytes() if path.is_file() else None), TYPES.get(path.suffix, "application/octet-stream")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a running server whose requests `handler` answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def served(*, isolated: bool) -> Iterator[str]:
    """The address of fauxto.js on a running server."""
    with serving(partial(Handler, isolated=isolated)) as address:
        yield address


@contextmanager
def opened(playwright: Any, *, isolated: bool = True) -> Iterator[tuple[Any, list[str]]]:
    """A page of a fresh Chromium, and the addresses that anything in it asked for."""
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with served(isolated=isolated) as url:
        browser = playwright.chromium.launch(executable_path=chromium(), args=[nowhere])
        try:
            context = browser.new_context()
            asked: list[str] = []
            context.on("request", lambda request: asked.append(request.url))
            page = context.new_page()
            page.goto(url)
            yield page, asked
        finally:
            browser.close()


def start(page: Any, **settings: object) -> dict[str, Any]:
    """Load a detector in the page, as `window.detector`. Returns its info and the milliseconds that it took."""
    info: dict[str, Any] = page.evaluate(
        """async ([entry, settings]) => {
            const started = performance.now();
            window.fauxto = await import(entry);
            window.detector = await fauxto.Detector.load(settings);
            return { ...detector.info, ms: performance.now() - started };
        }""",
        [ENTRY, settings],
    )
    return info


def predict(page: Any, data: bytes) -> dict[str, Any]:
    """The record that the page's detector gives for a file's bytes."""
    record: dict[str, Any] = page.evaluate(
        f"async (data) => {{ {TO_PICTURE} return detector.predict(picture); }}", base64.b64encode(data).decode()
    )
    return record
