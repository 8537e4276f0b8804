"""fauxto.js beside the Python runtime: milliseconds, what a browser downloads, how far its answers are from Python's.

`python -m benchmarks.javascript` prints the tables of runtime/js/README.md. It needs Chromium, playwright, Node,
and `npm ci --ignore-scripts` in runtime/js. Nothing leaves the machine: the browser knows no host but its own.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fauxto.detector import Detector
from fauxto.image.decode import load
from fauxto.image.synthetic import golden_image
from fauxto.prediction import Prediction
from fauxto.system import cpu, usable_cpus
from fauxto.system import load as load_average

ROOT = Path(__file__).parents[1]
JS = ROOT / "runtime/js"
LIBRARY = JS / "node_modules/onnxruntime-web/dist"
MODEL_FILE = "model-int8-weights.onnx"
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
ROUNDS = 15

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
def served(*, isolated: bool) -> Iterator[str]:
    """The address of a running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, isolated=isolated))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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


def pictures() -> Iterator[tuple[str, bytes]]:
    """60 files: each of the examples in ten ways of JPEG, PNG and WebP, with its name."""
    ways: tuple[tuple[str, float, str, dict[str, Any]], ...] = (
        ("JPEG 95 4:4:4", 1, "JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG 75 4:2:0", 1, "JPEG", {"quality": 75, "subsampling": 2}),
        ("JPEG 40 progressive", 1, "JPEG", {"quality": 40, "progressive": True}),
        ("JPEG 85 half", 0.5, "JPEG", {"quality": 85}),
        ("PNG", 1, "PNG", {}),
        ("PNG half", 0.5, "PNG", {}),
        ("WebP 90", 1, "WEBP", {"quality": 90}),
        ("WebP 60", 1, "WEBP", {"quality": 60}),
        ("WebP lossless", 1, "WEBP", {"lossless": True}),
        ("WebP 80 double", 2, "WEBP", {"quality": 80}),
    )
    for path in sorted((ROOT / "examples").glob("*.[jp][pn]g")):
        image = load(path)
        for name, scale, kind, options in ways:
            size = (round(image.width * scale), round(image.height * scale))
            buffer = io.BytesIO()
            image.resize(size).save(buffer, kind, **options)
            yield f"{path.name} as {name}", buffer.getvalue()


def parity(page: Any, python: Detector) -> list[tuple[str, Prediction, dict[str, Any]]]:
    """For each of `pictures`: its name, Python's answer, and the record of the page's detector."""
    return [(name, python.predict(data, strict=True), predict(page, data)) for name, data in pictures()]


def differences(pairs: list[tuple[str, Prediction, dict[str, Any]]]) -> tuple[list[float], list[str]]:
    """|dlogit| of each pair, and the names of those whose verdict is another one."""
    logits = [abs((ours.logit or 0) - theirs["logit"]) for _, ours, theirs in pairs]
    return logits, [name for name, ours, theirs in pairs if ours.verdict != theirs["verdict"]]


NODE = """
import { Detector } from 'fauxto';
import { goldenImage } from './src/golden.js';
const started = performance.now();
const detector = await Detector.load({ model: '../../models/fauxto-r18', threads: THREADS });
const ms = performance.now() - started;
const times = [];
for (let i = 0; i <= ROUNDS; i++) times.push((await detector.predict(goldenImage(2))).elapsed_ms);
console.log(JSON.stringify({ ms, times: times.slice(1) }));
"""

BROWSER = """async (rounds) => {
    const { goldenImage } = await import('/node_modules/fauxto/src/golden.js');
    const image = goldenImage(2);
    const times = [];
    for (let i = 0; i <= rounds; i++) times.push((await detector.predict(image)).elapsed_ms);
    return times.slice(1);
}"""


def _in_browser(playwright: Any, threads: int) -> tuple[float, float]:
    """Load time and the median ms of a picture, with that many threads of WebAssembly."""
    with opened(playwright) as (page, _):
        info = start(page, engine="wasm", threads=threads)
        return info["ms"], statistics.median(page.evaluate(BROWSER, ROUNDS))


