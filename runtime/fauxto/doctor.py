"""What works here: every provider tried in a process of its own, the machine, the model's files, the cache.

python -m fauxto.doctor is one such process, with a job on standard input.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from fauxto import cache, system
from fauxto.errors import FauxtoError
from fauxto.inference import selection, selftest
from fauxto.inference.providers import AUTO, NAMES, candidates, resolve
from fauxto.inference.selection import compiled_in
from fauxto.model.card import Card
from fauxto.model.model import Model, sha256
from fauxto.subprocesses import Child, answer, job

SCHEMA = 1
FASTER = 0.9
"""Share of the CPU's time under which a provider that "auto" does not try is worth asking for."""


def examine(model: str | None = None) -> dict[str, Any]:
    """Try everything anew, and let "auto" forget what it kept. Raises ModelError where the model has no card."""
    opened = Model.open(model)
    folder, card = opened.folder, opened.card
    selection.forget()
    rows = [_try(folder, name) for name in NAMES]
    fastest = next((row["latency_ms"] for row in rows if row["provider"] == "cpu"), None)
    for row in rows:
        _judge(row, fastest)
    return {
        "schema": SCHEMA,
        "machine": system.record(),
        "model": card.release,
        "folder": str(folder),
        "files": files(folder, card),
        "cache": {"folder": str(cache.folder()), "writable": cache.make("") is not None},
        "auto": _auto(folder),
        "providers": rows,
    }


def _auto(folder: Path) -> dict[str, Any]:
    """What "auto" takes here."""
    found = _answers({"model": str(folder), "provider": AUTO})
    return {"candidates": [*candidates(), "cpu"]} | found


def _try(folder: Path, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "provider": name,
        "engine": NAMES[name],
        "compiled_in": compiled_in(NAMES[name]),
        "loads": False,
        "variant": None,
        "nodes": None,
        "load_s": None,
        "difference": None,
        "latency_ms": None,
        "reason": None,
    }
    return row | _answers({"model": str(folder), "provider": name})


def _answers(task: dict[str, Any]) -> dict[str, Any]:
    """All that the process said, the last word on each field; a crash is a reason too."""
    found: dict[str, Any] = {}
    with Child("fauxto.doctor", task) as child:
        for message in child:
            found |= message
    return found | ({"reason": child.died} if child.died else {})


def _judge(row: dict[str, Any], cpu_ms: float | None) -> None:
    """The verdict: use, or refuse with the reason."""
    row["verdict"] = "refuse" if row["reason"] else "use"
    own = row["latency_ms"]
    if row["reason"] or row["provider"] == "cpu" or own is None or cpu_ms is None:
        return
    if own >= cpu_ms:
        row |= {"verdict": "refuse", "reason": f"slower than the CPU ({own:.1f} ms a picture, CPU {cpu_ms:.1f} ms)"}
    elif own > FASTER * cpu_ms:
        row["reason"] = "hardly faster than the CPU"


def files(folder: Path, card: Card) -> list[dict[str, Any]]:
    """Each file that the card names: its variant, its sha256, and whether that is the card's."""
    names = {variant.file: variant.name for variant in card.variants.values()}
    found = []
    for name in dict.fromkeys((*names, *card.files)):
        path = folder / name
        digest = sha256(path) if path.is_file() else None
        state = "missing" if digest is None else "ok" if digest == card.files.get(name) else "damaged or changed"
        size = path.stat().st_size if digest else None
        found.append({"file": name, "variant": names.get(name), "sha256": digest, "bytes": size, "state": state})
    return found


def main(task: dict[str, Any]) -> None:
    """One provider, in a process that it may take down."""
    name = task["provider"]
    try:
        model = Model.open(task["model"])
        if name == AUTO:
            loaded = selection.load(model, AUTO)
            answer({"provider": loaded.provider, "variant": loaded.variant, "passed_over": loaded.passed_over})
            return
        started = time.perf_counter()
        loaded = selection.load_on(model, resolve(name))
        answer({"loads": True, "variant": loaded.variant, "nodes": loaded.session.nodes,
                "load_s": time.perf_counter() - started})  # fmt: skip
        found = selection.check(model, loaded)
        answer({"difference": found.difference if math.isfinite(found.difference) else None, "reason": found.reason})
        if not found.reason:
            crops = selftest.golden_crops(model.card)[0]
            answer({"latency_ms": selftest.seconds([loaded.session], crops)[0] * 1000})
    except FauxtoError as error:
        answer({"reason": str(error)})


def as_text(found: dict[str, Any]) -> str:
    """The table, and what stands around it."""
    host, auto = found["machine"], found["auto"]
    memory = f"{host['memory_gb']} GiB" if host["memory_gb"] else "unknown"
    lines = [
        f"machine   {host['cpu']}, {host['cores']} cores, {memory} of memory, {host['os']}",
        f"gpu       {host['gpu'] or 'no NVIDIA driver'}",
        f"threads   {host['usable_cpus']} (quota: {host['cpu_quota'] or 'none'})",
        "versions  " + ", ".join(f"{name} {version}" for name, version in host["versions"].items() if version),
        f"model     {found['model']} in {found['folder']}",
    ]
    lines += [
        f"  {file['file']}  {file['variant'] or ''}  sha256 {(file['sha256'] or '-')[:16]}  {file['state']}"
        for file in found["files"]
    ]
    lines += [f"cache     {found['cache']['folder']}" + ("" if found["cache"]["writable"] else " (not writable)"), ""]
    head = ("provider", "compiled in", "loads", "variant", "nodes", "max |Δlogit|", "ms a picture", "verdict")
    rows = [head, *(_cells(row) for row in found["providers"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["", f"auto takes {auto.get('provider', '-')}, variant {auto.get('variant', '-')}"]
    lines += [f"  not {name}: {reason}" for name, reason in auto.get("passed_over", {}).items()]
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["provider"],
        "yes" if row["compiled_in"] else "no",
        "yes" if row["loads"] else "no",
        row["variant"] or "-",
        "/".join(map(str, row["nodes"])) if row["nodes"] else "-",
        "-" if row["difference"] is None else f"{row['difference']:.1e}",
        "-" if row["latency_ms"] is None else f"{row['latency_ms']:.1f}",
        row["verdict"] + (f": {row['reason']}" if row["reason"] else ""),
    )


if __name__ == "__main__":
    main(job())
