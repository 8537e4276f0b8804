"""The pictures that were embedded, with the owners and names that folds, subjects and pairs go by.

Train and val alone: nothing here can reach the test split.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from fauxto.evaluate.corruptions import CONDITIONS
from fauxto.evaluate.dataset import LABELS, Index, LabelledImage, find, of_class, read_index
from fauxto.model.card import Card
from fauxto.progress import tell
from fauxto.verdict import log_odds
from train.data import ENOUGH
from train.errors import TrainError
from train.second.embeddings import Embeddings, Rows

COMPLETE = 0.95  # share of the clean pictures that another condition of val needs

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Corpus:
    """CORPUS/train and CORPUS/val, read once.

    Attributes:
        folder: CORPUS.
        train, val: their pictures, without those of style "art".
        repositories: path -> "owner/name" of the repository that a picture came from; only where index.csv says it.
        names: path -> the picture's path in that repository, likewise.
    """

    folder: Path
    train: Sequence[LabelledImage]
    val: Sequence[LabelledImage]
    repositories: Mapping[Path, str]
    names: Mapping[Path, str]

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        """Find the pictures. Raises TrainError where a split lacks a class, FauxtoError for a damaged index.csv."""
        index = read_index(folder)
        train, val = (find(folder / split, index) for split in ("train", "val"))
        for split, part in (("train", train), ("val", val)):
            for label in LABELS:
                if not of_class(part, label):
                    raise TrainError(
                        f"{folder / split / label}: no pictures; CORPUS has them in {split}/ai and {split}/real"
                    )
        told = _origins(index)
        found = {image.path: told[key] for image in (*train, *val) if (key := index.key(image.path)) in told}
        repositories, names = ({path: each[part] for path, each in found.items()} for part in (0, 1))
        return cls(folder, train, val, repositories, names)

    def owner(self, image: LabelledImage) -> str:
        """Who published it, in lower case: all repositories of one owner belong together; else its source."""
        return self.repositories.get(image.path, "").partition("/")[0].lower() or image.origin

    def name(self, image: LabelledImage) -> str:
        """Its path where it came from, else in the corpus."""
        return self.names.get(image.path) or self.relative(image)

    def relative(self, image: LabelledImage) -> str:
        """Its path below CORPUS, with "/"."""
        return image.path.relative_to(self.folder).as_posix()

    def of_new_owners(self) -> list[LabelledImage]:
        """Val's pictures whose owner has none in train; all of val where a class has fewer than ENOUGH of them."""
        known = {self.owner(image) for image in self.train}
        new = [image for image in self.val if self.owner(image) not in known]
        if min(len(of_class(new, label)) for label in LABELS) >= ENOUGH:
            return new
        tell(f"fewer than {ENOUGH} val pictures of each class are of owners not in train: taking all of val")
        return list(self.val)


def _origins(index: Index) -> dict[str | None, tuple[str, str]]:
    """Key of a row -> (repository, path there). `read_index` has found the file sound, and keeps other columns."""
    if index.file is None:
        return {}
    with index.file.open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("repo")]
    return {
        row.get("id") or PurePosixPath(row["path"]).as_posix(): (row["repo"], row.get("path") or "") for row in rows
    }


@dataclass(frozen=True)
class Views:
    """What the head learns from: each picture once for every condition that it was embedded under.

    Attributes:
        pictures: the P pictures.
        owners: (P,) who published each.
        picture: (N,) which picture a view is of.
        embedding: (N, 512) float32.
    """

    pictures: Sequence[LabelledImage]
    owners: Sequence[str]
    picture: Places
    embedding: Singles


def training_views(corpus: Corpus, embeddings: Embeddings) -> Views:
    """The views of train that are there. Raises TrainError where there are none of a class."""
    rows = {condition: embeddings.read(condition, "train") for condition in CONDITIONS}
    there = set().union(*(part.path.tolist() for part in rows.values()))
    pictures = [image for image in corpus.train if corpus.relative(image) in there]
    _need_both(pictures, embeddings, "train")
    place = {corpus.relative(image): number for number, image in enumerate(pictures)}
    kept = {name: np.array([path in place for path in part.path.tolist()], bool) for name, part in rows.items()}
    picture = np.array([place[path] for name, part in rows.items() for path in part.path[kept[name]].tolist()], np.intp)
    embedding = np.concatenate([part.embedding[kept[name]] for name, part in rows.items()]).astype(np.float32)
    return Views(pictures, [corpus.owner(image) for image in pictures], picture, embedding)


@dataclass(frozen=True)
class Judged:
    """What the fusion is learnt and judged on: val's pictures of owners that neither network was trained on.

    Attributes:
        pictures: the N pictures.
        owners: (N,) who published each.
        embedding: condition -> (N, 512) float32.
        pixels: condition -> (N,) the first network's calibrated log-odds.
    """

    pictures: Sequence[LabelledImage]
    owners: Sequence[str]
    embedding: Mapping[str, Singles]
    pixels: Mapping[str, Floats]


def judged_pictures(corpus: Corpus, embeddings: Embeddings, card: Card) -> Judged:
    """Val's pictures that are there under every condition of which nearly all is there.

    Args:
        corpus: where the pictures are.
        embeddings: with the first network's logits.
        card: the first network's, as it holds for the variant that gave the logits.

    Raises:
        TrainError: there are none of a class, or some have no logit.
    """
    rows = {condition: embeddings.read(condition, "val") for condition in CONDITIONS}
    wanted = len(rows["clean"].path)
    ready = {name: part for name, part in rows.items() if len(part.path) >= COMPLETE * wanted}
    for name in rows.keys() - ready.keys():
        tell(f"left out {name}: only {len(rows[name].path)} of {wanted} val pictures are embedded")
    there = set(rows["clean"].path.tolist()).intersection(*(part.path.tolist() for part in ready.values()))
    pictures = [image for image in corpus.of_new_owners() if corpus.relative(image) in there]
    _need_both(pictures, embeddings, "val")
    places = {name: _places(part, [corpus.relative(image) for image in pictures]) for name, part in ready.items()}
    pixels = {
        name: log_odds(part.logit[places[name]].astype(np.float64), card.temperature, card.bias)
        for name, part in ready.items()
    }
    if not all(np.isfinite(values).all() for values in pixels.values()):
        raise TrainError(f"{embeddings.folder}: val pictures without a logit of the first network; embed them again")
    embedding = {name: part.embedding[places[name]].astype(np.float32) for name, part in ready.items()}
    return Judged(pictures, [corpus.owner(image) for image in pictures], embedding, pixels)


def _places(rows: Rows, paths: Sequence[str]) -> Places:
    place = {path: number for number, path in enumerate(rows.path.tolist())}
    return np.array([place[path] for path in paths], np.intp)


def _need_both(pictures: Sequence[LabelledImage], embeddings: Embeddings, split: str) -> None:
    for label in LABELS:
        if not of_class(pictures, label):
            raise TrainError(f"{embeddings.folder}: no embedding of a picture of {split}/{label}; embed CORPUS first")
