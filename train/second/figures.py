"""What the report says in numbers: pixels, scene and both together, on all of val and where subjects are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from fauxto.errors import ImageError
from fauxto.evaluate import baseline, metrics
from fauxto.evaluate.breakdown import LEAST_GENERATOR, LEAST_WITHIN
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.records import Baseline, Interval
from fauxto.progress import tracked
from train.sampling import even_subset
from train.second.choice import Choice
from train.second.corpus import Corpus, Floats, Places, Views
from train.second.fusion import Answers
from train.second.head import truth
from train.second.subjects import is_food, pairs

NETWORKS = ("pixels", "scene", "fused")
BASELINE_PICTURES = 600  # of each class, at most
MOST_MOVED = 10

Truth = npt.NDArray[np.bool_]


class Row(TypedDict):
    """Some pictures: how many, the AUC of each of NETWORKS with its interval over owners, and fused less pixels."""

    n_ai: int
    n_real: int
    areas: dict[str, tuple[float, Interval]]
    gain: tuple[float, Interval]


class Sites(TypedDict):
    """Sources of both classes, each by itself: name -> AUC of each of NETWORKS; and the means, with `gain`'s."""

    sites: dict[str, dict[str, Any]]
    means: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Moved:
    """A group's AUC before and after.

    Attributes:
        kind: "generator", "AI source" (both against all photographs) or "photographs of" (against all AI pictures).
        name: of it.
        n: its pictures.
        pixels, fused: AUC of the first network alone, and of both.
    """

    kind: str
    name: str
    n: int
    pixels: float
    fused: float


def row(answers: Answers, owners: Sequence[str], chosen: Truth) -> Row | None:
    """The `chosen` pictures, (N,) bool; None where one class has fewer than LEAST_WITHIN of them."""
    is_ai = truth(answers.pictures)[chosen]
    if min(is_ai.sum(), (~is_ai).sum()) < LEAST_WITHIN:
        return None
    names = [owner for owner, own in zip(owners, chosen, strict=True) if own]
    scores = np.column_stack([answers.pixels, answers.scene, answers.unseen])[chosen]

    def gain(is_ai: Truth, scores: Floats) -> float:
        return metrics.auc(is_ai, scores[:, 2]) - metrics.auc(is_ai, scores[:, 0])

    return {
        "n_ai": int(is_ai.sum()),
        "n_real": int((~is_ai).sum()),
        "areas": {
            name: (metrics.auc(is_ai, score), metrics.clustered_interval(metrics.auc, is_ai, score, names))
            for name, score in zip(NETWORKS, scores.T, strict=True)
        },
        "gain": (gain(is_ai, scores), metrics.clustered_interval(gain, is_ai, scores, names)),
    }


def within_sites(answers: Answers) -> Sites:
    """Sources that have LEAST_WITHIN pictures of both classes: the site and its taste are the same for both there."""
    is_ai, sources = truth(answers.pictures), [image.source for image in answers.pictures]
    found: dict[str, dict[str, Any]] = {}
    for network, scores in zip(NETWORKS, (answers.pixels, answers.scene, answers.unseen), strict=True):
        for site, group in metrics.by_source_of_both(is_ai, scores, sources).items():
            if group["n"] >= LEAST_WITHIN:
                counts = {"n": group["n"], "n_ai": group["n_ai"], "n_real": group["n_real"]}
                found.setdefault(site, counts)[network] = group["auc"]
    for each in found.values():
        each["gain"] = each["fused"] - each["pixels"]
    return {
        "sites": found,
        "means": {name: metrics.extremes(found, name, LEAST_WITHIN) for name in (*NETWORKS, "gain")} if found else {},
    }


def subject_rows(answers: Answers, owners: Sequence[str], corpus: Corpus) -> dict[str, Row | tuple[int, int]]:
    """Subjects apart; (n of AI pictures, n of photographs) where there are too few to judge."""
    pictures = answers.pictures
    is_ai = truth(pictures)
    faces = np.array([image.style == "face" for image in pictures], bool)
    paired = np.zeros(len(pictures), bool)
    paired[[place for pair in pairs(pictures, corpus) for place in pair]] = True
    parts = {
        "faces": faces,
        "AI faces against all photographs": faces | ~is_ai,
        "plates of food": np.array([is_food(image, corpus) for image in pictures], bool),
        "pairs of one subject": paired,
    }
    return {
        name: row(answers, owners, part) or (int((part & is_ai).sum()), int((part & ~is_ai).sum()))
        for name, part in parts.items()
    }


