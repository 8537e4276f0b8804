"""A comparison -> text, Markdown, and a plot of accuracy over cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.detectors.figures import Comparison, Row
from fauxto import system
from fauxto.files import replacing
from fauxto.reporting.html import label, png
from fauxto.reporting.text import area, columns, percent

HEAD = (
    "detector", "AUC", "recall at 1 % fpr", "at 5 %", "real called AI, own threshold", "AI called AI", "ms", "CPU ms",
    "times ours", "model MB", "memory MiB",
)  # fmt: skip


def cells(row: Row) -> list[str]:
    """The cells of HEAD."""
    middle, low, high = row["times_ours"]
    memory = row["peak_memory_mb"]
    return [
        row["name"],
        area(row["auc"], row["auc_interval"]),
        percent(row["recall_at_fpr1"]),
        percent(row["recall_at_fpr5"]),
        percent(row["fpr"], row["fpr_interval"]),
        percent(row["recall"], row["recall_interval"]),
        f"{row['ms']:.0f}",
        f"{row['cpu_ms']:.0f}",
        f"{middle:.2f} ({low:.2f} to {high:.2f})",
        f"{row['files_mb']:.0f}",
        "-" if memory is None else f"{memory:.0f}",
    ]


def as_text(found: Comparison) -> str:
    """Aligned columns and notes."""
    return "\n".join([*columns([HEAD, *map(cells, _best_first(found))]), "", *notes(found)])


def as_markdown(found: Comparison) -> str:
    """A table and notes."""
    lines: list[Sequence[str]] = [HEAD, ["---"] * len(HEAD), *map(cells, _best_first(found))]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *(f"- {note}" for note in notes(found))])


def notes(found: Comparison) -> list[str]:
    """What was measured on what, how to read it, and who is missing."""
    first, host = found["rows"][0], found["machine"]
    readable = f"{found['common']} of {found['pictures']} pictures that all could read"
    lines = [
        f"On {first['n_ai']} AI pictures and {first['n_real']} photographs of {found['folder']}, the {readable}"
        + (f", a random sample (seed {found['seed']})" if found["sample"] else "") + ".",
        "Intervals are 95 %; those of the AUC draw whole sources anew. The recall at 1 and 5 % is at a threshold that "
        "these photographs set.",
        "Times are medians from file to answer, with the threads that each takes by itself; every picture went to "
        f"everybody in turn. Where the machine does other things (load {host['load']} before, {host.get('load_after')} "
        "after), trust the ratios: medians over the pictures, with quartiles.",
        f"{host['cpu']}, {host['usable_cpus']} CPUs, {host['date'][:10]}; "
        + ", ".join(f"{row['name']}: {row['version']}" for row in found["rows"]) + ".",
    ]  # fmt: skip
    lines += [f"{row['name']} could not read {row['unreadable']}." for row in found["rows"] if row["unreadable"]]
    return lines + [f"{name} was left out: {reason}." for name, reason in found["skipped"].items()]


def plot(found: Comparison) -> Figure:
    """AUC with its interval over milliseconds; the area of a mark is the memory of the process."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for row in found["rows"]:
        low, high = row["auc_interval"]
        size = row["peak_memory_mb"] or 100
        axes.plot([row["ms"]] * 2, [low, high], color="#555555", linewidth=1)
        axes.scatter(row["ms"], row["auc"], s=size / 4, color="#b3541e" if row is found["rows"][0] else "#2f6690")
        text = f"{row['name']}, {row['files_mb']:.0f} MB"
        axes.annotate(label(text), (row["ms"], row["auc"]), xytext=(10, 6), textcoords="offset points", fontsize=8)
    axes.axhline(0.5, color="#555555", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.margins(x=0.3)
    axes.set(xlabel="ms from file to answer, median, log scale", ylabel="AUC", title="Accuracy over cost")
    return figure


def write(found: Comparison, folder: Path) -> list[Path]:
    """JSON, Markdown and the plot in a folder, named by the pictures, the device and the day."""
    host = found["machine"]
    names = (Path(found["folder"]).resolve().name, host["cpu"], f"{host['usable_cpus']}cpu", host["date"][:10])
    stem = "detectors-" + "-".join(map(system.slug, names))
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{stem}.{kind}" for kind in ("json", "md", "png")]
    for path, data in zip(paths, (json.dumps(found) + "\n", as_markdown(found) + "\n"), strict=False):
        with replacing(path) as file:
            file.write(data)
    with replacing(paths[2], "wb") as file:
        file.write(png(plot(found)))
    return paths


def _best_first(found: Comparison) -> list[Row]:
    return sorted(found["rows"], key=lambda row: -row["auc"])
