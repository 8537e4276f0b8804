"""A calibration for people: text for a terminal, and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from fauxto.evaluate import plots
from fauxto.evaluate.calibrate import Calibration, Counts, PointFigures, Report
from fauxto.evaluate.duplicates import BURST_SECONDS, NEAR
from fauxto.reporting import html
from fauxto.reporting.text import area, columns, percent

OWN = "your own"


def as_text(report: Report) -> str:
    """The thresholds beside each other, what is promised, and what is not."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"model {report['model']} ({report['variant']}, {report['model_sha256'][:12]}) on {report['folder']}, "
        f"provider {report['provider']}"
    )
    yield f"photographs: {counted(report['photographs'])}"
    if report["ai_pictures"]:
        yield f"AI pictures: {counted(report['ai_pictures'])}"
    yield ""
    yield from columns([HEAD, *(row for row in rows(report))])
    if report["auc"] is not None:
        yield f"AUC {area(report['auc'], report['auc_interval'])}"
    yield ""
    yield promise(report)
    yield from limits(report)


HEAD = ("operating point", "ai from p", "photographs called ai", "AI called ai", "AI called no sign")


def rows(report: Report) -> list[list[str]]:
    """The cells of HEAD for the own threshold and the released one. Intervals are exact (Clopper-Pearson), 95 %."""
    points = {OWN: report["own"], f"{report['released_name']}, the model's": report["released"]}
    return [[name, *_cells(point, report["photographs"]["counted"])] for name, point in points.items()]


def _cells(point: PointFigures, n: int) -> list[str]:
    return [
        f"{point['threshold']:.4f}",
        f"{point['called_ai']} of {n}: {percent(point['fpr'], point['fpr_interval'])}",
        _share(point["recall"], point["recall_interval"]),
        _share(point["ai_called_no_sign"], point["ai_called_no_sign_interval"]),
    ]


def _share(value: float | None, interval: Sequence[float] | None) -> str:
    return "no AI pictures" if value is None else percent(value, interval)


def counted(part: Counts) -> str:
    """What became of the files, in words."""
    left_out = [f"{part[key]} {words}" for key, words in REASONS.items() if part[key]]  # type: ignore[literal-required]
    return ", ".join([f"{part['files']} files", *left_out, f"{part['counted']} shots counted"])


REASONS = {"unreadable": "cannot be read", "too_small": "too small to judge"}


def promise(report: Report) -> str:
    """What the own threshold holds for."""
    return (
        f"With {100 * report['confidence']:.0f} % confidence, at most {100 * report['fpr_upper']:.2f} % of photographs "
        f"like these are called ai at your own threshold; {100 * report['asked_fpr']:g} % was asked for."
    )


def limits(report: Report) -> list[str]:
    """What it does not say, a sentence each."""
    return [
        "Like these: of the same cameras, people and editing. Of other photographs it says nothing.",
        f"Each shot counts once: a camera's photographs within {BURST_SECONDS} seconds, and pictures whose crops "
        f"differ in at most {100 * NEAR:.0f} % of a difference hash, are one shot.",
        f"No sign is still said below p {report['own']['no_sign_below']:.3f}, the model's own bound; and the test "
        "figures of the model's card are not those of this threshold.",
    ]


def figure(found: Calibration) -> Figure:
    """The scores of the archive with both thresholds."""
    report = found.report
    bars = {OWN: report["own"]["threshold"], report["released_name"]: report["released"]["threshold"]}
    return plots.archive(found.photographs, found.ai, bars, report["asked_fpr"])


def as_html(found: Calibration) -> str:
    """One page that needs nothing else."""
    report = found.report
    return html.render(
        "calibration",
        {"counted": counted},
        report=report,
        head=HEAD,
        rows=rows(report),
        promise=promise(report),
        limits=limits(report),
        plot=html.svg(figure(found)),
    )
