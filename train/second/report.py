"""The report in the model's folder: what the second opinion looks at, told by figures of val alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fauxto.evaluate import plots
from fauxto.evaluate.breakdown import LEAST_GENERATOR, LEAST_WITHIN
from fauxto.evaluate.metrics import recall_at
from fauxto.evaluate.records import Baseline, Figures
from fauxto.files import replacing
from fauxto.model.card import Card
from fauxto.reporting.text import area, percent
from fauxto.second_opinion.fusion import Weights
from train.calibrate import Calibration
from train.report import save
from train.second.choice import Choice, difference
from train.second.figures import NETWORKS, Moved, Row, Sites
from train.second.fusion import Answers
from train.second.head import truth
from train.second.plots import both_networks, movements
from train.second.subjects import FOOD

GROUPS = 15  # that moved farthest


@dataclass(frozen=True)
class Findings:
    """All that the report tells.

    Attributes:
        choice: what the folds over train said.
        weights: of both networks.
        calibration: of the fused logits.
        answers: by condition.
        val: figures of the fused answers by condition; `first` the same of the first network alone.
        conditions: all of val by condition.
        subjects: parts of val, clean; two counts where there are too few pictures.
        sites: sources of both classes, clean.
        train: the head alone on train's owners left out.
        groups: generators and sources, those that moved farthest first.
        baseline: trivial features on val.
        known: val's pictures of owners that are in train too, which are not used.
    """

    choice: Choice
    weights: Weights
    calibration: Calibration
    answers: Mapping[str, Answers]
    val: Mapping[str, Figures]
    first: Mapping[str, Figures]
    conditions: Mapping[str, Row | None]
    subjects: Mapping[str, Row | tuple[int, int]]
    sites: Sites
    train: Mapping[str, Mapping[str, Any]]
    groups: Sequence[Moved]
    baseline: Baseline
    known: int


def write(found: Findings, card: Mapping[str, Any], first: Card, folder: Path) -> None:
    """Write FOLDER/README.md and its plots. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    clean, is_ai = found.answers["clean"], truth(found.answers["clean"].pictures)
    calibration = found.calibration
    curves = zip(NETWORKS, (clean.pixels, clean.scene, clean.unseen), strict=True)
    save(plots.roc({name: (is_ai, scores) for name, scores in curves}), folder / "roc.png")
    fused = np.concatenate([part.fused for part in found.answers.values()])
    all_ai = np.tile(is_ai, len(found.answers))
    save(plots.calibration(all_ai, calibration.probability(fused)), folder / "calibration.png")
    save(plots.confusion(found.val["clean"]["operating_points"]), folder / "confusion_matrix.png")
    save(both_networks(clean, card["second"]["disagreement"]), folder / "both_networks.png")
    save(movements(found.groups), folder / "movements.png")
    with replacing(folder / "README.md") as file:
        file.write("\n".join(_lines(found, card, first)) + "\n")


def _lines(found: Findings, card: Mapping[str, Any], first: Card) -> Iterator[str]:
    yield f"# What the second opinion looks at: {card['name']}-v{card['version']}"
    yield ""
    yield (
        "Written by `python -m train.second`. All figures are of **val**, which chose and calibrated, and so does not "
        "prove; the test split was never looked at. *Pixels* is the first network "
        f"({card['second']['first']}) alone, *scene* the head on CLIP's embedding of the whole picture alone, *fused* "
        "both, with weights that were fitted on other owners' pictures. Intervals are 95 %, by drawing owners."
    )
    yield ""
    yield (
        f"Val's {found.known} pictures of owners that train has too are left out. What is left is of sources that no "
        "network was trained on, and the fusion is calibrated on all of it: its bias is that of left-out sources."
    )
    yield from ("", "## Both networks", "", *_rows(found.conditions))
    yield from ("", "![ROC](roc.png) ![both networks](both_networks.png)", "")
    low, high = card["second"]["disagreement"]
    clean = found.answers["clean"]
    yield (
        f"fused = {found.weights.pixels:.3f} x pixels' log-odds + {found.weights.scene:.3f} x scene's logit; on clean "
        f"pictures their correlation is {np.corrcoef(clean.pixels, clean.scene)[0, 1]:.2f}. Pixels less scene lies "
        f"between {low:.2f} and {high:.2f} on each picture of val; outside of that the word is `unsure`."
    )
    yield from ("", "## Where subjects are alike", "", *_rows(found.subjects), "", *_rules(), "", *_sites(found.sites))
    yield from ("", *_train(found.train), "", "## Trivial features", "", _baseline(found.baseline))
    yield from ("", "## Words", "", *_words(found, first), "", "![what is called what](confusion_matrix.png)")
    yield from ("", "![calibration](calibration.png)", "", "## What moved most", "", *_groups(found.groups))
    yield from ("", "![movements](movements.png)", "", "## The head", "", *_head(found.choice))


def _rows(rows: Mapping[str, Row | tuple[int, int] | None]) -> Iterator[str]:
    yield "| pictures, clean where nothing else is said | ai + real | pixels | scene | fused | fused less pixels |"
    yield "|---|---|---|---|---|---|"
    for name, row in rows.items():
        if row is None or isinstance(row, tuple):
            counts = f"{row[0]} + {row[1]}" if row else ""
            yield f"| {name} | {counts} | too few | | | |"
        else:
            cells = [area(*row["areas"][network]) for network in NETWORKS]
            yield f"| {name} | {row['n_ai']} + {row['n_real']} | {' | '.join(cells)} | {_gain(*row['gain'])} |"