def left_out_of_training(views: Views, choice: Choice, corpus: Corpus) -> dict[str, dict[str, Any]]:
    """The head alone on train's pictures, each judged by a head that did not see its owner: n and AUC by subject.

    Val has few faces and pairs, train has many; the first network learnt from train, so that it has no honest figure
    there.
    """
    is_ai, pictures = truth(views.pictures), views.pictures
    everything = np.ones(len(is_ai), bool)
    faces = np.array([image.style == "face" for image in pictures], bool)
    food = np.array([is_food(image, corpus) for image in pictures], bool)
    found: dict[str, dict[str, Any]] = {}
    for name, part in {"all": everything, "faces": faces, "plates of food": food}.items():
        counts = {"n_ai": int((part & is_ai).sum()), "n_real": int((part & ~is_ai).sum())}
        enough = min(counts.values()) >= LEAST_WITHIN
        found[name] = {**counts, "auc": metrics.auc(is_ai[part], choice.logits[part]) if enough else None}
    sites = metrics.by_source_of_both(is_ai, choice.logits, [image.source for image in pictures])
    means = metrics.extremes(sites, "auc", LEAST_WITHIN)
    found["within sites of both classes"] = {"sites": means["groups"], "auc": means.get("mean")}
    both = pairs(pictures, corpus)
    won = [float(choice.logits[ai] > choice.logits[real]) for ai, real in both]
    found["pairs of one subject"] = {"pairs": len(both), "auc": float(np.mean(won)) if won else None}
    return found


def moved_groups(answers: Answers) -> list[Moved]:
    """Generators and sources of LEAST_GENERATOR pictures or more, those that moved farthest first.

    A source that has all pictures of a generator, and no others, is told of once.
    """
    is_ai, pictures = truth(answers.pictures), answers.pictures
    kinds: tuple[tuple[str, Truth, list[str]], ...] = (
        ("generator", is_ai, [image.generator for image in pictures]),
        ("AI source", is_ai, [image.source for image in pictures]),
        ("photographs of", ~is_ai, [image.source for image in pictures]),
    )
    found: dict[bytes, Moved] = {}
    for kind, own, names in kinds:
        every = np.array(names, dtype=object)
        for name in sorted(set(every[own]) - {""}):
            members = own & (every == name)
            if (count := int(members.sum())) >= LEAST_GENERATOR:
                part = members | ~own
                areas = [metrics.auc(is_ai[part], scores[part]) for scores in (answers.pixels, answers.unseen)]
                found.setdefault(members.tobytes(), Moved(kind, name, count, *areas))
    return sorted(found.values(), key=lambda group: -abs(group.fused - group.pixels))


def moved_towards_ai(answers: Answers) -> Places:
    """The photographs that the second opinion moved most towards "ai", the farthest first: places in the pictures."""
    shift = np.where(truth(answers.pictures), -np.inf, answers.unseen - answers.pixels)
    return np.argsort(-shift)[: min(MOST_MOVED, int(np.isfinite(shift).sum()))]


def trivial(pictures: Sequence[LabelledImage], owners: Mapping[LabelledImage, str]) -> Baseline:
    """What trivial features of the files tell of the same pictures, or of some of them, on owners left out."""

    def measured(image: LabelledImage) -> npt.NDArray[np.float64] | None:
        try:
            return baseline.features(image.path)
        except (ImageError, OSError):  # it went away since it was embedded; the others say the same
            return None

    chosen = even_subset(pictures, BASELINE_PICTURES, seed=0)
    with ThreadPoolExecutor(4) as executor:
        table = list(tracked(executor.map(measured, chosen), "trivial features ", "pictures"))
    known = [(image, found) for image, found in zip(chosen, table, strict=True) if found is not None]
    images = [image for image, _ in known]
    return baseline.baseline(
        np.array([found for _, found in known]), truth(images), [owners[image] for image in images]
    )
