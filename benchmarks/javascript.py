"""fauxto.js beside the Python runtime: milliseconds, what a browser downloads, how far its answers are from Python's.

`python -m benchmarks.javascript` prints the tables of runtime/js/README.md. It needs Chromium, playwright, Node,
and `npm ci --ignore-scripts` in runtime/js.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psutil

from benchmarks.chromium import JS, LIBRARY, ROOT, missing, opened, predict, start
from fauxto.detector import Detector
from fauxto.image.decode import load
from fauxto.image.synthetic import golden_image
from fauxto.inference.providers import CPU
from fauxto.model.model import Model
from fauxto.prediction import Prediction
from fauxto.system import cpu, usable_cpus
from fauxto.system import load as load_average

ROUNDS = 15


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
const cpus = [];
for (let i = 0; i <= ROUNDS; i++) {
  const before = process.cpuUsage();
  times.push((await detector.predict(goldenImage(2))).elapsed_ms);
  const { user, system } = process.cpuUsage(before);
  cpus.push((user + system) / 1000);
}
console.log(JSON.stringify({ ms, times: times.slice(1), cpus: cpus.slice(1) }));
"""

BROWSER = """async () => {
    const { goldenImage } = await import('/node_modules/fauxto/src/golden.js');
    window.image ??= goldenImage(2);
    return (await detector.predict(image)).elapsed_ms;
}"""

Speed = tuple[float, float, float]
"""Milliseconds: to load; of a picture, the median; of all CPUs for a picture, the least."""


def _speed(load_ms: float, times: list[float], cpus: list[float]) -> Speed:
    return load_ms, statistics.median(times), min(cpus)


def _cpu_of_children() -> float:
    """Milliseconds that the CPUs have worked for the processes that this one started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += (times.user + times.system) * 1000
    return total


def _in_browser(playwright: Any, threads: int) -> Speed:
    """With that many threads of WebAssembly."""
    times, cpus = [], []
    with opened(playwright) as (page, _):
        info = start(page, engine="wasm", threads=threads)
        for _ in range(ROUNDS + 1):
            before = _cpu_of_children()
            times.append(page.evaluate(BROWSER))
            cpus.append(_cpu_of_children() - before)
    return _speed(info["ms"], times[1:], cpus[1:])


def _in_node(threads: int) -> Speed:
    script = NODE.replace("THREADS", str(threads)).replace("ROUNDS", str(ROUNDS))
    command = ["node", "--input-type=module", "-e", script]
    told = json.loads(subprocess.run(command, cwd=JS, check=True, capture_output=True, text=True).stdout)
    return _speed(told["ms"], told["times"], told["cpus"])


def _in_python(threads: int) -> Speed:
    started = time.perf_counter()
    detector = Detector(provider="cpu", threads=threads)
    ms = (time.perf_counter() - started) * 1000
    image = golden_image(2)
    times, cpus = [], []
    for _ in range(ROUNDS + 1):
        before = time.process_time()
        times.append(detector.predict(image).elapsed_ms or 0.0)
        cpus.append((time.process_time() - before) * 1000)
    return _speed(ms, times[1:], cpus[1:])


def first_verdict(playwright: Any) -> tuple[float, float]:
    """Seconds from a cold page to its first verdict, files read from this machine; and of all CPUs for it."""
    data = next(data for name, data in pictures())
    with opened(playwright) as (page, _):
        started, before = time.perf_counter(), _cpu_of_children()
        start(page, engine="wasm")
        predict(page, data)
        return time.perf_counter() - started, (_cpu_of_children() - before) / 1000


def model_file() -> str:
    """The name of the model's file that a page fetches: WebAssembly runs the CPU's."""
    return Model.open().variant(CPU).file


def downloads() -> Iterator[tuple[str, int, int, int]]:
    """What a page fetches: name, bytes, with gzip (level 9), with brotli (quality 9)."""
    sources = b"".join(path.read_bytes() for path in sorted((JS / "src").rglob("*.js")) if "node" not in path.name)
    model = ROOT / "models/fauxto-r18"
    parts = {
        "fauxto, modules": sources,
        "card": (model / "card.json").read_bytes(),
        "model": (model / model_file()).read_bytes(),
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
    print("| runtime | threads | load, ms | a picture, ms | of all CPUs, least, ms |\n|---|---|---|---|---|")
    runs: dict[str, Callable[[int], Speed]] = {
        "Python": _in_python,
        "Node, onnxruntime-node": _in_node,
        "Chromium, wasm": partial(_in_browser, playwright),
    }
    for threads in (1, 2):
        for name, run in runs.items():
            print(f"| {name} | {threads} | {' | '.join(f'{ms:.0f}' for ms in run(threads))} |", flush=True)
    seconds, worked = (min(column) for column in zip(*(first_verdict(playwright) for _ in range(3)), strict=True))
    print(f"\nFirst verdict on a cold page, files from this machine, the least of three: {seconds:.1f} s, ", end="")
    print(f"in which the CPUs worked for {worked:.1f} s\n")


if __name__ == "__main__":
    main()
