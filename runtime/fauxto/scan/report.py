"""What a scan found: counts, quantiles, errors and speed, read from its parts one by one."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from fauxto.errors import FauxtoError
from fauxto.prediction import VERDICTS
from fauxto.reporting.text import measured
from fauxto.scan.folder import Folder

WORDS = (*VERDICTS, "error")
"""What a row is counted as."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 1000  # of p, which makes a quantile right to a thousandth, however many pictures there are
FINDS = 24  # of the most certain
SETTINGS = ("schema", "model", "model_sha256", "operating_point", "prior", "test", "sample", "seed")  # of the scan
COLUMNS = ["path", "verdict", "p_ai", "format", "error", "declared"]


def summarise(path: Path) -> dict[str, Any]:
    """The figures of the scan in the folder `path`, as far as it has come. Holds one part at a time.

    Raises:
        FauxtoError: there is no scan or one of another schema, or a part is damaged.
    """
    folder = Folder(path)
    settings, parts = folder.settings, folder.parts()
    if settings is None:
        advice = "fauxto report needs a folder" if path.is_file() else f"fauxto scan SRC --out {path} makes one"
        raise FauxtoError(f"{path}: no scan there; {advice}")
    counts: Counter[str] = Counter()
    by_source: dict[str, Counter[str]] = {}
    by_format: dict[str, Counter[str]] = {}
    declared: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    histogram, spans = np.zeros(BINS, np.int64), []
    finds: list[tuple[float, str, int]] = []
    for part in parts:
        rows, span = _read(path / part.name)
        spans.append(span)
        scores = np.array([row["p_ai"] for row in rows if row["p_ai"] is not None])
        histogram += np.histogram(scores, BINS, (0, 1))[0]
        for row in rows:
            word = row["verdict"] or "error"
            counts[word] += 1
            by_source.setdefault(source_of(row["path"]), Counter())[word] += 1
            by_format.setdefault(row["format"] or "none", Counter())[word] += 1
            declared[row["declared"] or "not read"] += 1
            if row["error"]:
                errors[kind_of(row["error"])] += 1
        places = enumerate(rows, part.start)
        found = [(row["p_ai"], row["path"], place) for place, row in places if row["verdict"] == "ai"]
        finds = heapq.nlargest(FINDS, [*finds, *found])
    seconds = busy_seconds(spans)
    return {
        "folder": str(path),
        **{name: settings[name] for name in SETTINGS},
        "asked": settings["sources"],
        "listed": folder.count(),
        "done": counts.total(),
        "verdicts": {word: counts[word] for word in WORDS},
        "sources": _ordered(by_source),
        "formats": _ordered(by_format),
        "declared": dict(declared.most_common()),
        "quantiles": {str(share): value for share, value in quantiles(histogram).items()},
        "histogram": histogram.reshape(50, -1).sum(axis=1).tolist(),
        "errors": dict(errors.most_common()),
        "seconds": seconds,
        "pictures_per_second": counts.total() / seconds if seconds else None,
        "finds": [{"p_ai": p_ai, "path": name, "place": place} for p_ai, name, place in finds],
    }


def _read(path: Path) -> tuple[list[dict[str, Any]], tuple[datetime, datetime]]:
    """A part's rows, and when it was worked on."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            facts = file.schema_arrow.metadata
            start, stop = (datetime.fromisoformat(facts[name].decode()) for name in (b"started", b"finished"))
            return file.read(COLUMNS).to_pylist(), (start, stop)
    except Exception:  # a damaged footer fails in all kinds of ways
        raise FauxtoError(f"{path}: damaged; run the scan again, it is then made anew") from None


def source_of(path: str) -> str:
    """The folder that a picture lies in; for a member of a tar, the tar."""
    if path.startswith("tar://") and "::" in path:
        return path.partition("::")[2]
    return re.split(r"[/\\][^/\\]*$", path)[0] if re.search(r"[/\\]", path) else "."


def kind_of(error: str) -> str:
    """An error without what is special to one picture."""
    return re.sub(r" \(.*\)$", "", error)


def quantiles(histogram: np.ndarray[Any, np.dtype[np.int64]]) -> dict[float, float]:
    """Of the values that were counted in equal bins over 0..1; the bins' upper edges."""
    total = histogram.sum()
    if not total:
        return {}
    places = np.searchsorted(np.cumsum(histogram), np.array(QUANTILES) * total)
    return {share: (int(place) + 1) / len(histogram) for share, place in zip(QUANTILES, places, strict=True)}


def busy_seconds(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """How long anything was worked on: the length of the union of the spans."""
    total, end = timedelta(0), None
    for start, stop in sorted(spans):
        begin = start if end is None else max(start, end)
        total += max(timedelta(0), stop - begin)
        end = stop if end is None else max(stop, end)
    return total.total_seconds()


def _ordered(groups: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """The largest first, every verdict in each."""
    largest = sorted(groups.items(), key=lambda group: (-group[1].total(), group[0]))
    return {name: {word: counts[word] for word in WORDS} for name, counts in largest}


def as_text(report: dict[str, Any], most: int = 12) -> str:
    """The figures for a terminal, with the `most` largest groups."""
    done, listed = report["done"], report["listed"]
    rate = report["pictures_per_second"]
    lines = [
        f"{report['folder']}: {done} of {listed} pictures, model {report['model']} "
        f"({report['model_sha256'][:12]}), operating point {report['operating_point']}",
        *([f"the card's test at {report['operating_point']}: {told}"] if (told := measured(report["test"])) else []),
        *([f"{rate:.1f} pictures a second over {report['seconds']:.0f} s"] if rate else []),
        "",
        *(f"  {word:<8}{count:>9}  {count / max(1, done):6.1%}" for word, count in report["verdicts"].items()),
        "",
        "p_ai at quantiles: " + ", ".join(f"{float(q):.0%} {p:.3f}" for q, p in report["quantiles"].items()),
    ]
    for title in ("sources", "formats"):
        lines += ["", f"{title} ({', '.join(WORDS)}):"]
        lines += [_group(name, row) for name, row in list(report[title].items())[:most]]
        if len(report[title]) > most:
            lines.append(f"  and {len(report[title]) - most} more; --format json has all")
    lines += ["", "declared by the files: " + ", ".join(f"{n} {word}" for word, n in report["declared"].items())]
    if report["errors"]:
        lines += ["", "errors:", *(f"  {count:>7}  {kind}" for kind, count in report["errors"].items())]
    return "\n".join(lines)


def _group(name: str, row: dict[str, int]) -> str:
    return "  " + "".join(f"{row[word]:>8}" for word in WORDS) + f"  {name}"
