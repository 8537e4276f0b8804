"""An evaluation for people: text for a terminal, tables in Markdown, and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fauxto.evaluate import movement, plots, words
from fauxto.evaluate.breakdown import LEAST_GENERATOR, LEAST_SOURCE, LEAST_WITHIN
from fauxto.evaluate.records import Baseline, ConditionFigures, GridRow, PointFigures, Report, SavedOnce, Separation
from fauxto.evaluate.run import Evaluation
from fauxto.reporting import html
from fauxto.reporting.text import area, measured, percent

CELL_FIGURES = {"changed": "Verdicts that change from the picture as it is", "moved": "Mean |change of p|"}
GROUPS_SHOWN = 12  # in the text; JSON and HTML have all


def as_text(report: Report) -> str:
    """The figures, with the groups that matter most.

    The text of a report that is on its way is the beginning of the finished one's, so that what is new can be printed
    as soon as it is known.
    """
    lines = [
        f"model {report['model']} ({report['model_sha256'][:12]}) on {report['folder']}, provider {report['provider']}",
        f"intervals are 95 %; verdicts at the operating point {report['operating_point']}",
    ]
    if report["left_out"]:
        lines.append(f"{report['left_out']} pictures left out, as they cannot be read")
    for name in report["conditions"]:
        lines += ["", *_condition(name, report)]
    if "baseline" in report:
        lines += ["", _baseline(report["baseline"]), *_groups(report["conditions"]["clean"])]
    if "grid" in report:
        lines += ["", "grid (AUC, real called ai, AI called no sign, AI called ai, flip rate, too small to judge):"]
        lines += [_grid_row(name, row) for name, row in report["grid"].items()]
        lines += movement.as_lines(report["movement"]) if report["movement"] else []
        lines.append(_saved_once(report["saved_once"]))
    return "\n".join(lines)


def _condition(name: str, report: Report) -> Iterator[str]:
    part, width = report["conditions"][name], max(map(len, report["conditions"]["clean"]["operating_points"]))
    yield f"{name}: {part['n_ai']} ai, {part['n_real']} real"
    yield (
        f"  AUC {area(part['auc'], part['auc_interval'])}   average precision {part['average_precision']:.3f}   "
        f"ECE {part['ece']:.3f}   Brier {part['brier']:.3f}"
    )
    for point, row in part["operating_points"].items():
        yield (
            f"  {point:<{width}}  real called ai {percent(row['fpr'], row['fpr_interval'])}   "
            f"AI called no sign {percent(row['ai_called_no_sign'], row['ai_called_no_sign_interval'])}   "
            f"AI called ai {percent(row['recall'], row['recall_interval'])}   coverage {percent(row['coverage'])}   "
            f"balanced accuracy {percent(row['balanced_accuracy'])}"
        )
    yield f"  what a word is worth at {report['operating_point']}, for one AI picture among so many photographs:"
    yield from (f"  {line}" for line in words.as_lines(part["operating_points"][report["operating_point"]]["words"]))
    if told := measured(report["card_test"].get(name)):
        yield f"  the card's test at {report['operating_point']}: {told}"
    if name in report["flips"]:
        flip = report["flips"][name]
        yield f"  verdicts that change from clean: {percent(flip['changed'], flip['interval'])}"
    yield from _extremes(part)


def _extremes(part: ConditionFigures) -> Iterator[str]:
    """What is worst among the groups."""
    unseen, sources, within = part["unseen_generators"], part["worst_sources"], part["within_sources"]
    if unseen["groups"]:
        low = unseen["smallest"]
        yield (
            f"  {unseen['groups']} generators that training did not name, of {LEAST_GENERATOR} pictures or more: "
            f"mean AUC {area(unseen['mean'], unseen['mean_interval'])}, worst {low['auc']:.3f} "
            f"({low['name']}, n {low['n']})"
        )
    if within["groups"]:
        low = within["smallest"]
        yield (
            f"  {within['groups']} sources of {LEAST_WITHIN} pictures or more of both classes, each by itself: "
            f"mean AUC {area(within['mean'], within['mean_interval'])}, worst {low['auc']:.3f} "
            f"({low['name']}, n {low['n_ai']} + {low['n_real']})"
        )
    if sources["groups"]:
        high = sources["largest"]
        yield (
            f"  worst of {sources['groups']} real sources of {LEAST_SOURCE} or more: "
            f"{percent(high['called_ai'], high['interval'])} called ai ({high['name']}, n {high['n']})"
        )


def _baseline(row: Baseline) -> str:
    if "auc" not in row:
        return f"shortcut baseline: not measured, {row['reason']}"
    return (
        f"shortcut baseline, trivial features alone: AUC {area(row['auc'], row['auc_interval'])}, "
        f"by {', '.join(row['leading_features'])}"
    )


def _groups(clean: ConditionFigures) -> Iterator[str]:
    """The largest generators and sources of photographs."""
    yield from ("", "generators, clean, the largest:")
    for name, row in list(clean["generators"].items())[:GROUPS_SHOWN]:
        called = percent(row["called_ai"], row["interval"])
        yield f"  n {row['n']:<5} called ai {called:<20}  AUC {row['auc']:.3f}  {name}"
    yield from ("", "sources of photographs, clean, the largest:")
    for name, source in list(clean["real_sources"].items())[:GROUPS_SHOWN]:
        yield f"  n {source['n']:<5} called ai {percent(source['called_ai'], source['interval']):<20}  {name}"


def _grid_row(name: str, row: GridRow) -> str:
    return (
        f"  {name:<18} {row['auc']:.3f}  {percent(row['fpr'], row['fpr_interval']):<18}"
        f"{percent(row['ai_called_no_sign']):>7}  {percent(row['recall']):>7}  {percent(row['flips']['changed']):>7}  "
        f"{percent(row['too_small']):>7}"
    )


def _saved_once(once: SavedOnce) -> str:
    return (
        f"AI pictures as decoded {once['auc_as_decoded']:.3f}, saved once as JPEG 96 {once['auc_saved_once']:.3f}: "
        f"a gap of {once['gap']:+.3f} AUC; real called ai {percent(once['fpr_as_decoded'])}, saved once "
        f"{percent(once['fpr_saved_once'])}"
    )


def as_html(evaluation: Evaluation, thumbnails: bool) -> str:
    """One page that needs nothing else: figures, plots, and with `thumbnails` the worst mistakes."""
    report, point, clean = evaluation.report, evaluation.operating_point, evaluation.scored["clean"]
    part = report["conditions"]["clean"]
    drawn = {
        "roc": plots.roc({name: (scored.is_ai, scored.p_ai) for name, scored in evaluation.scored.items()}),
        "histogram": plots.histogram(clean.is_ai, clean.p_ai, point),
        "calibration": plots.calibration(clean.is_ai, clean.p_ai),
        "confusion": plots.confusion(part["operating_points"]),
    }
    if any(group["n"] >= LEAST_GENERATOR for group in part["generators"].values()):
        drawn["generators"] = plots.generators(part["generators"], LEAST_GENERATOR)
    if part["worst_sources"]["groups"]:
        drawn["sources"] = plots.sources(part["real_sources"], LEAST_SOURCE)
    if "grid" in report:
        drawn["grid"] = plots.grid(report["grid"])
        if found := report["movement"]:
            drawn["movement"] = plots.movement(
                {title: movement.table(found["cells"], key) for key, title in CELL_FIGURES.items()}
            )
    return html.render(
        "evaluation",
        {"percent": percent, "area": area, "measured": measured, "moves": movement.moves},
        words=[words.head(), *words.table_rows(part["operating_points"][point.name]["words"])],
        report=report,
        point=point,
        plots={name: html.svg(figure) for name, figure in drawn.items()},
        thumbnails={row["path"]: html.thumbnail(row["path"]) for row in report["worst"]} if thumbnails else {},
        least_generator=LEAST_GENERATOR,
        least_source=LEAST_SOURCE,
        least_within=LEAST_WITHIN,
    )


def as_markdown(report: Report) -> str:
    """The figures as tables, for a model card."""
    name = report["operating_point"]
    rows = [_markdown_row(condition, report) for condition in report["conditions"]]
    head = (
        f"condition | n, ai + real | AUC | real called ai at `{name}` | AI called no sign | AI called ai | coverage | "
        "right, of the covered | balanced accuracy at `balanced` | ECE | flip rate from clean"
    )
    clean = report["conditions"]["clean"]["operating_points"][name]
    parts = [_table(head, rows), _table(" | ".join(words.head()), words.table_rows(clean["words"]))]
    quoted = {condition: measured(point) for condition, point in report["card_test"].items()}
    parts += [f"The card's test, {condition}, at `{name}`: {told}." for condition, told in quoted.items() if told]
    if "baseline" in report:
        parts += [_baseline(report["baseline"]) + ".", *_group_tables(report["conditions"]["clean"])]
    if "grid" in report:
        head = "corruption | AUC | real called ai | AI called no sign | AI called ai | flip rate | too small to judge"
        parts.append(_table(head, [_markdown_grid_row(name, row) for name, row in report["grid"].items()]))
        if found := report["movement"]:
            parts.append(f"{movement.title(found)} {movement.moves(found['all'])}.")
            names, *rows = movement.table_rows(found)
            parts.append(_table(" | ".join(names), rows))
        parts.append(_saved_once(report["saved_once"]) + ".")
    return "\n\n".join(parts)


def _markdown_row(condition: str, report: Report) -> list[str]:
    part, flip = report["conditions"][condition], report["flips"].get(condition)
    row: PointFigures = part["operating_points"][report["operating_point"]]
    right, balanced = row["selective_accuracy"], part["operating_points"].get("balanced")
    return [
        condition,
        _counts(part),
        area(part["auc"], part["auc_interval"]),
        percent(row["fpr"], row["fpr_interval"]),
        percent(row["ai_called_no_sign"], row["ai_called_no_sign_interval"]),
        percent(row["recall"], row["recall_interval"]),
        percent(row["coverage"]),
        percent(right) if right is not None else "",
        percent(balanced["balanced_accuracy"]) if balanced else "",
        f"{part['ece']:.3f}",
        percent(flip["changed"], flip["interval"]) if flip else "",
    ]


def _markdown_grid_row(name: str, row: GridRow) -> list[str]:
    return [
        name,
        area(row["auc"], row["auc_interval"]),
        percent(row["fpr"], row["fpr_interval"]),
        percent(row["ai_called_no_sign"], row["ai_called_no_sign_interval"]),
        percent(row["recall"], row["recall_interval"]),
        percent(row["flips"]["changed"]),
        percent(row["too_small"]),
    ]


def _group_tables(clean: ConditionFigures) -> list[str]:
    """By generator, by source of photographs, within sources of both, by size; those that have a row."""
    known = {None: "", True: "yes", False: "no"}
    generators = [
        [
            name,
            str(group["n"]),
            area(group["auc"], group["auc_interval"]),
            percent(group["called_ai"], group["interval"]),
            known[group["seen"]],
        ]
        for name, group in clean["generators"].items()
        if group["n"] >= LEAST_GENERATOR
    ]
    sources = [
        [name, str(row["n"]), percent(row["called_ai"], row["interval"])]
        for name, row in clean["real_sources"].items()
        if row["n"] >= LEAST_SOURCE
    ]
    within = [
        [name, _counts(row), area(row["auc"], row["auc_interval"])]
        for name, row in clean["sources_of_both"].items()
        if row["n"] >= LEAST_WITHIN
    ]
    bands = [
        [
            name,
            _counts(band),
            area(band["auc"], band["auc_interval"]),
            percent(band["real_above_half"], band["interval"]),
        ]
        for name, band in clean["size_bands"].items()
    ]
    tables = {
        "generator | n | AUC | called ai | in training": generators,
        "source of photographs | n | called ai": sources,
        "source of both classes, by itself | n, ai + real | AUC": within,
        "short side | n, ai + real | AUC | real with p of 0.5 or more": bands,
    }
    return [_table(head, rows) for head, rows in tables.items() if rows]


def _counts(row: Separation | Mapping[str, Any]) -> str:
    return f"{row['n_ai']} + {row['n_real']}"


def _table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """`head` names the columns, divided by " | "."""
    lines = [f"| {head} |", "|---" * (head.count(" | ") + 1) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
