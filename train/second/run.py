"""The whole of it: choose a head on train, fuse it with the first network on val, write the model and its report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fauxto.evaluate.metrics import figures
from fauxto.evaluate.records import Figures
from fauxto.files import replacing
from fauxto.model.card import CARD_FILE, Card
from fauxto.model.model import Model
from fauxto.progress import tell
from fauxto.second_opinion.encoder import GRAPHS
from fauxto.second_opinion.head import Head
from fauxto.second_opinion.install import WEIGHTS_SHA256
from fauxto.second_opinion.model import HEAD
from train.calibrate import calibrate, probability
from train.errors import TrainError
from train.finish import evaluate
from train.second.card import card, data_block
from train.second.choice import Choice, choose
from train.second.corpus import Corpus, Judged, Views, judged_pictures, training_views
from train.second.embeddings import Embeddings, MadeBy
from train.second.figures import (
    left_out_of_training,
    moved_groups,
    moved_towards_ai,
    row,
    subject_rows,
    trivial,
    within_sites,
)
from train.second.fusion import Answers, fuse
from train.second.head import content, truth
from train.second.report import Findings, heads, write


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        corpus: folder with index.csv, train and val.
        embeddings: folder that train.second.embed wrote.
        first: folder of the first network.
        graphs: folder of the encoder's graphs, which are copied beside the head.
        version: release number.
        out: folder to write.
    """

    corpus: Path
    embeddings: Path
    first: Path
    graphs: Path
    version: int
    out: Path


def make(options: Options) -> None:
    """Write OUT: the encoder's graphs, the head, the report, and the card last, as it names what is there.

    Raises:
        TrainError: CORPUS, the embeddings or the graphs cannot be used. Nothing was written then.
        FauxtoError: the first network's folder or index.csv is damaged.
        OSError: OUT cannot be written.
    """
    first = Model.open(options.first)
    made_by = MadeBy.of(WEIGHTS_SHA256, first)
    embeddings = Embeddings(options.embeddings, made_by)
    graphs = {name: _read(options.graphs / name) for name in GRAPHS}
    of_variant = first.card.of_variant(first.card.variants[made_by.variant])
    corpus = Corpus.read(options.corpus)
    views, judged = training_views(corpus, embeddings), judged_pictures(corpus, embeddings, of_variant)
    tell(f"train: {len(views.pictures)} pictures, {len(views.picture)} views; val: {len(judged.pictures)} pictures")
    choice = choose(views)
    head = choice.fit(views)
    found = findings(corpus, views, judged, choice, head, of_variant)
    files = graphs | {HEAD: content(head)}
    raw = card(options.version, files, first, made_by, found, data_block(views, judged))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with replacing(options.out / name, "wb") as file:
            file.write(data)
    write(found, raw, of_variant, options.out / "report")
    with replacing(options.out / CARD_FILE) as file:
        json.dump(raw, file, indent=2)
        file.write("\n")
    tell(f"written: {options.out}")
    print("\n".join([*heads(choice), *_moved(found.answers["clean"], corpus)]))


def findings(corpus: Corpus, views: Views, judged: Judged, choice: Choice, head: Head, first: Card) -> Findings:
    """Fuse, calibrate, and measure. Raises TrainError where val has too few owners."""
    weights, answers = fuse(judged, head)
    measured = {name: part.measured for name, part in answers.items()}
    calibration = calibrate(measured)
    clean, everything = answers["clean"], np.ones(len(judged.owners), bool)
    return Findings(
        choice=choice,
        weights=weights,
        calibration=calibration,
        answers=answers,
        val=evaluate(measured, calibration),
        first={name: of_first(part, first) for name, part in answers.items()},
        conditions={f"all, {name}": row(part, judged.owners, everything) for name, part in answers.items()},
        subjects=subject_rows(clean, judged.owners, corpus),
        sites=within_sites(clean),
        train=left_out_of_training(views, choice, corpus),
        groups=moved_groups(clean),
        baseline=trivial(judged.pictures, {image: corpus.owner(image) for image in judged.pictures}),
        known=len(corpus.val) - len(corpus.of_new_owners()),
    )


def of_first(answers: Answers, first: Card) -> Figures:
    """The first network's figures on the same pictures, at its own operating points."""
    p_ai = probability(answers.pixels, 1, 0)
    origins = [image.origin for image in answers.pictures]
    return figures(truth(answers.pictures), p_ai, list(first.operating_points.values()), origins)


def _moved(clean: Answers, corpus: Corpus) -> Sequence[str]:
    """The photographs to look at; their names stay on this machine, so that no report has them."""
    lines = ["", "photographs that the second opinion moved most towards ai: log-odds alone -> together"]
    for place in moved_towards_ai(clean):
        path = corpus.relative(clean.pictures[place])
        lines.append(f"{clean.pixels[place]:6.2f} -> {clean.unseen[place]:6.2f}  {path}")
    return lines


def _read(graph: Path) -> bytes:
    try:
        return graph.read_bytes()
    except OSError as error:
        raise TrainError(f"{graph}: {error.strerror}; write it with python -m export.encoder") from None
