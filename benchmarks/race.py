"""All peers in one run, turn by turn in random order, with two equal processes of ours to show the noise."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import PEERS
from fauxto import card as cards
from fauxto.bench.images import write_pictures
from fauxto.bench.statistics import summary
from fauxto.progress import Progress
from fauxto.system import usable_cpus

SCHEMA = 1
BUSY = """
import sys, threading
threading.Thread(target=exec, args=("while True: pass",), daemon=True).start()
sys.stdin.read()
"""  # computes until the race is gone, however it ended: nothing of it may disturb the next one
RUNS = {"model": 8, "preprocess": 3, "picture": 3}  # of a peer in one turn


@dataclass
class Racer:
    """A peer's process, and what it has shown."""

    name: str
    process: subprocess.Popen[str]
    hello: dict[str, Any] = field(default_factory=dict)
    wall: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    cpu: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    answers: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float | None = None

    def ask(self, scope: str, name: str, path: str, runs: int) -> None:
        """One turn; the first of each cell is its warm-up and is not kept."""
        assert self.process.stdin is not None
        print(json.dumps({"scope": scope, "path": path, "runs": runs}), file=self.process.stdin, flush=True)
        message = self.hear()
        cell = (scope, name)
        if cell in self.wall:
            self.wall[cell] += message["wall_s"]
            self.cpu[cell] += message["cpu_s"]
        else:
            self.wall[cell], self.cpu[cell] = [], []
        if scope == "picture" and message["answer"] is not None:
            self.answers[name] = message["answer"]
        self.peak_memory_mb = message["peak_memory_mb"]

    def hear(self) -> dict[str, Any]:
        """The next answer. Raises EOFError where the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        message: dict[str, Any] = json.loads(line)
        return message


def racers() -> list[str]:
    """Ours, each variant on the CPU and one of them twice, and the peers."""
    folder = cards.find_model(None)
    card = cards.read(folder)
    own = [f"fauxto {variant.name}" for variant in card.variants.values() if (folder / variant.file).exists()]
    return [*own, f"fauxto {cards.REFERENCE} again", *PEERS]


def race(
    names: list[str], rounds: int, busy: bool = False, scopes: Collection[str] = tuple(RUNS), seed: int = 0
) -> dict[str, Any]:
    """Run `rounds` rounds, with `busy` beside as many computing processes as there are CPUs. Ctrl-C keeps the rest."""
    order, skipped, running = random.Random(seed), {}, []
    spinning = keep_busy(usable_cpus() if busy else 0)
    record, done = system.record(), [0]
    try:
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
            pictures = write_pictures(Path(scratch))
            for name in names:
                racer = Racer(name, _start(name))
                running.append(racer)
                _greet(racer, skipped)
            running = [racer for racer in running if racer.name not in skipped]
            cells = [("model", "one view", "")] if "model" in scopes else []
            cells += [(scope, name, path) for scope in ("preprocess", "picture") if scope in scopes
                      for name, path in pictures.items()]  # fmt: skip
            _rounds(running, skipped, cells, rounds, order, done)
    except KeyboardInterrupt:
        print("benchmarks: stopped; what was measured until now is kept", file=sys.stderr)
    finally:
        for process in [racer.process for racer in running] + spinning:
            process.kill()
            process.wait()
    return _report(record, running, skipped, done[0], busy)


def keep_busy(count: int) -> list[subprocess.Popen[bytes]]:
    """Start `count` processes that compute until they are killed or this process ends."""
    command = [sys.executable, "-c", BUSY]
    return [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(count)]


def _start(name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip


def _greet(racer: Racer, skipped: dict[str, str]) -> None:
    try:
        racer.hello = racer.hear()
    except EOFError:
        racer.hello = {"skip": f"its process ended with status {racer.process.wait()}"}
    word = f"left out: {racer.hello['skip']}" if "skip" in racer.hello else f"ready in {racer.hello['start_s']:.1f} s"
    print(f"{racer.name}: {word}", file=sys.stderr)
    if "skip" in racer.hello:
        skipped[racer.name] = racer.hello["skip"]


def _rounds(
    running: list[Racer],
    skipped: dict[str, str],
    cells: list[tuple[str, str, str]],
    rounds: int,
    order: random.Random,
    done: list[int],
) -> None:
    """Every peer at every cell (scope, input, path), in another order each time, after a round to warm up.

    `done` counts whole rounds.
    """
    progress = Progress(sys.stderr.isatty(), "rounds of all ", rounds)
    for number in range(rounds + 1):
        for scope, name, path in cells:
            for racer in order.sample(running, len(running)):
                if racer.name in skipped or scope not in racer.hello["scopes"]:
                    continue
                try:
                    racer.ask(scope, name, path, RUNS[scope])
                except (EOFError, BrokenPipeError):
                    skipped[racer.name] = f"its process ended with status {racer.process.wait()}"
        done[0] = number
        progress.update(number)
    progress.clear()


def _report(
    record: dict[str, Any], running: list[Racer], skipped: dict[str, str], done: int, busy: bool
) -> dict[str, Any]:
    reference = next((racer for racer in running if racer.hello.get("logits")), None)
    rows = []
    for racer in running:
        if "logits" not in racer.hello or reference is None:
            continue
        pairs = zip(racer.hello["logits"], reference.hello["logits"], strict=True)
        off = max(abs(one - other) for one, other in pairs)
        for (scope, name), samples in racer.wall.items():
            if samples:
                rows.append(_row(racer, reference, scope, name, off))
    folder = cards.find_model(None)
    card = cards.read(folder)
    return {
        "schema": SCHEMA,
        "machine": record | {"load_after": system.load()},
        "packages": _packages(),
        "busy": busy,
        "rounds": done,
        "model": card.name,
        "files": dict(card.files),
        "views_per_picture": len(card.preprocessing.positions),
        "reference": reference.name if reference else None,
        "rows": rows,
        "skipped": skipped,
    }


def _row(racer: Racer, reference: Racer, scope: str, name: str, off: float) -> dict[str, Any]:
    wall, cpu = racer.wall[scope, name], racer.cpu[scope, name]
    if scope == "picture":
        both = name in racer.answers and name in reference.answers and racer.hello["pooled"]
        difference = abs(racer.answers[name] - reference.answers[name]) if both else None
    else:
        difference = off if scope == "model" else None
    base = reference.wall.get((scope, name))
    middle = summary(wall, 1)
    return {
        "peer": racer.name,
        "scope": scope,
        "input": name,
        "views": None if scope == "model" else "all" if racer.hello["pooled"] else "one",
        **middle,
        "cpu_ms": summary(cpu, 1)["mean_ms"],
        "ratio": median(wall) / median(base) if base else None,
        "difference": difference,
        "start_s": racer.hello["start_s"],
        "peak_memory_mb": racer.peak_memory_mb,
        "wall_s": wall,
        "cpu_s": cpu,
    }


def _packages() -> dict[str, str]:
    """Versions of the peers that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("torch", "torchvision", "openvino", "ncnn", "executorch", "litert-torch", "transformers", "fastai"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
