"""Latency and throughput on this machine, beside how right the answers are.

The words are MLPerf's: single-stream, where each query follows the answer to the last one; offline, where all are
there at once and only the rate counts.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fauxto import system
from fauxto.bench.images import write_pictures
from fauxto.errors import FauxtoError
from fauxto.inference.providers import NAMES
from fauxto.inference.selection import compiled_in
from fauxto.model.model import Model
from fauxto.subprocesses import Child
from fauxto.system import usable_cpus
from fauxto.version import __version__

SCHEMA = 1
SCOPES = ("model", "end_to_end")
"""What is measured: the network alone, or everything from file to verdict."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long.

    Attributes:
        providers: keys of NAMES; none: all that are compiled in.
        variants: names from the card; none: all whose files are there.
        scopes: of SCOPES.
        batches: views in one run of the model, for the scope "model"; none: 1, and as many as a picture has.
        threads: of the inference; None: the usable CPUs.
        seconds: that each cell is measured for, and up to three times as long until it has its samples.
        least: samples of a single-stream cell; an offline cell has its rate from fewer.
        most: samples of any cell.
        warm_up: calls before the first sample.
    """

    model: str | None = None
    providers: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    batches: tuple[int, ...] = ()
    threads: int | None = None
    seconds: float = 10.0
    least: int = 50
    most: int = 5000
    warm_up: int = 3


QUICK = {"seconds": 1.0, "least": 5, "most": 200, "warm_up": 1}


def run(plan: Plan) -> dict[str, Any]:
    """Measure, one fresh process for each provider and variant. Ctrl-C keeps what was measured.

    Raises:
        FauxtoError: the model cannot be used, or none of the providers and variants can.
    """
    model = Model.open(plan.model)
    card = model.card
    if unknown := [name for name in plan.variants if name not in card.variants]:
        raise FauxtoError(f"no variant '{unknown[0]}'; the model has {', '.join(card.variants)}")
    here = [variant.name for variant in model.variants_here()]
    names = plan.providers or tuple(name for name in NAMES if compiled_in(NAMES[name]))
    pairs = [(name, variant) for name in names for variant in (plan.variants or here)]
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": system.record(),
        "model": card.release,
        "files": dict(card.files),
        "views_per_picture": len(card.preprocessing.positions),
        "plan": asdict(plan) | {"threads": plan.threads or usable_cpus()},
        "complete": False,
        "rows": [],
        "skipped": [],
    }
    with tempfile.TemporaryDirectory(prefix="fauxto-bench-") as scratch:
        pictures = write_pictures(Path(scratch)) if "end_to_end" in plan.scopes else {}
        try:
            for place, (name, variant) in enumerate(pairs):
                _one(plan, name, variant, pictures, report, f"{place + 1} of {len(pairs)}: {name} {variant}")
            report["complete"] = True
        except KeyboardInterrupt:
            print("fauxto: stopped; what was measured until now is kept", file=sys.stderr)
    if report["complete"] and not report["rows"]:
        raise FauxtoError("; ".join(dict.fromkeys(entry["reason"] for entry in report["skipped"])))
    report["machine"]["load_after"] = system.load()
    return report


def _one(plan: Plan, provider: str, variant: str, pictures: dict[str, str], report: dict[str, Any], label: str) -> None:
    """One provider and variant, in a process of its own; each cell comes as soon as it is measured."""
    job = asdict(plan) | {"provider": provider, "variant": variant, "pictures": pictures}
    bar = _Bar(label)
    facts: dict[str, Any] = {"provider": provider, "variant": variant}
    # First whether it answers rightly, in a process of its own: what that loads is no part of the figures.
    for part in ("check", "measure"):
        with Child("fauxto.bench.worker", job | {"part": part}) as child:
            for message in child:
                if "progress" in message:
                    bar.show(message["cell"], message["progress"])
                elif "reason" in message:
                    bar.clear()
                    report["skipped"].append(facts | message)
                    return
                elif "row" in message:
                    report["rows"].append(facts | message["row"])
                else:
                    facts |= message
        bar.clear()
        if child.died:
            report["skipped"].append(facts | {"reason": child.died})
            return


class _Bar:
    """A progress bar on stderr, where that is a terminal."""

    def __init__(self, label: str) -> None:
        self._label, self._shown = label, sys.stderr.isatty()

    def show(self, cell: str, share: float) -> None:
        if self._shown:
            bar = "#" * round(20 * min(1.0, share))
            print(f"\r\033[K{self._label} [{bar:<20}] {cell}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def file_stem(report: dict[str, Any]) -> str:
    """The name of a report's files: what, on which device, with which version."""
    device = system.slug(report["machine"]["gpu"] or report["machine"]["cpu"])
    return f"bench-{device}-fauxto{__version__}-ort{report['machine']['versions']['onnxruntime']}"


def as_json(report: dict[str, Any]) -> str:
    """The whole report, raw samples included."""
    return json.dumps(report, indent=1)


def parse_batches(text: str | None) -> tuple[int, ...]:
    """The numbers of "1,5". Raises FauxtoError for anything else."""
    try:
        numbers: Sequence[int] = [int(word) for word in text.split(",")] if text else ()
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise FauxtoError(f"--batch-sizes '{text}' is not a list of whole numbers such as 1,5,16")
    return tuple(numbers)
