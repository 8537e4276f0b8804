"""What can run the model here: every provider tried in a child process; the machine, the model's files, the cache.

python -m fauxto.doctor is one such process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast

from fauxto import cache, system
from fauxto.errors import FauxtoError
from fauxto.inference import selection, selftest
from fauxto.inference.providers import AUTO, NAMES, candidates, resolve
from fauxto.inference.selection import compiled_in
from fauxto.model.model import Model, sha256
from fauxto.reporting.text import columns
from fauxto.second_opinion import install
from fauxto.subprocesses import Child, Parent

SCHEMA = 2
FASTER = 0.9
"""Share of the CPU's time under which a provider that "auto" does not try is worth asking for."""

HEAD = ("provider", "compiled in", "loads", "variant", "nodes", "max |Δlogit|", "ms a picture", "verdict")


class File(TypedDict):
    """A file that the card names. "not here" is no fault: the wheel has few of them, and git not all."""

    file: str
    variant: str | None
    sha256: str | None
    bytes: int | None
    state: Literal["ok", "not here", "damaged or changed"]


class Row(TypedDict):
    """What became of one provider.

    `nodes` is (those that it runs, all of the graph's), `difference` max |Δlogit| on the golden pictures, and
    `latency_ms` the median time for the first of them.
    """

    provider: str
    engine: str
    compiled_in: bool
    loads: bool
    variant: str | None
    nodes: tuple[int, int] | None
    load_s: float | None
    difference: float | None
    latency_ms: float | None
    verdict: Literal["use", "refuse"]
    reason: str | None


class Report(TypedDict):
    """All that `examine` finds. `auto` has candidates, and provider, variant, passed_over; or the reason."""

    schema: int
    machine: system.Machine
    model: str
    folder: str
    files: list[File]
    second_opinion: install.Status
    cache: dict[str, Any]
    auto: dict[str, Any]
    providers: list[Row]


def examine(model: str | None = None) -> Report:
    """Try everything anew, and let "auto" forget what it kept. Raises ModelError where the model has no card."""
    opened = Model.open(model)
    selection.forget()
    rows = [_try(opened, name) for name in NAMES]
    fastest = next((row["latency_ms"] for row in rows if row["provider"] == "cpu"), None)
    for row in rows:
        judge(row, fastest)
    return {
        "schema": SCHEMA,
        "machine": system.record(),
        "model": opened.card.release,
        "folder": str(opened.folder),
        "files": files(opened),
        "second_opinion": install.status(),
        "cache": {"folder": str(cache.folder()), "writable": cache.make("") is not None},
        "auto": {"candidates": [*candidates(), "cpu"]} | _answers({"model": str(opened.folder), "provider": AUTO}),
        "providers": rows,
    }


def intact(report: Report) -> bool:
    """Whether every file that is here is as it should be: the model's, and the second opinion's."""
    states = [*(file["state"] for file in report["files"]), report["second_opinion"]["state"]]
    return "damaged or changed" not in states


def _try(model: Model, name: str) -> Row:
    row: Row = {
        "provider": name,
        "engine": NAMES[name],
        "compiled_in": compiled_in(NAMES[name]),
        "loads": False,
        "variant": None,
        "nodes": None,
        "load_s": None,
        "difference": None,
        "latency_ms": None,
        "verdict": "refuse",
        "reason": None,
    }
    return cast("Row", row | _answers({"model": str(model.folder), "provider": name}))


def _answers(job: Mapping[str, Any]) -> dict[str, Any]:
    """All that the process said, the last word on each field; a crash is a reason too."""
    found: dict[str, Any] = {}
    with Child("fauxto.doctor", job) as child:
        for message in child:
            found |= message
    return found | ({"reason": child.died} if child.died else {})


def judge(row: Row, cpu_ms: float | None) -> None:
    """Set the row's verdict: use, or refuse with the reason. `cpu_ms` is what the CPU takes for a picture."""
    row["verdict"] = "refuse" if row["reason"] else "use"
    own = row["latency_ms"]
    if row["reason"] or row["provider"] == "cpu" or own is None or cpu_ms is None:
        return
    if own >= cpu_ms:
        row["verdict"] = "refuse"
        row["reason"] = f"slower than the CPU ({own:.1f} ms a picture, CPU {cpu_ms:.1f} ms)"
    elif own > FASTER * cpu_ms:
        row["reason"] = "hardly faster than the CPU"


