"""The head separates what can be separated, and is chosen on owners that it did not see."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from tests.train.second.helpers import SOURCES, write_corpus, write_embeddings
from train.errors import TrainError
from train.second.corpus import Corpus, Views, training_views
from train.second.head import STRENGTHS, choose, fit, folds_of, truth


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def views(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Views:
    return training_views(corpus, write_embeddings(tmp_path_factory.mktemp("embeddings"), corpus))


def test_each_picture_is_there_once_for_every_condition(corpus: Corpus, views: Views) -> None:
    assert list(views.pictures) == list(corpus.train)
    assert np.bincount(views.picture).tolist() == [2] * len(corpus.train)
    assert views.embedding.shape == (2 * len(corpus.train), 512)


def test_folds_share_no_owner_and_judge_every_picture(views: Views) -> None:
    owners = np.array(views.owners)
    assert {"both", "owner0"} <= set(owners)  # in lower case, both classes of a site under one name
    folds = folds_of(views.pictures, views.owners)
    assert len(folds) == 5
    for learnt, judge in folds:
        assert not set(owners[learnt]) & set(owners[judge])
    assert sorted(np.concatenate([judge for _, judge in folds])) == list(range(len(owners)))


def test_what_can_be_separated_is(views: Views) -> None:
    choice = choose(views)
    assert np.mean(choice.areas[choice.strength]) > 0.95
    assert np.mean(choice.areas[choice.strength]) == max(np.mean(areas) for areas in choice.areas.values())
    assert set(choice.areas) == set(STRENGTHS)
    head = fit(views, np.arange(len(views.pictures)), [choice.strength])[0]
    right = (head.logits(views.embedding) > 0) == truth(views.pictures)[views.picture]
    assert right.mean() > 0.95
    assert np.argmax(np.abs(head.weight)) == 0


def test_a_picture_is_judged_by_a_head_that_did_not_see_its_owner(views: Views) -> None:
    """One number for each owner: by heart it tells all, of a new owner nothing."""
    owners = sorted(set(views.owners))
    by_heart = np.zeros_like(views.embedding)
    by_heart[np.arange(len(views.picture)), [owners.index(views.owners[i]) for i in views.picture]] = 1
    known = Views(views.pictures, views.owners, views.picture, by_heart)
    choice = choose(known)
    assert all(np.nanmean(areas) < 0.7 for areas in choice.areas.values())
    head = fit(known, np.arange(len(views.pictures)), [STRENGTHS[-1]])[0]
    one_class = np.array([owner != "both" for owner in views.owners])[views.picture]
    assert ((head.logits(by_heart) > 0) == truth(views.pictures)[views.picture])[one_class].all()


def test_a_second_view_of_a_picture_is_no_second_picture(views: Views) -> None:
    """Half of the pictures seen twice weigh as much as if they were seen once."""
    once = np.unique(views.picture, return_index=True)[1]
    twice = np.concatenate([once, once[::2]])
    heads = [
        fit(
            Views(views.pictures, views.owners, views.picture[rows], views.embedding[rows]),
            np.arange(len(views.pictures)),
            [1.0],
        )[0]
        for rows in (once, twice)
    ]
    # The weights' mean is 1 over the views, so that the same C is a little stronger with more of them.
    directions = [head.weight / np.linalg.norm(head.weight) for head in heads]
    assert directions[0] @ directions[1] > 0.999


def test_the_file_holds_the_head(views: Views) -> None:
    head = fit(views, np.arange(len(views.pictures)), [1.0])[0]
    with np.load(io.BytesIO(head.file())) as file:
        assert file["weight"].dtype == file["bias"].dtype == np.float32
        logits = views.embedding @ file["weight"] + file["bias"]
    np.testing.assert_allclose(logits, head.logits(views.embedding), atol=1e-5)
    assert head.file() == head.file()


def test_one_owner_a_class_is_too_few(tmp_path: Path) -> None:
    few = [source for source in SOURCES if source[2] in ("shop0", "album0", "new-shop0", "new-album0")]
    corpus = write_corpus(tmp_path / "corpus", few)
    views = training_views(corpus, write_embeddings(tmp_path / "embeddings", corpus))
    with pytest.raises(TrainError, match="each class needs pictures of two owners or more"):
        choose(views)
