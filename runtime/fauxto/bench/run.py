"""Latency and throughput on this machine, beside how right the answers are.

The words are MLPerf's: single-stream, where each query follows the answer to the last one; offline, where all are
there at once and only the rate counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from fauxto import system
from fauxto.bench.images import write_pictures
from fauxto.bench.plan import Plan
from fauxto.bench.report import SCHEMA, Report, Row, Skipped
from fauxto.errors import FauxtoError
from fauxto.inference.providers import CPU, NAMES
from fauxto.inference.selection import compiled_in
from fauxto.model.model import Model
from fauxto.progress import Progress
from fauxto.subprocesses import Child
from fauxto.system import usable_cpus

SECOND = "+second"
"""After a variant's name where a second opinion is measured with it."""


def run(plan: Plan) -> Report:
    """Measure, one fresh process for each provider and variant. After Ctrl-C the report is not "complete".

    Raises:
        FauxtoError: the model cannot be used, or none of the providers and variants can.
    """
    model = Model.open(plan.model)
    trials = _trials(plan, model)
    report: Report = {
        "schema": SCHEMA,
        "machine": system.record(),
        "model": model.card.release,
        "files": dict(model.card.files),
        "crops_per_picture": len(model.card.preprocessing.positions),
        "plan": asdict(plan) | {"threads": plan.threads or usable_cpus()},
        "complete": False,
        "rows": [],
        "skipped": [],
    }
    with tempfile.TemporaryDirectory(prefix="fauxto-bench-") as scratch:
        pictures = write_pictures(Path(scratch)) if "end_to_end" in plan.scopes else {}
        try:
            for place, (provider, variant, second) in enumerate(trials, 1):
                named = {"provider": provider, "variant": variant, "second_opinion": second}
                label = f"{place} of {len(trials)}: {provider} {variant}" + (SECOND if second else "")
                _measure(asdict(plan) | named | {"pictures": pictures}, report, label)
            report["complete"] = True
        except KeyboardInterrupt:
            pass  # what was measured until now is kept
    if report["complete"] and not report["rows"]:
        raise FauxtoError("; ".join(dict.fromkeys(entry["reason"] for entry in report["skipped"])))
    report["machine"]["load_after"] = system.load()
    return report


def _trials(plan: Plan, model: Model) -> list[tuple[str, str, bool | str]]:
    """Each provider with each variant, alone and then with a second opinion where that is asked for.

    Raises:
        FauxtoError: the model has no such variant, or is a second opinion.
    """
    model.variant(CPU)  # refuses a folder that answers nothing by itself
    if unknown := [name for name in plan.variants if name not in model.card.variants]:
        raise FauxtoError(f"no variant '{unknown[0]}'; the model has {', '.join(model.card.variants)}")
    variants = plan.variants or tuple(variant.name for variant in model.variants_here())
    providers = plan.providers or tuple(name for name in NAMES if compiled_in(NAMES[name]))
    seconds = (False, plan.second_opinion) if plan.second_opinion else (False,)
    return [(provider, variant, second) for provider in providers for variant in variants for second in seconds]


def _measure(job: Mapping[str, Any], report: Report, label: str) -> None:
    """One provider and variant; each cell is in the report as soon as it is measured."""
    progress = Progress()
    variant = job["variant"] + (SECOND if job["second_opinion"] else "")
    facts: dict[str, Any] = {"provider": job["provider"], "variant": variant}
    try:
        for message in _messages(job):
            if "cell" in message:
                progress.stage(f"{label}, {message['cell']}", message["progress"])
            elif "row" in message:
                report["rows"].append(cast("Row", facts | message["row"]))
            elif "reason" in message:
                report["skipped"].append(cast("Skipped", facts | message))
            else:
                facts |= message
    finally:
        progress.clear()


def _messages(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All that the processes say, until one gives a reason why it cannot go on; a crash is a reason too."""
    # First whether it answers rightly, in a process of its own: what that loads is no part of the figures.
    for part in ("check", "measure"):
        with Child("fauxto.bench.worker", {**job, "part": part}) as child:
            for message in child:
                yield message
                if "reason" in message:
                    return
        if child.died:
            yield {"reason": child.died}
            return
