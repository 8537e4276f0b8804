"""Subjects go by names; pairs are one subject under one name, in both classes of one source."""

from __future__ import annotations

from pathlib import Path

import pytest

from fauxto.evaluate.dataset import LabelledImage
from tests.train.second.helpers import write_corpus
from train.second.corpus import Corpus
from train.second.subjects import is_food, pairs


def corpus_of(*named: tuple[bool, str, str]) -> tuple[list[LabelledImage], Corpus]:
    """(whether AI, source, path in its repository) of each picture."""
    images = [LabelledImage(Path(f"/corpus/val/{i}.jpg"), is_ai, source) for i, (is_ai, source, _) in enumerate(named)]
    names = {image.path: name for image, (_, _, name) in zip(images, named, strict=True)}
    return images, Corpus(Path("/corpus"), images, images, {}, names)


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("glory-foods", "img/1.jpg", True),
        ("shop", "public/Menu/1.jpg", True),
        ("shop", "images/margherita-pizza.png", True),
        ("html5-templates", "img/gallery/1.jpg", False),
        ("shop", "img/kitchen.jpg", False),
    ],
)
def test_plates_of_food_go_by_names(source: str, name: str, expected: bool) -> None:
    images, corpus = corpus_of((True, source, name))
    assert is_food(images[0], corpus) is expected


def test_a_picture_without_a_repository_goes_by_its_name_in_the_corpus() -> None:
    image = LabelledImage(Path("/corpus/val/ai/pizza.jpg"), True)
    assert is_food(image, Corpus(Path("/corpus"), [image], [image], {}, {}))


def test_pairs_have_the_same_words_in_one_source() -> None:
    images, corpus = corpus_of(
        (False, "quiz", "real/dog-real.jpg"),
        (True, "quiz", "fake/AI_dog.png"),
        (True, "quiz", "fake/dog-2-fake.png"),
        (False, "quiz", "real/real_dog2.jpg"),
        (False, "quiz", "real/cat.jpg"),
        (True, "other", "fake/cat.jpg"),
        (True, "quiz", "fake/12.jpg"),  # numbers alone are no subject
        (False, "quiz", "real/12.jpg"),
        (True, "quiz", "ai/image3.jpg"),
        (False, "quiz", "real/image3.jpg"),
    )
    assert sorted(pairs(images, corpus)) == [(1, 0), (2, 3)]


def test_an_index_by_path_tells_owners_too(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    (tmp_path / "index.csv").write_text(
        "path,source,repo\nval/ai/quiz__aivalquiz0.jpg,quiz,Some.Owner/quiz\nval/ai/quiz__aivalquiz1.jpg,quiz,\n"
    )
    corpus = Corpus.read(tmp_path)
    owners = {image.path.name: corpus.owner(image) for image in corpus.val}
    assert owners["quiz__aivalquiz0.jpg"] == "some.owner"
    assert owners["quiz__aivalquiz1.jpg"] == "quiz"
    assert owners["quiz__aivalquiz2.jpg"].endswith("quiz__aivalquiz2.jpg")  # of no known source: one of its own
