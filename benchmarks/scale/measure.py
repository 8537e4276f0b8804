"""The measurements, one process after the other on an otherwise idle system."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

from benchmarks import tiny_model
from benchmarks.scale import archive
from fauxto import system
from fauxto.bench.images import SIZES
from fauxto.errors import FauxtoError
from fauxto.progress import tell
from fauxto.scan.defaults import PART_ROWS
from fauxto.subprocesses import Child
from fauxto.system import usable_cpus

KILLED_AFTER = (4.0, 6.0, 5.0)  # seconds


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Attributes:
        turns: of each measurement whose ratio is asked for.
        alike: pictures of each size that are decoded, inferred and scanned in a turn.
        released: pictures that both engines scan with the released model, and how many make a part.
        tiny: the same with the tiny model.
        growth: pictures of each scan with the tiny model.
        killed: pictures of the scan that is killed.
    """

    turns: int
    alike: int
    released: tuple[int, int]
    tiny: tuple[int, int]
    growth: tuple[int, ...]
    killed: int


FULL = Effort(3, 100, (256, 16), (20_000, PART_ROWS), (1000, 3000, 10_000, 30_000, 100_000), 20_000)
QUICK = Effort(1, 6, (24, 4), (200, 20), (100, 200, 400), 400)


def measure(sections: Iterable[str], effort: Effort) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure each of SECTIONS, and give its name and figures, with the machine; see scale.md for what they mean."""
    for section in sections:
        record = system.record()
        with tempfile.TemporaryDirectory(prefix="scale-") as scratch:
            found = SECTIONS[section](Path(scratch), effort)
        record["load_after"] = system.load()
        yield section, {"machine": record, "found": found}


def _sizes(folder: Path, effort: Effort) -> list[dict[str, Any]]:
    """One CPU, then all of them, by size of the picture."""
    return [_size(folder / str(place), name, effort.alike, effort.turns) for place, name in enumerate(SIZES)]


def _size(folder: Path, name: str, count: int, turns: int) -> dict[str, Any]:
    """One CPU decoding and inferring; then all CPUs decoding, inferring and scanning, in turn."""
    paths, cpus = archive.alike(folder, name, count), usable_cpus()
    few = paths[: max(4, count // 2)]
    one = {"decode": _worker("decode", paths=few, jobs=1), "infer": _worker("infer", paths=few, threads=1)}
    every: dict[str, list[float]] = {"decode": [], "infer": [], "scan": []}
    scanned: dict[str, Any] = {}
    for turn in range(turns):
        tell(f"{name}: turn {turn + 1} of {turns}")
        every["decode"].append(count / _worker("decode", paths=paths, jobs=cpus)["seconds"])
        every["infer"].append(count / _worker("infer", paths=paths, threads=cpus)["seconds"])
        scanned = _scan(folder, folder / f"out-{turn}")
        every["scan"].append(count / scanned["seconds"])
    return {
        "name": name,
        "bytes": os.path.getsize(paths[0]),
        "pictures": count,
        "one_cpu": {kind: len(few) / found["seconds"] for kind, found in one.items()},
        "all_cpus": every,
        "memory": {kind: scanned[kind] for kind in ("own_mb", "other_mb", "all_mb")},
    }


def _growth(scratch: Path, effort: Effort) -> list[dict[str, Any]]:
    """Scans of more and more pictures."""
    tiny, found = _tiny(scratch), []
    for count in effort.growth:
        tell(f"growth: {count} pictures")
        archive.mixed(scratch / str(count), count)
        found.append(_scan(scratch / str(count), scratch / str(count) / "out", model=tiny))
    return found


def _killed(scratch: Path, effort: Effort) -> dict[str, Any]:
    """A scan that is killed (SIGKILL) again and again, then left to end: its rows against the files."""
    count, out, kept = effort.killed, scratch / "out", []
    files = set(archive.mixed(scratch / "archive", count))
    job = {"source": str(scratch / "archive/all"), "out": str(out), "engine": "local", "model": _tiny(scratch),
           "part_rows": PART_ROWS}  # fmt: skip
    for seconds in KILLED_AFTER:
        with _started("scan", job) as child:
            time.sleep(seconds)
            child.kill()
        kept.append(sum(pq.ParquetFile(part).metadata.num_rows for part in out.glob("*.parquet")))
        tell(f"killed after {seconds:.0f} s: {kept[-1]} of {count} pictures are written")
    _worker("scan", **job)
    rows = Counter(path for part in sorted(out.glob("*.parquet")) for path in _column(part, "path"))
    return {
        "pictures": len(files),
        "kept": kept,
        "rows": rows.total(),
        "twice": sum(times > 1 for times in rows.values()),
        "missing": len(files - set(rows)),
        "errors": sum(status == "error" for part in out.glob("*.parquet") for status in _column(part, "status")),
    }


def _engines(scratch: Path, effort: Effort) -> list[dict[str, Any]]:
    """Both engines, with the released model and with the tiny one."""
    return [
        _engine(scratch / "released", "released", None, *effort.released, effort.turns),
        _engine(scratch / "small", "tiny", _tiny(scratch), *effort.tiny, effort.turns),
    ]


def _engine(folder: Path, name: str, model: str | None, count: int, part_rows: int, turns: int) -> dict[str, Any]:
    """The same pictures on both engines, in turn."""
    archive.mixed(folder, count)
    found: dict[str, list[dict[str, Any]]] = {"local": [], "ray": []}
    for turn in range(turns):
        for engine, scans in found.items():
            tell(f"{engine}, {name} model, {count} pictures: turn {turn + 1} of {turns}")
            scans.append(_scan(folder, folder / f"out-{engine}-{turn}", engine, model, part_rows))
    ratio = median(one["seconds"] for one in found["local"]) / median(one["seconds"] for one in found["ray"])
    return {"model": name, "pictures": count, "part_rows": part_rows, "scans": found, "ratio": ratio}


def _scan(
    folder: Path, out: Path, engine: str = "local", model: str | None = None, part_rows: int = PART_ROWS
) -> dict[str, Any]:
    return _worker("scan", source=str(folder / "all"), out=str(out), engine=engine, model=model, part_rows=part_rows)


def _worker(kind: str, **job: Any) -> dict[str, Any]:
    with _started(kind, job) as child:
        try:
            return child.hear()
        except FauxtoError as error:
            raise FauxtoError(f"the measurement '{kind}' failed: {error}") from None


def _started(kind: str, job: Mapping[str, Any]) -> Child:
    return Child("benchmarks.scale.worker", {"kind": kind, **job})


def _tiny(scratch: Path) -> str:
    return str(tiny_model.write(scratch / "tiny"))


def _column(part: Path, name: str) -> list[str]:
    found: list[str] = pq.read_table(part, columns=[name]).column(name).to_pylist()
    return found


SECTIONS: dict[str, Callable[[Path, Effort], Any]] = {
    "sizes": _sizes,
    "growth": _growth,
    "killed": _killed,
    "engines": _engines,
}
