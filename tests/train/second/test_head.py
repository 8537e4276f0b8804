"""The head separates what can be separated, and is chosen on owners that it did not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxto.second_opinion.head import Head
from fauxto.second_opinion.model import HEAD
from tests.train.second.helpers import SOURCES, write_corpus, write_embeddings
from train.errors import TrainError
from train.second import network
from train.second.choice import NETWORK, STRENGTHS, choose, difference, fit_one
from train.second.corpus import Corpus, Views, training_views
from train.second.head import content, folds_of, lesson, truth
from train.second.network import FLAT, Members, fit_network


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
    assert set(choice.areas) == {*STRENGTHS, NETWORK}
    assert all(np.mean(choice.areas[name]) > 0.95 for name in STRENGTHS)
    for name in (choice.best_linear, NETWORK):
        head = fit_one(name, views, np.arange(len(views.pictures)))
        right = (head.logits(views.embedding) > 0) == truth(views.pictures)[views.picture]
        assert right.mean() > 0.95


def test_a_network_is_taken_where_it_is_better_by_more_than_a_standard_error(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AI pictures are those whose first two numbers have the same sign: a line cannot tell them."""
    monkeypatch.setattr(network, "EPOCHS", 100)  # for so few pictures
    vectors = np.zeros_like(views.embedding)
    signs = np.random.default_rng(0).choice((-1, 1), len(vectors))
    is_ai = truth(views.pictures)[views.picture]
    vectors[:, 0], vectors[:, 1] = signs, np.where(is_ai, signs, -signs)
    choice = choose(replace(views, embedding=vectors))
    gain, error = difference(choice.areas[NETWORK], choice.areas[choice.best_linear])
    assert choice.name == NETWORK
    assert gain > 0.2 > error
    assert choice.fit(replace(views, embedding=vectors)).hidden is not None


def test_a_linear_head_is_taken_where_a_network_adds_nothing(views: Views) -> None:
    vectors = np.zeros_like(views.embedding)
    vectors[:, 0] = np.where(truth(views.pictures)[views.picture], 1, -1)  # both are always right
    choice = choose(replace(views, embedding=vectors))
    assert choice.name == choice.best_linear in STRENGTHS
    assert choice.fit(replace(views, embedding=vectors)).hidden is None


def test_a_picture_is_judged_by_a_head_that_did_not_see_its_owner(views: Views) -> None:
    """One number for each owner: by heart it tells all, of a new owner nothing."""
    owners = sorted(set(views.owners))
    by_heart = np.zeros_like(views.embedding)
    by_heart[np.arange(len(views.picture)), [owners.index(views.owners[i]) for i in views.picture]] = 1
    known = replace(views, embedding=by_heart)
    choice = choose(known)
    assert all(np.nanmean(areas) < 0.7 for areas in choice.areas.values())
    head = fit_one("linear, C 100", known, np.arange(len(views.pictures)))
    one_class = np.array([owner != "both" for owner in views.owners])[views.picture]
    assert ((head.logits(by_heart) > 0) == truth(views.pictures)[views.picture])[one_class].all()


def test_a_second_view_of_a_picture_is_no_second_picture(views: Views) -> None:
    chosen = np.arange(len(views.pictures))
    once = np.unique(views.picture, return_index=True)[1]
    twice = np.concatenate([once, once[::2]])
    weights = []
    for rows in (once, twice):
        part = replace(views, picture=views.picture[rows], embedding=views.embedding[rows])
        weights.append(np.bincount(part.picture, lesson(part, chosen).weights) / len(rows))
    np.testing.assert_allclose(*weights)


def test_the_members_are_one_network_that_takes_embeddings_as_they_are(views: Views) -> None:
    data = lesson(views, np.arange(len(views.pictures)))
    seen: list[Members] = []
    original = Members.__init__

    def remembered(self: Members) -> None:
        original(self)
        seen.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Members, "__init__", remembered)
        head = fit_network(data)
    mean, spread = data.embedding.mean(0), np.maximum(data.embedding.std(0), FLAT)
    with torch.no_grad():
        expected = seen[0].eval()(torch.from_numpy((data.embedding - mean) / spread)).mean(1).numpy()
    np.testing.assert_allclose(head.logits(data.embedding), expected, atol=1e-4)
    np.testing.assert_array_equal(fit_network(data).weight, head.weight)


@pytest.mark.parametrize("name", ["linear, C 10", NETWORK])
def test_the_runtime_reads_what_the_file_holds(views: Views, tmp_path: Path, name: str) -> None:
    head = fit_one(name, views, np.arange(len(views.pictures)))
    (tmp_path / HEAD).write_bytes(content(head))
    found = Head.read(tmp_path / HEAD)
    np.testing.assert_allclose(found.logits(views.embedding), head.logits(views.embedding), atol=1e-4)
    with np.load(tmp_path / HEAD) as file:
        assert {file[part].dtype for part in file.files} == {np.dtype(np.float32)}
    assert content(head) == content(head)


def test_one_owner_a_class_is_too_few(tmp_path: Path) -> None:
    few = [source for source in SOURCES if source[2] in ("shop0", "album0", "new-shop0", "new-album0")]
    corpus = write_corpus(tmp_path / "corpus", few)
    views = training_views(corpus, write_embeddings(tmp_path / "embeddings", corpus))
    with pytest.raises(TrainError, match="each class needs pictures of two owners or more"):
        choose(views)
