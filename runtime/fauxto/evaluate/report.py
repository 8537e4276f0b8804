"""An evaluation for people: text for a terminal, and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fauxto.evaluate import plots
from fauxto.evaluate.run import LEAST_GENERATOR, LEAST_SOURCE, LEAST_WITHIN, Evaluation
from fauxto.reporting import html

GROUPS_SHOWN = 12  # in the text; JSON and HTML have all


def percent(share: float, interval: Sequence[float] | None = None) -> str:
    """0.0123, (0.008, 0.02) -> "1.2 % (0.8-2.0)"."""
    bounds = f" ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})" if interval else ""
    return f"{100 * share:.1f} %{bounds}"


def area(value: float, interval: Sequence[float] | None = None) -> str:
    """0.8512, (0.84, 0.86) -> ".851 (.840-.860)"."""
    bounds = f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else ""
    return f"{value:.3f}{bounds}"


def as_text(report: dict[str, Any]) -> str:
    """The figures, with the groups that matter most."""
    lines = [
        f"model {report['model']} ({report['model_sha256'][:12]}) on {report['folder']}, provider {report['provider']}",
        f"intervals are 95 %; verdicts at the operating point {report['operating_point']}",
    ]
    for name, part in report["conditions"].items():
        lines += ["", *_condition(name, part)]
        if name in report["flips"]:
            flip = report["flips"][name]
            lines.append(f"  another word than clean: {percent(flip['changed'], flip['interval'])}")
    lines += ["", _baseline(report["baseline"])]
    for key in ("generators", "real_sources"):
        lines += ["", f"{key.replace('_', ' ')}, clean, the largest:"]
        for group, row in list(report["conditions"]["clean"][key].items())[:GROUPS_SHOWN]:
            auc = f"  AUC {row['auc']:.3f}" if "auc" in row else ""
            called = percent(row["called_ai"], row["interval"])
            lines.append(f"  n {row['n']:<5} called ai {called:<20}{auc}  {group}")
    if "grid" in report:
        lines += ["", "grid (AUC, real called ai, ai called ai, another word than clean, too small for one):"]
        lines += [
            f"  {name:<18} {row['auc']:.3f}  {percent(row['fpr'], row['fpr_interval']):<18}"
            f"{percent(row['recall']):>7}  {percent(row['flips']['changed']):>7}  {percent(row['too_small']):>7}"
            for name, row in report["grid"].items()
        ]
        once = report["saved_once"]
        lines.append(
            f"AI pictures as decoded {once['auc_as_decoded']:.3f}, saved once as JPEG 96 "
            f"{once['auc_saved_once']:.3f}: a gap of {once['gap']:+.3f} AUC; photographs called ai "
            f"{percent(once['fpr_as_decoded'])}, saved once {percent(once['fpr_saved_once'])}"
        )
    return "\n".join(lines)


def _condition(name: str, part: dict[str, Any]) -> list[str]:
    lines = [
        f"{name}: {part['n_ai']} ai, {part['n_real']} real",
        f"  AUC {area(part['auc'], part['auc_interval'])}   average precision {part['average_precision']:.3f}   "
        f"ECE {part['ece']:.3f}   Brier {part['brier']:.3f}",
    ]
    for point, row in part["operating_points"].items():
        lines.append(
            f"  {point:<9} balanced accuracy {percent(row['balanced_accuracy'])}   "
            f"real called ai {percent(row['fpr'], row['fpr_interval'])}   "
            f"ai called ai {percent(row['recall'], row['recall_interval'])}   decided {percent(row['decided'])}"
        )
    unseen, sources, within = part["unseen_generators"], part["worst_sources"], part["within_sources"]
    if unseen["groups"]:
        low = unseen["smallest"]
        lines.append(
            f"  {unseen['groups']} generators that training did not name, of {LEAST_GENERATOR} pictures or more: "
            f"mean AUC {area(unseen['mean'], unseen['mean_interval'])}, worst {low['auc']:.3f} "
            f"({low['name']}, n {low['n']})"
        )
    if within["groups"]:
        low = within["smallest"]
        lines.append(
            f"  {within['groups']} sources of {LEAST_WITHIN} pictures or more of both classes, each by itself: "
            f"mean AUC {area(within['mean'], within['mean_interval'])}, worst {low['auc']:.3f} "
            f"({low['name']}, n {low['n_ai']} + {low['n_real']})"
        )
    if sources["groups"]:
        high = sources["largest"]
        lines.append(
            f"  worst of {sources['groups']} real sources of {LEAST_SOURCE} or more: "
            f"{percent(high['called_ai'], high['interval'])} called ai ({high['name']}, n {high['n']})"
        )
    return lines


def _baseline(row: dict[str, Any]) -> str:
    if "auc" not in row:
        return f"trivial features: not measured, {row['reason']}"
    return (
        f"trivial features alone: AUC {area(row['auc'], row['auc_interval'])}, by {', '.join(row['leading_features'])}"
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
    return html.render(
        "evaluation",
        {"percent": percent, "area": area},
        report=report,
        point=point,
        plots={name: html.svg(figure) for name, figure in drawn.items()},
        thumbnails={row["path"]: html.thumbnail(row["path"]) for row in report["worst"]} if thumbnails else {},
        least_generator=LEAST_GENERATOR,
        least_source=LEAST_SOURCE,
        least_within=LEAST_WITHIN,
    )


def as_markdown(report: dict[str, Any]) -> str:
    """The figures as tables, for a model card."""
    name = report["operating_point"]
    rows = []
    for condition, part in report["conditions"].items():
        row, flip = part["operating_points"][name], report["flips"].get(condition)
        right = row["accuracy_of_decided"]
        rows.append(
            [
                condition,
                _counts(part),
                area(part["auc"], part["auc_interval"]),
                percent(part["operating_points"]["balanced"]["balanced_accuracy"]),
                percent(row["fpr"], row["fpr_interval"]),
                percent(row["recall"], row["recall_interval"]),
                percent(row["decided"]),
                percent(right) if right is not None else "",
                f"{part['ece']:.3f}",
                percent(flip["changed"], flip["interval"]) if flip else "",
            ]
        )
    head = f"condition | n, ai + real | AUC | balanced accuracy | real called ai at `{name}` | ai called ai | decided"
    head += " | right, of the decided | ECE | another word than clean"
    parts = [_table(head, rows), _baseline(report["baseline"]) + ".", *_group_tables(report["conditions"]["clean"])]
    if "grid" in report:
        rows = [
            [
                change,
                area(row["auc"], row["auc_interval"]),
                percent(row["fpr"], row["fpr_interval"]),
                percent(row["recall"], row["recall_interval"]),
                percent(row["flips"]["changed"]),
                percent(row["too_small"]),
            ]
            for change, row in report["grid"].items()
        ]
        parts.append(_table("change | AUC | real called ai | ai called ai | another word | too small for one", rows))
    return "\n\n".join(parts)


def _group_tables(clean: dict[str, Any]) -> list[str]:
    """By generator, by source of photographs, within sources of both, by size; those that have a row."""
    known = {None: "", True: "yes", False: "no"}
    generators = [
        [
            name,
            str(row["n"]),
            area(row["auc"], row["auc_interval"]),
            percent(row["called_ai"], row["interval"]),
            known[row["seen"]],
        ]
        for name, row in clean["generators"].items()
        if row["n"] >= LEAST_GENERATOR
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
        [name, _counts(row), area(row["auc"], row["auc_interval"]), percent(row["real_above_half"], row["interval"])]
        for name, row in clean["size_bands"].items()
    ]
    tables = {
        "generator | n | AUC | called ai | in training": generators,
        "source of photographs | n | called ai": sources,
        "source of both classes, by itself | n, ai + real | AUC": within,
        "short side | n, ai + real | AUC | real with p of 0.5 or more": bands,
    }
    return [_table(head, rows) for head, rows in tables.items() if rows]


def _counts(row: dict[str, Any]) -> str:
    return f"{row['n_ai']} + {row['n_real']}"


def _table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """`head` names the columns, divided by " | "."""
    lines = [f"| {head} |", "|---" * (head.count(" | ") + 1) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
