"""The page as any web server serves it, below a path of its own, and a Chromium that knows no other host."""

from __future__ import annotations

import functools
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.javascript import JS, ROOT, chromium

BELOW = "some/where/"
"""The path that the page is served at."""

EXAMPLES = sorted((ROOT / "examples").glob("*.[jp][pn]g"))
ANSWERED = "#result:is([data-kind=ai], [data-kind=unsure], [data-kind=no_sign])"
PATIENCE = 60_000
"""Milliseconds for what a busy machine does in two seconds."""


class Quiet(SimpleHTTPRequestHandler):
    """The standard library's server of files, and nothing else."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def build(folder: Path) -> Path:
    """Write the page below `folder`, as `npm run page` does. Returns its own folder."""
    dist = folder / BELOW
    subprocess.run(["node", "make_page.js", str(dist)], cwd=JS, check=True, timeout=100)
    return dist


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[str]:
    """The address of the page below `folder`."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{BELOW}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
        self.page.wait_for_selector("#progress-line[hidden]", state="attached", timeout=PATIENCE)

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
    context.on("request", lambda request: tab.asked.append(request.url))
    tab.page.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.page.on("console", lambda said: tab.wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.page.goto(address)
    return tab


def upload(name: str, data: bytes) -> dict[str, Any]:
    """A file to choose."""
    return {"name": name, "mimeType": "", "buffer": data}


def names(paths: Sequence[Path]) -> list[str]:
    """Their names without folders."""
    return [path.name for path in paths]
