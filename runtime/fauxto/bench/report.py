"""A report of `bench` -> text, Markdown, CSV, JSON, and a plot (needs matplotlib: extra [eval])."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from fauxto import system
from fauxto.bench.statistics import NOISY, PERCENTILES, Summary, needed, percentiles
from fauxto.errors import OutputError
from fauxto.files import replacing
from fauxto.reporting.text import columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = 2
TITLES = (
    *("ran on", "variant", "what", "batch", "scenario"),
    *(f"p{percentile} ms" for percentile in PERCENTILES),
    *("a second", "CV", "n", "max |Δp|", "nodes", "load s", "first ms", "peak MiB"),
)


class Row(Summary):
    """One cell that was measured.

    Attributes:
        provider, variant, ran_on, file_sha256: what ran it, as asked for and as it names itself, and on which file.
        max_dp: max |Δp| of the golden pictures against the reference.
        import_s, load_s, first_s: seconds to import the runtime, to load the model, and of the first run.
        nodes: how many of the graph's nodes the provider runs, and how many there are.
        scope, input, batch, scenario: what was measured.
        peak_memory_mb: of the process until then, MiB.
        samples_s: seconds of each call.
    """

    provider: str
    variant: str
    ran_on: str
    file_sha256: str
    max_dp: float
    import_s: float
    load_s: float
    first_s: float
    nodes: tuple[int, int]
    scope: str
    input: str
    batch: int
    scenario: str
    peak_memory_mb: float | None
    samples_s: list[float]


class Skipped(TypedDict):
    """A provider and variant without a row, or without all of its rows, and why."""

    provider: str
    variant: str
    reason: str


class Report(TypedDict):
    """All that was measured. `complete` is False where it was stopped; `plan` is the Plan as it was carried out."""

    schema: int
    machine: system.Machine
    model: str
    files: dict[str, str]
    crops_per_picture: int
    plan: dict[str, Any]
    complete: bool
    rows: list[Row]
    skipped: list[Skipped]


def table(report: Report) -> list[list[str]]:
    """The rows in words."""
    return [_cells(row) for row in report["rows"]]


def _cells(row: Row) -> list[str]:
    placed, total = row["nodes"]
    return [
        row["ran_on"],
        row["variant"],
        _what(row),
        str(row["batch"]),
        row["scenario"],
        *(_number(value) for value in percentiles(row).values()),
        _number(row["per_second"]),
        f"{row['cv']:.2f}" + (" noisy" if row["noisy"] else ""),
        str(row["n"]),
        f"{row['max_dp']:.1e}",
        f"{placed}/{total}",
        f"{row['load_s']:.2f}",
        _number(row["first_s"] * 1000),
        _number(row["peak_memory_mb"]),
    ]


def _what(row: Row) -> str:
    return "model" if row["scope"] == "model" else row["input"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def notes(report: Report) -> list[str]:
    """What the rows need said beside them."""
    machine = report["machine"]
    lines = [
        f"{machine['gpu'] or machine['cpu']}; {machine['usable_cpus']} of {machine['cores']} CPUs usable, "
        f"{report['plan']['threads']} threads; {machine['os']}; load {machine['load']}",
        ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version),
        f"{report['model']}; a picture is {report['crops_per_picture']} crops; 'model' counts crops, the rest pictures",
    ]
    missing = [p for p in PERCENTILES if any(percentiles(row)[p] is None for row in report["rows"])]
    if missing:
        lines.append("-: too few samples; " + ", ".join(f"p{p} needs {needed(p)}" for p in missing))
    if any(row["noisy"] for row in report["rows"]):
        lines.append(f"noisy: CV over {NOISY}, something else used the machine; do not quote these")
    lines += [f"skipped {entry['provider']} {entry['variant']}: {entry['reason']}" for entry in report["skipped"]]
    if not report["complete"]:
        lines.append("stopped before the end")
    return lines


def as_text(report: Report) -> str:
    """Aligned columns."""
    return "\n".join([*columns([list(TITLES), *table(report)]), "", *notes(report)])


def as_markdown(report: Report) -> str:
    """A table, and its notes as a list."""
    rows = [list(TITLES), ["---"] * len(TITLES), *table(report)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {line}" for line in notes(report))])


def as_csv(report: Report) -> str:
    """Every figure of every row, but the raw samples, which are in the JSON."""
    buffer = io.StringIO()
    names = [name for row in report["rows"][:1] for name in row if name != "samples_s"]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in report["rows"]:
        writer.writerow({**row, "nodes": "/".join(map(str, row["nodes"]))})
    return buffer.getvalue().rstrip("\n")


def as_json(report: Report) -> str:
    """The whole report, raw samples included."""
    return json.dumps(report, indent=1)


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text, "markdown": as_markdown, "csv": as_csv, "json": as_json,
}  # fmt: skip
SUFFIXES = {"text": "txt", "markdown": "md", "csv": "csv", "json": "json"}


def file_stem(report: Report) -> str:
    """The name of a report's files: what, on which device, with which version."""
    versions = report["machine"]["versions"]
    device = system.slug(report["machine"]["gpu"] or report["machine"]["cpu"])
    return f"bench-{device}-fauxto{versions['fauxto']}-ort{versions['onnxruntime']}"


def write_all(report: Report, folder: Path) -> list[Path]:
    """Every form in `folder`, each file whole or not at all, and the plot where matplotlib is there.

    Raises:
        OutputError: it cannot be written.
    """
    stem, written = file_stem(report), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, form in FORMATS.items():
            path = folder / f"{stem}.{SUFFIXES[name]}"
            with replacing(path) as file:
                file.write(form(report) + "\n")
            written.append(path)
        if report["rows"] and (figure := plot(report)):
            path = folder / f"{stem}.png"
            with replacing(path, "wb") as file:
                figure.savefig(file, format="png", dpi=120)
            written.append(path)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another --output-dir") from None
    return written


def plot(report: Report) -> Figure | None:
    """All single-stream samples as boxes on a log scale; None without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    rows = [row for row in report["rows"] if row["scenario"] == "single-stream"] or report["rows"]
    figure = Figure(figsize=(9, 0.4 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    samples = [[second * 1000 for second in row["samples_s"]] for row in rows]
    axes.boxplot(samples, orientation="horizontal", whis=(0, 100))
    labels = [f"{row['ran_on']} {row['variant']}, {_what(row)}" for row in rows]
    axes.set_yticks(range(1, len(rows) + 1), labels, fontsize=8)
    axes.set(xscale="log", xlabel="ms: least, quartiles, most", title=report["machine"]["cpu"])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.invert_yaxis()
    return figure
