"""Subjects on which the second opinion is judged apart: an embedding of the whole picture knows them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from fauxto.evaluate.dataset import LabelledImage
from train.second.corpus import Corpus

FOOD = (
    *("bakery", "burger", "cafe", "catering", "dessert", "dishes", "food", "menu", "pasta", "pizza", "recette"),
    *("recipe", "restaurant", "ristorante", "salad", "steak", "sushi"),
)
"""A picture is a plate of food where its source's name, or its path in its repository, has one of these in it."""

CLASS_WORDS = frozenset("ai fake fakes generated gen human image img original photo real true false".split())  # noqa: SIM905
"""Words of a file name that tell the class, or nothing."""


def is_food(image: LabelledImage, corpus: Corpus) -> bool:
    """Whether it is a plate of food, by names alone: some are a restaurant's rooms, some plates are missed."""
    text = f"{image.source}/{corpus.name(image)}".lower()
    return any(word in text for word in FOOD)


def pairs(images: Sequence[LabelledImage], corpus: Corpus) -> list[tuple[int, int]]:
    """(AI picture, photograph) of one subject: places in `images`.

    They are of one source, and their file names have the same words without those that tell the class; numbers alone
    are no subject. Of several under one name, the first of each class is taken.
    """
    found: dict[tuple[str, str], dict[bool, int]] = defaultdict(dict)
    for number, image in enumerate(images):
        words = re.findall(r"[a-z]+|\d+", PurePosixPath(corpus.name(image)).stem.lower())
        subject = [word for word in words if word not in CLASS_WORDS]
        if image.source and any(len(word) > 2 and word.isalpha() for word in subject):
            found[image.source, " ".join(subject)].setdefault(image.is_ai, number)
    return [(each[True], each[False]) for each in found.values() if len(each) == 2]
