"""What a hostile website can do to the server, tried in a real Chromium for which every name is this machine."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fauxto.detector import Detector
from fauxto.web import page
from tests.js.site import chromium
from tests.runtime.web.helpers import Served, running

pytestmark = [pytest.mark.browser, pytest.mark.skipif(chromium() is None, reason="no Chromium here")]

POST = """async ([url, mode]) => {
    try { return (await fetch(url, {method: 'POST', body: new Blob(['x']), mode})).status; } catch { return 'refused'; }
}"""
READ = "async (url) => { try { return (await fetch(url)).status; } catch { return 'refused'; } }"
FRAME = """(url) => new Promise((done) => {
    const frame = document.createElement('iframe');
    document.body.append(Object.assign(frame, {src: url, onload: () => done()}));
})"""
IMAGE = """(url) => new Promise((done) => {
    Object.assign(new Image(), {src: url, onload: () => done('seen'), onerror: () => done('refused')});
})"""


class Quiet(SimpleHTTPRequestHandler):
    """The website's own server."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def victim(tiny: Path) -> Iterator[Served]:
    with running(Detector(tiny), page.find()) as server:
        yield server


@pytest.fixture(scope="module")
def website(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a website with an empty page."""
    folder = tmp_path_factory.mktemp("website")
    (folder / "index.html").write_text("<!doctype html><body></body>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    """A tab of a browser that finds every name here, as after DNS rebinding."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        rules = "--host-resolver-rules=MAP * 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=chromium(), args=[rules, "--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_a_name_that_was_made_to_point_here_reaches_nothing(tab: Any, victim: Served) -> None:
    for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example"):
        for path in ("/", "/api/info", "/examples/1.jpg"):
            assert tab.goto(f"http://{name}:{victim.port}{path}").status == 403
        assert tab.evaluate(POST, ["/api/predict", "same-origin"]) == 403
    assert tab.goto(f"http://localhost:{victim.port}/").status == 200


@pytest.mark.parametrize("home", ["evil.example", "localhost", "127.0.0.1"])
def test_another_website_can_neither_ask_nor_read_nor_frame(
    tab: Any, victim: Served, website: int, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two are same-site: a page that some other program on this machine serves."""
    asked: list[object] = []
    monkeypatch.setattr(victim.engine, "predict", lambda *_: asked.append("asked"))
    tab.goto(f"http://{home}:{website}/")
    for mode in ("cors", "no-cors"):
        assert tab.evaluate(POST, [f"{victim.url}/api/predict", mode]) in ("refused", 0)
    assert asked == []  # the server did nothing for it, whatever the browser lets it read
    assert tab.evaluate(READ, f"{victim.url}/api/info") == "refused"
    tab.evaluate(FRAME, f"{victim.url}/")
    assert not tab.frames[-1].url.startswith(victim.url)
    assert tab.evaluate(IMAGE, f"{victim.url}/examples/1.jpg") == "refused"


def test_its_own_page_can(tab: Any, victim: Served) -> None:
    tab.goto(f"{victim.url}/")
    assert tab.evaluate(POST, ["/api/predict", "cors"]) == 422
    assert tab.evaluate(READ, "/api/info") == 200
    assert tab.evaluate(IMAGE, "/examples/1.jpg") == "seen"
