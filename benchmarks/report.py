"""A race -> files in benchmarks/results, and the tables of benchmarks/README.md."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.figures import (
    CONTROL,
    LEAST_ROUNDS,
    NEAR,
    OURS,
    SCHEMA,
    Cell,
    Race,
    Ratio,
    Row,
    Scope,
    base_of,
    by_round,
    cells,
    samples,
)
from fauxto import system
from fauxto.bench.statistics import NOISY, Summary
from fauxto.errors import FauxtoError
from fauxto.files import replacing
from fauxto.inference.providers import CPU
from fauxto.model.model import Model

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
BEGIN, END = "<!-- benchmarks: written by python -m benchmarks --readme -->", "<!-- end of benchmarks -->"
HEAD = ("", "times ours", "p50 ms", "p95 ms", "CPU ms", "\\|Δlogit\\|", "peak MiB")
WORDS_BEGIN, WORDS_END = "<!-- speed: written by python -m benchmarks --readme -->", "<!-- end of speed -->"
README_SCOPES: tuple[Scope, ...] = ("model", "picture")


def file_stem(race: Race) -> str:
    """The name of a race's files: device, date, version, and whether the machine was kept busy."""
    host = race["machine"]
    device = system.slug(host["gpu"] or host["cpu"])
    busy = "-busy" if race["busy"] else ""
    return f"{device}-{host['usable_cpus']}cpu-{host['date'][:10]}-fauxto{host['versions']['fauxto']}{busy}"


def as_markdown(race: Race, scopes: tuple[Scope, ...] | None = None) -> str:
    """A table for each cell (of `scopes`), and what must be known of the run."""
    lines: list[str] = []
    for cell in cells(race):
        if scopes is None or cell.scope in scopes:
            lines += [f"**{cell.title}**", "", *_table(cell), ""]
    return "\n".join([*lines, *notes(race)])


def _table(cell: Cell) -> list[str]:
    """The rows that can be quoted, or one line that says why none can; a column that no row fills is left out."""
    if cell.doubt:
        return [f"Not quoted: {cell.doubt}."]
    table = [HEAD, *(_words(*entry, samples(entry[0]["cpu_s"], cell.rounds)) for entry in cell.rows)]
    filled = [place for place in range(len(HEAD)) if any(row[place] != "-" for row in table[1:])]
    lines = ["| " + " | ".join(row[place] for place in filled) + " |" for row in table]
    return [lines[0], "|---" * len(filled) + "|", *lines[1:]]


def _words(row: Row, ratio: Ratio | None, found: Summary, cpu_s: list[float]) -> tuple[str, ...]:
    return (
        _name(row),
        "1" if row["peer"] == OURS else str(ratio) if ratio else "-",
        "-" if found["noisy"] else _ms(found["p50_ms"]),
        "-" if found["noisy"] else _ms(found["p95_ms"]),
        "-" if found["noisy"] else _ms(1000 * sum(cpu_s) / len(cpu_s)),
        "-" if row["difference"] is None else f"{row['difference']:.0e}",
        "-" if row["peak_memory_mb"] is None else f"{row['peak_memory_mb']:.0f}",
    )


def _name(row: Row) -> str:
    return row["peer"] + (" (control)" if row["peer"] == CONTROL else "") + (", one crop" * (row["crops"] == "one"))


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def notes(race: Race) -> list[str]:
    """The machine, how to read the table, and who is missing."""
    host = race["machine"]
    versions = {**host["versions"], **race["packages"]}
    lines = [
        f"- {race['model']} on {host['gpu'] or host['cpu']}, {host['usable_cpus']} CPUs, {host['date'][:10]}, "
        f"{race['rounds']} rounds" + (", with every CPU kept busy by other processes" if race["busy"] else "")
        + f"; load before {host['load']}, after {host['load_after']}.",
        "- " + ", ".join(f"{name} {version}" for name, version in versions.items() if version) + ".",
        f"- 'Times ours' is the time over that of {OURS} in the same round: the median over the quieter half of the "
        f"rounds, and the quartiles. The control is {OURS} in a second process: its distance from 1, and its "
        f"quartiles, are the noise. A table is shown where the control is within {NEAR} of 1 after {LEAST_ROUNDS} "
        "rounds or more.",
        f"- Times in ms are shown for rows whose calls vary by less than {NOISY:.0%} (coefficient of variation): "
        f"{_quiet(race)} rows here.",
        "- |Δlogit| is against ours: the network on four crops, or all crops of the picture. Who looks at one crop "
        "does less work, and gives another answer.",
    ]  # fmt: skip
    return lines + [f"- {name} was left out: {reason}." for name, reason in race["skipped"].items()]