def _in_node(threads: int) -> tuple[float, float]:
    script = NODE.replace("THREADS", str(threads)).replace("ROUNDS", str(ROUNDS))
    command = ["node", "--input-type=module", "-e", script]
    told = json.loads(subprocess.run(command, cwd=JS, check=True, capture_output=True, text=True).stdout)
    return told["ms"], statistics.median(told["times"])


def _in_python(threads: int) -> tuple[float, float]:
    started = time.perf_counter()
    detector = Detector(provider="cpu", threads=threads)
    ms = (time.perf_counter() - started) * 1000
    image = golden_image(2)
    times = [detector.predict(image).elapsed_ms or 0.0 for _ in range(ROUNDS + 1)]
    return ms, statistics.median(times[1:])


def first_verdict(playwright: Any) -> float:
    """Milliseconds from a cold page to its first verdict, files read from this machine."""
    with opened(playwright) as (page, _):
        started = time.perf_counter()
        start(page, engine="wasm")
        predict(page, next(data for name, data in pictures()))
        return (time.perf_counter() - started) * 1000


def downloads() -> Iterator[tuple[str, int, int, int]]:
    """What a page fetches: name, bytes, with gzip (level 9), with brotli (quality 9)."""
    sources = b"".join(path.read_bytes() for path in sorted((JS / "src").glob("*.js")) if "node" not in path.name)
    model = ROOT / "models/fauxto-r18"
    parts = {
        "fauxto, modules": sources,
        "card": (model / "card.json").read_bytes(),
        "model": (model / MODEL_FILE).read_bytes(),
        "onnxruntime-web, module": (LIBRARY / "ort.wasm.bundle.min.mjs").read_bytes(),
        "onnxruntime-web, WebAssembly": (LIBRARY / "ort-wasm-simd-threaded.wasm").read_bytes(),
    }
    for name, data in parts.items():
        yield name, len(data), len(gzip.compress(data, 9)), _brotli(data)


def _brotli(data: bytes) -> int:
    quality = "{ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 9 } }"
    script = f"process.stdin.pipe(zlib.createBrotliCompress({quality})).pipe(process.stdout)"
    return len(subprocess.run(["node", "-e", script], input=data, check=True, capture_output=True).stdout)


def main() -> None:
    """Print the tables, as Markdown."""
    if lacking := missing():
        raise SystemExit(lacking)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        _print_speed(playwright)
        with opened(playwright) as (page, _):
            start(page, engine="wasm")
            logits, changed = differences(parity(page, Detector(provider="cpu")))
    print(f"{len(logits)} pictures: max |dlogit| {max(logits):.1e}, mean {statistics.mean(logits):.1e}, ", end="")
    print(f"{len(changed)} verdicts changed {changed or ''}\n")
    print("| downloaded | bytes | gzip | brotli |\n|---|---|---|---|")
    rows = list(downloads())
    for name, *sizes in (*rows, ("in all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))):
        print(f"| {name} | {' | '.join(f'{size:,}' for size in sizes)} |")


def _print_speed(playwright: Any) -> None:
    busy = load_average() or []
    print(f"{cpu()}, {usable_cpus()} CPUs, load {busy}; golden image 2 (1500 x 1100), median of {ROUNDS}\n")
    print("| runtime | threads | load, ms | a picture, ms |\n|---|---|---|---|")
    runs: dict[str, Callable[[int], tuple[float, float]]]
    runs = {
        "Python": _in_python,
        "Node, onnxruntime-node": _in_node,
        "Chromium, wasm": partial(_in_browser, playwright),
    }
    for threads in (1, 2):
        for name, run in runs.items():
            load_ms, ms = run(threads)
            print(f"| {name} | {threads} | {load_ms:.0f} | {ms:.0f} |", flush=True)
    print(f"\nFirst verdict on a cold page, files from this machine: {first_verdict(playwright) / 1000:.1f} s\n")


if __name__ == "__main__":
    main()
