"""All contenders in one run, turn by turn in random order, with two equal processes of ours to show the noise."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from benchmarks.figures import CONTROL, OURS, SCHEMA, Race, Row, Scope, cells
from benchmarks.peers import PEERS, SECOND
from fauxto import system
from fauxto.bench.images import write_pictures
from fauxto.errors import FauxtoError
from fauxto.model.model import Model
from fauxto.progress import Progress, tell
from fauxto.subprocesses import Child
from fauxto.system import usable_cpus

BUSY = """
import sys, threading
threading.Thread(target=exec, args=("while True: pass",), daemon=True).start()
sys.stdin.read()
"""  # computes until the race is gone, however it ended: nothing of it may disturb the next one
SCOPES: tuple[Scope, ...] = get_args(Scope)
CALLS: dict[Scope, int] = {"model": 8, "preprocess": 3, "picture": 3}  # of a contender in one turn
PACKAGES = ("torch", "torchvision", "openvino", "ncnn", "executorch", "litert-torch", "transformers", "fastai")

Place = tuple[Scope, str]
"""A cell: what is timed, and the name of the picture."""


@dataclass
class Contender:
    """A process, and what it has shown.

    Attributes:
        name: of the peer.
        child: its process.
        hello: what it can do, and the logits of a few crops; empty until it has said so.
        wall, cpu: seconds of each call, by round, for each cell.
        answers: picture -> pooled logit.
        peak_memory_mb: of its process.
        left_out: why it runs no more.
    """

    name: str
    child: Child
    hello: dict[str, Any] = field(default_factory=dict)
    wall: dict[Place, list[list[float]]] = field(default_factory=dict)
    cpu: dict[Place, list[list[float]]] = field(default_factory=dict)
    answers: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    left_out: str | None = None

    def greet(self) -> None:
        """Wait until it is ready, and say so on stderr."""
        self.hello, self.left_out = self.child.greeting()
        word = f"left out: {self.left_out}" if self.left_out else f"ready in {self.hello['start_s']:.1f} s"
        tell(f"{self.name}: {word}")

    def turn(self, scope: Scope, name: str, path: str) -> None:
        """A few calls; the first turn at each cell is its warm-up and is not kept."""
        if self.left_out or scope not in self.hello["scopes"]:
            return
        try:
            message = self.child.ask({"scope": scope, "path": path, "calls": CALLS[scope]})
        except FauxtoError as error:
            self.left_out = str(error)
            return
        if (scope, name) in self.wall:
            self.wall[scope, name].append(message["wall_s"])
            self.cpu[scope, name].append(message["cpu_s"])
        else:
            self.wall[scope, name], self.cpu[scope, name] = [], []
        if scope == "picture" and message["answer"] is not None:
            self.answers[name] = message["answer"]
        self.peak_memory_mb = message["peak_memory_mb"]


def contenders() -> list[str]:
    """Ours, each variant on the CPU and one of them twice, and the peers."""
    return [*(f"fauxto {variant.name}" for variant in Model.open().variants_here()), CONTROL, SECOND, *PEERS]


def race(
    names: Collection[str], rounds: int, busy: bool = False, scopes: Collection[Scope] = SCOPES, seed: int = 0
) -> Race:
    """Run `rounds` rounds, then as many again, at most, of the cells that were noisy. Ctrl-C keeps what was measured.

    Args:
        names: of `contenders`.
        rounds: in each of which every contender does every cell.
        busy: run as many computing processes beside it as there are CPUs.
        scopes: what is timed.
        seed: random seed of the order within a round.
    """
    order, running, done, machine = random.Random(seed), list[Contender](), 0, system.record()
    with ExitStack() as stack:
        for process in keep_busy(usable_cpus() if busy else 0):
            stack.callback(process.wait)
            stack.callback(process.kill)
        pictures = write_pictures(Path(stack.enter_context(TemporaryDirectory(prefix="benchmarks-"))))
        progress = Progress()
        try:
            for name in names:
                running.append(Contender(name, stack.enter_context(Child("benchmarks.worker", {"peer": name}))))
                running[-1].greet()
            places = _places(scopes, pictures)
            for number in range(rounds + 1):  # the first warms up
                progress.stage(f"round {number} of {rounds}" if number else "warming up", number / (rounds + 1))
                _round(running, places, order)
                done = number
            for number in range(rounds):
                noisy = {
                    (cell.scope, cell.input) for cell in cells(_record(machine, running, done, busy)) if cell.is_noisy
                }
                if not noisy:
                    break
                progress.stage(f"once more, noisy cells: {len(noisy)}", number / rounds)
                _round(running, [place for place in places if place[:2] in noisy], order)
            progress.clear()
        except KeyboardInterrupt:
            tell("benchmarks: stopped; what was measured until now is kept")
    return _record(machine, running, done, busy)


def _places(scopes: Collection[Scope], pictures: dict[str, str]) -> list[tuple[Scope, str, str]]:
    """Every cell, with the path of its picture."""
    places: list[tuple[Scope, str, str]] = [("model", "one crop", "")] if "model" in scopes else []
    return places + [(scope, *picture) for scope in SCOPES[1:] if scope in scopes for picture in pictures.items()]


def _round(running: list[Contender], places: list[tuple[Scope, str, str]], order: random.Random) -> None:
    """Every contender at every cell of `places`, in another order at each."""
    for scope, name, path in places:
        for contender in order.sample(running, len(running)):
            contender.turn(scope, name, path)


def keep_busy(count: int) -> list[subprocess.Popen[bytes]]:
    """Start `count` processes that compute until they are killed or this process ends."""
    command = [sys.executable, "-c", BUSY]
    return [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(count)]


def _record(machine: system.Machine, running: list[Contender], done: int, busy: bool) -> Race:
    model = Model.open()
    reference = next((one for one in running if one.name == OURS and "logits" in one.hello), None)
    machine["load_after"] = system.load()
    found = {name: system.installed(name) for name in PACKAGES}
    return {
        "schema": SCHEMA,
        "machine": machine,
        "packages": {name: version for name, version in found.items() if version},
        "busy": busy,
        "rounds": done,
        "model": model.card.release,
        "files": dict(model.card.files),
        "crops_per_picture": len(model.card.preprocessing.positions),
        "rows": [_row(one, place, reference) for one in running for place, kept in one.wall.items() if kept],
        "skipped": {one.name: one.left_out for one in running if one.left_out},
    }


def _row(one: Contender, place: Place, reference: Contender | None) -> Row:
    scope, name = place
    return {
        "peer": one.name,
        "scope": scope,
        "input": name,
        "crops": None if scope == "model" else "all" if one.hello["pooled"] else "one",
        "difference": _difference(one, place, reference) if reference else None,
        "start_s": one.hello["start_s"],
        "peak_memory_mb": one.peak_memory_mb,
        "wall_s": one.wall[place],
        "cpu_s": one.cpu[place],
    }


def _difference(one: Contender, place: Place, reference: Contender) -> float | None:
    scope, name = place
    if scope == "model":
        pairs = zip(one.hello["logits"], reference.hello["logits"], strict=True)
        return float(max(abs(own - other) for own, other in pairs))
    if scope == "preprocess" or not one.hello["pooled"] or not {name} <= one.answers.keys() & reference.answers.keys():
        return None
    return abs(one.answers[name] - reference.answers[name])