def files(model: Model) -> list[File]:
    """Each file that the card names: its variant, its sha256, and whether that is the card's."""
    names = {variant.file: variant.name for variant in model.card.variants.values()}
    found: list[File] = []
    for name in dict.fromkeys((*names, *model.card.files)):
        entry: File = {"file": name, "variant": names.get(name), "sha256": None, "bytes": None, "state": "not here"}
        path = model.folder / name
        if path.is_file():
            digest = sha256(path)
            entry |= {"sha256": digest, "bytes": path.stat().st_size}
            entry["state"] = "ok" if digest == model.card.files.get(name) else "damaged or changed"
        found.append(entry)
    return found


def main(parent: Parent) -> None:
    """One provider, in a process that it may take down."""
    job = parent.job()
    try:
        model = Model.open(job["model"])
        if job["provider"] == AUTO:
            loaded = selection.load(model, AUTO)
            parent.answer(
                {"provider": loaded.provider, "variant": loaded.variant, "passed_over": dict(loaded.passed_over)}
            )
            return
        started = time.perf_counter()
        loaded = selection.load_on(model, resolve(job["provider"]))
        seconds = time.perf_counter() - started
        parent.answer({"loads": True, "variant": loaded.variant, "nodes": loaded.session.nodes, "load_s": seconds})
        found = selection.check(model, loaded)
        difference = found.difference if math.isfinite(found.difference) else None
        parent.answer({"difference": difference, "reason": found.reason})
        if not found.reason:
            crops = selftest.golden_crops(model.card)[0]
            parent.answer({"latency_ms": selftest.seconds([loaded.session], crops)[0] * 1000})
    except FauxtoError as error:
        parent.answer({"reason": str(error)})


def as_text(report: Report) -> str:
    """The table, and what stands around it."""
    host, auto = report["machine"], report["auto"]
    memory = f"{host['memory_gb']} GiB" if host["memory_gb"] else "unknown"
    lines = [
        f"machine   {host['cpu']}, {host['cores']} cores, {memory} of memory, {host['os']}",
        f"gpu       {host['gpu'] or 'no NVIDIA driver'}",
        f"threads   {host['usable_cpus']} (quota: {host['cpu_quota'] or 'none'})",
        "versions  " + ", ".join(f"{name} {version}" for name, version in host["versions"].items() if version),
        f"model     {report['model']} in {report['folder']}",
        *_file_lines(report["files"]),
        *_opinion_lines(report["second_opinion"]),
        f"cache     {report['cache']['folder']}" + ("" if report["cache"]["writable"] else " (not writable)"),
        "",
        *columns([HEAD, *(_cells(row) for row in report["providers"])]),
        "",
        *(f"{row['provider']}: {row['reason']}" for row in report["providers"] if row["reason"]),
        f"auto takes nothing: {auto['reason']}" if "reason" in auto
        else f"auto takes {auto['provider']}, variant {auto['variant']}",
    ]  # fmt: skip
    return "\n".join([*lines, *(f"  not {name}: {why}" for name, why in auto.get("passed_over", {}).items())])


def _file_lines(found: list[File]) -> list[str]:
    rows = [(f["file"], f["variant"] or "", f"sha256 {(f['sha256'] or '-')[:16]}", f["state"]) for f in found]
    lines = [f"  {line}" for line in columns(rows)]
    if any(file["state"] == "not here" for file in found):
        lines.append(
            "  not here: no fault; the repository has more, and python -m export.variants in it writes the rest"
        )
    return lines


def _opinion_lines(found: install.Status) -> list[str]:
    lines = [f"second opinion: {install.in_words(found)}"]
    if found["bytes"] is not None:
        digest = f"sha256 {(found['sha256'] or '-')[:16]}"
        lines.append("  ".join(["", found["file"], f"{found['bytes']} bytes", digest, found["state"]]))
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row["provider"],
        "yes" if row["compiled_in"] else "no",
        "yes" if row["loads"] else "no",
        row["variant"] or "-",
        "/".join(map(str, row["nodes"])) if row["nodes"] else "-",
        "-" if row["difference"] is None else f"{row['difference']:.1e}",
        "-" if row["latency_ms"] is None else f"{row['latency_ms']:.1f}",
        row["verdict"],
    )


if __name__ == "__main__":
    main(Parent())
