"""A race -> files in benchmarks/results, and the README's table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fauxto
from fauxto.errors import FauxtoError

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
BEGIN, END = "<!-- benchmarks: written by python -m benchmarks --readme -->", "<!-- end of benchmarks -->"
TITLES = ("", "p50 ms", "p95 ms", "times ours", "CPU ms", "|Δlogit|", "peak MiB")
SCOPES = {
    "model": "The network alone, one view",
    "preprocess": "File to the network's input",
    "picture": "File to answer",
}


def file_stem(report: dict[str, Any]) -> str:
    """The name of a race's files: device, date, version, and whether the machine was kept busy."""
    host = report["machine"]
    device = system.slug(host["gpu"] or host["cpu"])
    busy = "-busy" if report["busy"] else ""
    return f"{device}-{host['usable_cpus']}cpu-{host['date'][:10]}-fauxto{fauxto.__version__}{busy}"


def groups(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Heading -> its rows, fastest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for scope, title in SCOPES.items():
        for row in report["rows"]:
            if row["scope"] == scope:
                found.setdefault(title if scope == "model" else f"{title}, {row['input']}", []).append(row)
    return {title: sorted(rows, key=lambda row: row["p50_ms"] or row["mean_ms"]) for title, rows in found.items()}


def cells(row: dict[str, Any]) -> list[str]:
    """One row in words."""
    looks = ", one view" if row["views"] == "one" else ""
    return [
        row["peer"] + looks + (" (noisy)" if row["noisy"] else ""),
        _ms(row["p50_ms"]),
        _ms(row["p95_ms"]),
        "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
        _ms(row["cpu_ms"]),
        "-" if row["difference"] is None else f"{row['difference']:.0e}",
        "-" if row["peak_memory_mb"] is None else f"{row['peak_memory_mb']:.0f}",
    ]


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def as_markdown(report: dict[str, Any], scopes: tuple[str, ...] = tuple(SCOPES)) -> str:
    """A table for each scope and input, and what must be known of the run."""
    lines = []
    for title, rows in groups(report).items():
        if rows[0]["scope"] in scopes:
            lines += [f"**{title}**", "", "| " + " | ".join(TITLES) + " |", "|" + "---|" * len(TITLES)]
            lines += ["| " + " | ".join(cells(row)).replace("|Δ", "\\|Δ") + " |" for row in rows] + [""]
    return "\n".join(lines).replace("| |Δlogit| |", "| \\|Δlogit\\| |") + "\n" + "\n".join(notes(report))


def notes(report: dict[str, Any]) -> list[str]:
    """The machine, the control, and who is missing."""
    host = report["machine"]
    again = {row["input"] if row["scope"] != "model" else "model": row["ratio"] for row in report["rows"]
             if row["peer"].endswith(" again") and row["ratio"]}  # fmt: skip
    lines = [
        f"- {host['gpu'] or host['cpu']}, {host['usable_cpus']} CPUs, {host['date'][:10]}, {report['rounds']} rounds"
        + (", with every CPU kept busy by other processes" if report["busy"] else "")
        + f"; load before {host['load']}, after {host['load_after']}.",
        "- " + ", ".join(f"{name} {version}" for name, version in (host["versions"] | report["packages"]).items()
                         if version) + ".",
        f"- 'times ours' is the median against {report['reference']} in the same run. The same process started again "
        f"('again') shows the noise: {', '.join(f'{ratio:.2f} ({name})' for name, ratio in again.items())}.",
        "- |Δlogit| is against ours: the network on four views, or all views of the picture; one that looks at one "
        "view does less work, and its answer is another.",
    ]  # fmt: skip
    return lines + [f"- {name} was left out: {reason}." for name, reason in report["skipped"].items()]


def write(report: dict[str, Any], folder: Path = RESULTS) -> list[Path]:
    """JSON with the raw samples, Markdown, and a plot."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / file_stem(report)
    paths = [Path(f"{stem}.json"), Path(f"{stem}.md"), Path(f"{stem}.png")]
    paths[0].write_text(json.dumps(report) + "\n", encoding="utf-8")
    paths[1].write_text(as_markdown(report) + "\n", encoding="utf-8")
    if report["rows"]:
        plot(report).savefig(paths[2], dpi=120)
    return [path for path in paths if path.exists()]


def plot(report: dict[str, Any]) -> Any:
    """All samples as boxes, a panel for each scope and input; a matplotlib Figure."""
    from matplotlib.figure import Figure

    panels = groups(report)
    heights = [len(rows) + 1.5 for rows in panels.values()]
    figure = Figure(figsize=(9, 0.32 * sum(heights)), layout="constrained")
    places = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, (title, rows) in zip(places[:, 0], panels.items(), strict=True):
        samples = [[second * 1000 for second in row["wall_s"]] for row in rows]
        axes.boxplot(samples, orientation="horizontal", whis=(5, 95), flierprops={"markersize": 2})
        axes.set_yticks(range(1, len(rows) + 1), [cells(row)[0] for row in rows], fontsize=7)
        axes.set(xscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.tick_params(axis="x", which="both", labelsize=7)
        axes.set_title(title, fontsize=9)
        axes.invert_yaxis()
    places[-1, 0].set_xlabel("ms, log scale: whiskers at 5 and 95 %")
    return figure


def newest(folder: Path = RESULTS) -> dict[str, Any]:
    """The latest race on a machine that was not kept busy. Raises FauxtoError where there is none."""
    paths = [path for path in folder.glob("*.json") if not path.name.startswith("bench-")]  # those of fauxto bench
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    quiet = [report for report in found if not report["busy"]]
    if not quiet:
        raise FauxtoError(f"{folder}: no results; run python -m benchmarks first")
    return max(quiet, key=lambda report: str(report["machine"]["date"]))


def update_readme(report: dict[str, Any], readme: Path = ROOT / "README.md") -> None:
    """Write the table between the README's markers anew. Raises FauxtoError where they are missing."""
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise FauxtoError(f"{readme}: the line '{BEGIN}' or '{END}' is missing")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    table = as_markdown(report, ("model", "picture"))
    readme.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
