"""A corpus of tiny pictures, and embeddings of it that tell the classes apart a little."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fauxto.model.model import Model
from fauxto.second_opinion.encoder import LENGTH
from fauxto.second_opinion.install import WEIGHTS_SHA256
from train.second.corpus import Corpus
from train.second.embeddings import Embeddings, MadeBy, Rows

Source = tuple[str, str, str, str, str, int]
"""Split, label, source, repository, style, number of pictures."""

SOURCES: tuple[Source, ...] = (
    *(("train", "ai", f"shop{n}", f"Owner{n}/shop", "photo", 12) for n in range(6)),
    *(("train", "real", f"album{n}", f"Album{n}/photos", "photo", 12) for n in range(6)),
    ("train", "ai", "both", "Both/site", "face", 12),
    ("train", "real", "both", "Both/site", "face", 12),
    *(("val", "ai", f"new-shop{n}", f"newshop{n}/menu", "photo", 25) for n in range(4)),
    *(("val", "real", f"new-album{n}", f"newalbum{n}/photos", "photo", 25) for n in range(4)),
    ("val", "ai", "quiz", "Quiz/quiz", "photo", 15),
    ("val", "real", "quiz", "Quiz/quiz", "photo", 15),
    ("val", "ai", "shop0-again", "owner0/another", "photo", 5),  # of an owner that train has
)


def made_by() -> MadeBy:
    return MadeBy.of(WEIGHTS_SHA256, Model.open())


def write_corpus(folder: Path, sources: Sequence[Source] = SOURCES) -> Corpus:
    """Tiny JPEGs, and an index.csv as the corpus has it: id, source, style, repository and path there."""
    rows = []
    for split, label, source, repo, style, count in sources:
        place = folder / split / label
        place.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            name = f"{label}-{split}-{source}-{number}".replace("-", "")
            colour = (80 + number, 90, 100) if label == "ai" else (100, 90 + number, 80)
            Image.new("RGB", (40, 36), colour).save(place / f"{source}__{name}.jpg")
            word = ("oak", "elm", "fir")[number] if number < 3 else ""
            path = f"images/{label}/{label}-{word}{number}.jpg"
            row = {"id": name, "source": source, "generator": f"net of {source}" if label == "ai" else ""}
            rows.append(row | {"style": style, "repo": repo, "path": path})
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Corpus.read(folder)


def write_embeddings(folder: Path, corpus: Corpus, conditions: Sequence[str] = ("clean", "web")) -> Embeddings:
    """Embeddings whose first number tells AI pictures, and logits that tell them too, both with noise."""
    embeddings = Embeddings(folder, made_by(), new=True)
    rng = np.random.default_rng(0)
    for split, images in (("train", corpus.train), ("val", corpus.val)):
        sign = np.array([1.0 if image.is_ai else -1.0 for image in images])
        for condition in conditions:
            vectors = rng.normal(size=(len(images), LENGTH)) * 0.02
            vectors[:, 0] += 0.05 * sign
            vectors[:, 1] += 1
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            logits = np.full(len(images), np.nan) if split == "train" else sign + rng.normal(size=len(images))
            paths = np.array([corpus.relative(image) for image in images])
            embeddings.append(condition, split, Rows(paths, vectors.astype(np.float16), logits.astype(np.float32)))
    return embeddings