def _gain(value: float, interval: Sequence[float] | None) -> str:
    bounds = f" ({interval[0]:+.3f} to {interval[1]:+.3f})" if interval else ""
    return f"{value:+.3f}{bounds}"


def _rules() -> Iterator[str]:
    yield (
        "Faces are pictures whose style is `face` in index.csv. Plates of food go by names: one of "
        f"{', '.join(FOOD)} in the source's name or the picture's path in its repository. Pairs are of one source, an "
        f"AI picture and a photograph under the same words. Fewer than {LEAST_WITHIN} of a class are too few."
    )


def _sites(sites: Sites) -> Iterator[str]:
    if not sites["sites"]:
        yield f"No source has {LEAST_WITHIN} pictures of both classes."
        return
    yield f"Sources of {LEAST_WITHIN} pictures or more of both classes, each by itself:"
    yield ""
    yield "| source | ai + real | pixels | scene | fused | fused less pixels |"
    yield "|---|---|---|---|---|---|"
    for name, group in sites["sites"].items():
        cells = [area(group[network]) for network in NETWORKS]
        yield f"| {name} | {group['n_ai']} + {group['n_real']} | {' | '.join(cells)} | {_gain(group['gain'], None)} |"
    means = sites["means"]
    cells = [area(means[network]["mean"], means[network]["mean_interval"]) for network in NETWORKS]
    gain = _gain(means["gain"]["mean"], means["gain"]["mean_interval"])
    yield f"| **mean of {means['gain']['groups']}** | | {' | '.join(cells)} | {gain} |"


def _train(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "Train has more of these. The head alone, on owners that the head which judged them did not see:"
    yield ""
    yield "| part of train | n | scene |"
    yield "|---|---|---|"
    for name, part in parts.items():
        if "pairs" in part:
            count = f"{part['pairs']} pairs"
        else:
            count = f"{part['sites']} sites" if "sites" in part else f"{part['n_ai']} + {part['n_real']}"
        yield f"| {name} | {count} | {'too few' if part['auc'] is None else area(part['auc'])} |"


def _baseline(row: Baseline) -> str:
    if "auc" not in row:
        return f"Not measured: {row['reason']}."
    return (
        f"Size, file and a few sums over the pixels alone, on {row['n_ai']} + {row['n_real']} of the same pictures: "
        f"AUC {area(row['auc'], row['auc_interval'])}, by {', '.join(row['leading_features'])}."
    )


def _words(found: Findings, first: Card) -> Iterator[str]:
    """Recall at a given rate of false positives, and what the operating points make of each condition."""
    head = ("condition", "", "AI called ai at 1 % of photographs", "at 5 %")
    point = first.default_operating_point
    named = (f"{point}: photographs called ai", f"{point}: AI called ai", f"{point}: AI called no sign")
    yield f"| {' | '.join((*head, *named))} |"
    yield "|---|---|---|---|---|---|---|"
    for condition, part in found.answers.items():
        is_ai = truth(part.pictures)
        for name, scores, figures in (("pixels", part.pixels, found.first), ("fused", part.unseen, found.val)):
            recalls = [percent(recall_at(is_ai, scores, rate)) for rate in (0.01, 0.05)]
            at: Mapping[str, Any] = figures[condition]["operating_points"][point]
            shares = [percent(at[key], at[f"{key}_interval"]) for key in ("fpr", "recall", "ai_called_no_sign")]
            yield f"| {condition} | {name} | {' | '.join([*recalls, *shares])} |"


def _groups(groups: Sequence[Moved]) -> Iterator[str]:
    yield (
        f"Of {len(groups)} generators and sources of {LEAST_GENERATOR} pictures or more, those whose AUC moved most: "
        "AI pictures against all photographs, photographs against all AI pictures."
    )
    yield ""
    yield "| | n | pixels | fused | |"
    yield "|---|---|---|---|---|"
    for group in groups[:GROUPS]:
        moved = group.fused - group.pixels
        yield f"| {group.kind} {group.name} | {group.n} | {group.pixels:.3f} | {group.fused:.3f} | {moved:+.3f} |"


def _head(choice: Choice) -> Iterator[str]:
    yield (
        "Linear heads are logistic regression on embeddings of unit length; a network has one layer of units. "
        "Sources and generators weigh as in training, both classes the same. The best on train's owners left out is "
        "taken, the network only where it is better by more than its standard error over the folds:"
    )
    yield ""
    yield from heads(choice)


def heads(choice: Choice) -> Iterator[str]:
    """The table of what was chosen between."""
    best = choice.areas[choice.best_linear]
    yield "| head | AUC on owners left out | less the best linear | each fold |"
    yield "|---|---|---|---|"
    for name, areas in choice.areas.items():
        mark = "**" if name == choice.name else ""
        gain, error = difference(areas, best)
        folds = ", ".join(f"{value:.3f}" for value in areas[np.isfinite(areas)])
        yield f"| {mark}{name}{mark} | {np.nanmean(areas):.4f} | {gain:+.4f} ± {error:.4f} | {folds} |"
