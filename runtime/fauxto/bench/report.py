"""A report of `bench` -> text, Markdown, CSV, and a plot (needs matplotlib: extra [eval] or [bench])."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from fauxto.bench.plan import as_json, file_stem
from fauxto.bench.statistics import NOISY, PERCENTILES, needed
from fauxto.errors import FauxtoError

TITLES = (
    *("ran on", "variant", "what", "batch", "scenario"),
    *(f"p{percentile} ms" for percentile in PERCENTILES),
    *("a second", "CV", "n", "max |Δp|", "nodes", "load s", "first ms", "peak MiB"),
)


def table(report: dict[str, Any]) -> list[list[str]]:
    """The rows in words."""
    return [_row(row) for row in report["rows"]]


def _row(row: dict[str, Any]) -> list[str]:
    placed, total = row["nodes"]
    return [
        row["ran_on"],
        row["variant"],
        "model" if row["scope"] == "model" else row["input"],
        str(row["batch"]),
        row["scenario"],
        *(_number(row[f"p{percentile}_ms"]) for percentile in PERCENTILES),
        _number(row["per_second"]),
        f"{row['cv']:.2f}" + (" noisy" if row["noisy"] else ""),
        str(row["n"]),
        f"{row['max_dp']:.1e}",
        f"{placed}/{total}",
        f"{row['load_s']:.2f}",
        _number(row["first_s"] * 1000),
        _number(row["peak_memory_mb"]),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def notes(report: dict[str, Any]) -> list[str]:
    """What the rows need said beside them."""
    machine = report["machine"]
    lines = [
        f"{machine['gpu'] or machine['cpu']}; {machine['usable_cpus']} of {machine['cores']} CPUs usable, "
        f"{report['plan']['threads']} threads; {machine['os']}; load {machine['load']}",
        ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version),
        f"{report['model']}; a picture is {report['views_per_picture']} views; 'model' counts views, the rest pictures",
    ]
    missing = [p for p in PERCENTILES if any(row[f"p{p}_ms"] is None for row in report["rows"])]
    if missing:
        lines.append("-: too few samples; " + ", ".join(f"p{p} needs {needed(p)}" for p in missing))
    if any(row["noisy"] for row in report["rows"]):
        lines.append(f"noisy: CV over {NOISY}, something else used the machine; do not quote these")
    lines += [f"skipped {entry['provider']} {entry['variant']}: {entry['reason']}" for entry in report["skipped"]]
    if not report["complete"]:
        lines.append("stopped before the end")
    return lines


def as_text(report: dict[str, Any]) -> str:
    """Aligned columns."""
    rows = [list(TITLES), *table(report)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(TITLES))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *notes(report)])


def as_markdown(report: dict[str, Any]) -> str:
    """A table, and its notes as a list."""
    rows = [list(TITLES), ["---"] * len(TITLES), *table(report)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {line}" for line in notes(report))])


def as_csv(report: dict[str, Any]) -> str:
    """Every figure of every row, but the raw samples, which are in the JSON."""
    buffer = io.StringIO()
    names = [name for name in (report["rows"][0] if report["rows"] else {}) if name != "samples_s"]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in report["rows"]:
        writer.writerow(row | {"nodes": "/".join(map(str, row["nodes"]))})
    return buffer.getvalue().rstrip("\n")


FORMATS = {"text": as_text, "markdown": as_markdown, "csv": as_csv, "json": as_json}


def write_all(report: dict[str, Any], folder: Path) -> list[Path]:
    """Every form in `folder`, and the plot where matplotlib is there. Raises FauxtoError where it cannot be written."""
    stem = file_stem(report)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, form in (("txt", as_text), ("md", as_markdown), ("csv", as_csv), ("json", as_json)):
            path = folder / f"{stem}.{suffix}"
            path.write_text(form(report) + "\n", encoding="utf-8")
            written.append(path)
        if report["rows"] and (figure := plot(report)):
            path = folder / f"{stem}.png"
            figure.savefig(path, dpi=120)
            written.append(path)
    except OSError as error:
        raise FauxtoError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    return written


def plot(report: dict[str, Any]) -> Any:
    """All single-stream samples as boxes on a log scale, a matplotlib Figure; None without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    rows = [row for row in report["rows"] if row["scenario"] == "single-stream"] or report["rows"]
    labels = [f"{row['ran_on']} {row['variant']}, {'model' if row['scope'] == 'model' else row['input']}"
              for row in rows]  # fmt: skip
    figure = Figure(figsize=(9, 0.4 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    samples = [[second * 1000 for second in row["samples_s"]] for row in rows]
    axes.boxplot(samples, orientation="horizontal", whis=(0, 100))
    axes.set_yticks(range(1, len(rows) + 1), labels, fontsize=8)
    axes.set(xscale="log", xlabel="ms: least, quartiles, most", title=report["machine"]["cpu"])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.invert_yaxis()
    return figure