def _quiet(race: Race) -> str:
    noisy = [found["noisy"] for cell in cells(race) for _, _, found in cell.rows]
    return f"{noisy.count(False)} of {len(noisy)}"


def write(race: Race, folder: Path = RESULTS) -> list[Path]:
    """JSON with the raw samples, Markdown, and a plot where a ratio can be quoted."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_stem(race)}.json"
    with replacing(path) as file:
        json.dump(race, file)
        file.write("\n")
    return [path, *write_tables(race, folder)]


def write_tables(race: Race, folder: Path = RESULTS) -> list[Path]:
    """What is made out of the JSON."""
    paths = [folder / f"{file_stem(race)}.md"]
    with replacing(paths[0]) as file:
        file.write(as_markdown(race) + "\n")
    if figure := plot(race):
        paths.append(folder / f"{file_stem(race)}.png")
        with replacing(paths[1], "wb") as file:
            figure.savefig(file, format="png", dpi=100)
    return paths


def plot(race: Race) -> Figure | None:
    """The ratios of the quiet rounds as boxes, a panel for each cell that can be quoted; None where there is none."""
    panels = [cell for cell in cells(race) if not cell.doubt]
    if not panels:
        return None
    heights = [len(cell.rows) + 1.5 for cell in panels]
    figure = Figure(figsize=(9, 0.28 * sum(heights)), layout="constrained")
    places = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, cell in zip(places[:, 0], panels, strict=True):
        rows = [row for row, _, _ in cell.rows]
        base = base_of(rows)
        assert base is not None  # it was measured against
        axes.axvline(1, color="#999999", lw=1)
        axes.boxplot(
            [by_round(row, base, cell.rounds) for row in rows], orientation="horizontal", whis=(5, 95), showfliers=False
        )
        axes.set_yticks(range(1, len(rows) + 1), [_name(row) for row in rows], fontsize=7)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.tick_params(axis="x", which="both", labelsize=7)
        axes.set_title(cell.title, fontsize=9)
        axes.invert_yaxis()
    places[-1, 0].set_xlabel(f"times {OURS}, by round, log scale: quartiles, whiskers at 5 and 95 %")
    return figure


def read_all(folder: Path = RESULTS) -> list[Race]:
    """The races in a folder, oldest first. Raises FauxtoError for one of another schema."""
    races: list[Race] = []
    for path in folder.glob("*.json"):
        if path.name.startswith(("bench-", "detectors-")):  # of fauxto bench, and of python -m benchmarks detectors
            continue
        race: Race = json.loads(path.read_text(encoding="utf-8"))
        if race["schema"] != SCHEMA:
            raise FauxtoError(f"{path}: schema {race['schema']} is not {SCHEMA}; race again, or remove it")
        races.append(race)
    return sorted(races, key=lambda race: race["machine"]["date"])


def newest(races: list[Race]) -> Race:
    """The latest on a machine that was not kept busy, with rounds enough. Raises FauxtoError where there is none."""
    quiet = [race for race in races if not race["busy"] and race["rounds"] >= LEAST_ROUNDS]
    if not quiet:
        raise FauxtoError(f"no results of {LEAST_ROUNDS} quiet rounds; run python -m benchmarks first")
    return quiet[-1]


def in_words(race: Race) -> str:
    """How long a picture takes, for people: medians of the quiet rounds of the file that runs on a CPU by default."""
    model = Model.open()
    default = f"fauxto {model.variant(CPU).name}"
    lines = []
    for cell in cells(race):
        times = {row["peer"]: found["p50_ms"] for row, _, found in cell.rows if cell.scope == "picture"}
        if median := times.get(default, times.get(OURS)):
            lines.append(f"- {cell.input}: {float(f'{median / 1000:.1g}'):g} s")
    host = race["machine"]
    return "\n".join(
        [
            "From file to answer, once the model is loaded:",
            "",
            *lines,
            "",
            f"Medians of fauxto {host['versions']['fauxto']} on {host['usable_cpus']} cores of an {host['cpu']} "
            "(`python -m benchmarks`); `fauxto bench` measures yours.",
        ]
    )


def update_readme(race: Race, readme: Path = FOLDER / "README.md", front: Path = FOLDER.parent / "README.md") -> None:
    """Write the tables and the words between the markers of both READMEs anew. Raises FauxtoError without markers."""
    _replace(readme, BEGIN, as_markdown(race, README_SCOPES), END)
    _replace(front, WORDS_BEGIN, in_words(race), WORDS_END)


def _replace(page: Path, begin: str, text: str, end: str) -> None:
    old = page.read_text(encoding="utf-8")
    if begin not in old or end not in old:
        raise FauxtoError(f"{page}: the line '{begin}' or '{end}' is missing")
    before, rest = old.split(begin, 1)
    with replacing(page) as file:
        file.write(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}")
