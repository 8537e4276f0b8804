"""The measurements -> scale.md and its plot."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from fauxto.system import Machine

PICTURES = 100_000_000
MACHINES = (1, 10, 100)
MACHINE_CPUS = 16
HOUR, DAY = 3600, 86_400


def as_markdown(kept: dict[str, Any]) -> str:
    """The whole page, of the sections that were measured."""
    lines = [
        "# A hundred million pictures\n",
        "Written by `python -m benchmarks.scale`; every figure is measured by it or computed from what it measured, as "
        "said beside it. The pictures are made ones, hard links to a few files that are in memory: reading from a disk "
        "or a network is **not** in the times. The raw figures are in `scale.json`.\n",
    ]
    for section, write in WRITERS.items():
        if section in kept:
            lines += [write(kept[section]["found"], kept[section]["machine"]), _machine(kept[section]["machine"])]
    return "\n".join(lines)


def _machine(host: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in host["versions"].items() if version)
    return (
        f"<sub>{host['gpu'] or host['cpu']}, {host['usable_cpus']} CPUs, {host['memory_gb']} GiB, {host['date'][:10]}, "
        f"load before {host['load']}, after {host['load_after']}; {versions}.</sub>\n"
    )


def _sizes(found: list[dict[str, Any]], host: Machine) -> str:
    return f"{_rates(found)}\n{_plan(found)}\n{_bounds(found, host['usable_cpus'])}"


def _rates(sizes: list[dict[str, Any]]) -> str:
    rows = []
    for size in sizes:
        one, memory = size["one_cpu"], size["memory"]
        rows.append([size["name"], f"{size['bytes'] / 1e6:.2f}", f"{one['decode']:.1f}", f"{one['infer']:.1f}",
                     f"{both(one):.1f}", f"{memory['own_mb']:.0f}", f"{memory['other_mb']:.0f}"])  # fmt: skip
    head = ["picture", "MB", "decoded a second", "inferred a second", "both", "inference, MiB", "a decode process, MiB"]
    return (
        "## One CPU\n\n"
        "One process with one thread decodes (up to the network's input, with what the file declares), or infers (five "
        "crops, the variant in the wheel). 'Both' is 1 / (1/decoded + 1/inferred). Memory is private to the process, "
        f"at its highest during a scan.\n\n{_table(head, rows)}"
    )


def _plan(sizes: list[dict[str, Any]]) -> str:
    rows = []
    for size in sizes:
        seconds, terabytes = PICTURES / both(size["one_cpu"]), PICTURES * size["bytes"] / 1e12
        days = [seconds / MACHINE_CPUS / machines / DAY for machines in MACHINES]
        each = MACHINE_CPUS * both(size["one_cpu"]) * size["bytes"] * 8 / 1e9
        rows.append([size["name"], f"{seconds / HOUR:,.0f}", *(f"{value:,.1f}" for value in days), f"{terabytes:,.0f}",
                     f"{each:.2f}"])  # fmt: skip
    names = [f"{machines} machine{'s' * (machines > 1)}" for machines in MACHINES]
    head = ["picture", "CPU hours", *(f"days on {name}" for name in names), "TB read", "Gbit/s a machine"]
    return (
        f"## {PICTURES:,} pictures\n\n"
        f"Computed from the table above, for machines of {MACHINE_CPUS} such CPUs that scan without a loss; what CPUs "
        "share (memory, cache, hyper-threads) will take some. The price is the CPU hours times what one costs. Gbit/s "
        "is what a store must give to each machine to keep it busy.\n\n"
        f"{_table(head, rows)}\n"
        "What was in work when a machine died is done again: one part of at most 512 pictures for each worker. GPUs "
        "were not measured.\n"
    )


def _bounds(sizes: list[dict[str, Any]], cpus: int) -> str:
    one, rows = sizes[0], []
    for size in sizes:
        middle = {kind: median(rates) for kind, rates in size["all_cpus"].items()}
        rows.append([size["name"], *(f"{middle[kind]:.1f}" for kind in middle),
                     f"{middle['scan'] / min(middle['decode'], middle['infer']):.2f}",
                     f"{middle['scan'] / both(middle):.2f}",
                     f"{middle['scan'] / both(size['one_cpu']) / cpus:.2f}"])  # fmt: skip
    head = ["picture", "decoded a second", "inferred a second", "scanned a second", "of the smaller",
            "of what both leave", f"of {cpus} times one CPU"]  # fmt: skip
    return (
        f"## The scan against its bounds, on {cpus} CPUs\n\n"
        f"{one['pictures']} pictures, medians of {len(one['all_cpus']['scan'])} turns. Decoding alone and inferring "
        "alone each have all CPUs to themselves; in a scan they share them, so the bound where both cost much is 'what "
        f"both leave', 1 / (1/decoded + 1/inferred). Start-up is left out.\n\n{_table(head, rows)}"
    )


def _growth(found: list[dict[str, Any]], _: Machine) -> str:
    rows = [
        [f"{one['pictures']:,}", f"{one['start_s']:.1f}", f"{one['seconds']:.1f}",
         f"{one['pictures'] / one['seconds']:.0f}", f"{one['own_mb']:.0f}", f"{one['other_mb']:.0f}",
         f"{one['all_mb']:.0f}"]
        for one in found
    ]  # fmt: skip
    head = ["pictures", "start and listing, s", "scan, s", "a second", "inference, MiB", "a decode process, MiB",
            "all, MiB"]  # fmt: skip
    return (
        "## From a thousand to a hundred thousand\n\n"
        "With a model of one crop of 32 px (`benchmarks/tiny_model.py`), so that what is around the network is what "
        "takes time. 256 to 512 px, two of a hundred are no pictures.\n\n"
        f"{_table(head, rows)}\n![Time and memory by the number of pictures](scale.png)\n"
    )


def _killed(killed: dict[str, Any], _: Machine) -> str:
    kept = ", ".join(f"{count:,}" for count in killed["kept"])
    return (
        "## Killed\n\n"
        f"{killed['pictures']:,} pictures, the tiny model, killed (SIGKILL) {len(killed['kept'])} times and run to the "
        f"end. Written at each kill: {kept}. In the end: {killed['rows']:,} rows, {killed['missing']} files without "
        f"one, {killed['twice']} with two, {killed['errors']} with an error.\n"
    )


def _engines(found: list[dict[str, Any]], _: Machine) -> str:
    rows = []
    for one in found:
        for engine, scans in one["scans"].items():
            seconds = median(scan["seconds"] for scan in scans)
            rows.append([f"{one['model']}, {one['pictures']:,}", engine, f"{median(s['start_s'] for s in scans):.1f}",
                         f"{seconds:.1f}", f"{one['pictures'] / seconds:.1f}",
                         f"{one['ratio']:.2f}" if engine == "ray" else "1", f"{scans[-1]['all_mb']:.0f}"])  # fmt: skip
    head = ["model, pictures", "engine", "start, s", "scan, s", "a second", "of local", "memory, MiB"]
    return (
        "## Ray on this machine\n\n"
        f"The same files on both engines in turn, medians of {len(found[0]['scans']['ray'])}. The start (of "
        f"Ray's cluster and its workers) is left out of the rate.\n\n{_table(head, rows)}"
    )


def both(rates: dict[str, float]) -> float:
    """Pictures a second where the same CPUs decode and infer."""
    return 1 / (1 / rates["decode"] + 1 / rates["infer"])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


WRITERS: dict[str, Callable[[Any, Machine], str]] = {
    "sizes": _sizes,
    "growth": _growth,
    "killed": _killed,
    "engines": _engines,
}


def plot(growth: list[dict[str, Any]]) -> Figure:
    """Seconds and memory of scans by their number of pictures."""
    counts = [one["pictures"] for one in growth]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    time, memory = figure.subplots(1, 2)
    slope = growth[-1]["seconds"] / counts[-1]
    time.plot(counts, [slope * count for count in counts], color="#999999", lw=1, label="a straight line to the last")
    time.plot(counts, [one["seconds"] for one in growth], "o", color="#2f6690", label="measured")
    time.set(xscale="log", yscale="log", xlabel="pictures", ylabel="seconds", title="Time")
    for name, label, colour in (("all_mb", "all processes", "#333333"), ("own_mb", "inference and writing", "#b3541e"),
                                ("other_mb", "one decode process", "#2f6690")):  # fmt: skip
        memory.plot(counts, [one[name] for one in growth], "o-", label=label, color=colour)
    memory.set(xscale="log", xlabel="pictures", ylabel="MiB at the highest", title="Private memory")
    memory.set_ylim(bottom=0)
    for axes in (time, memory):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    return figure
