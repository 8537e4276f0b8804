"""The fusion: weights that are not negative, learnt on other owners than they are judged on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fauxto.evaluate.dataset import LabelledImage
from fauxto.model.model import Model
from fauxto.second_opinion.fusion import Weights
from fauxto.second_opinion.head import Head
from tests.train.images import labelled
from tests.train.second.helpers import write_corpus, write_embeddings
from train.errors import TrainError
from train.second.corpus import judged_pictures
from train.second.fusion import cross_fitted, fit_fusion, fuse
from train.second.head import folds_of

N = 4000
PICTURES = labelled(True, "a", N // 2) + labelled(False, "b", N // 2)
IS_AI = np.arange(N) < N // 2


def log_odds(seed: int, spread: float) -> np.ndarray:
    """Log-odds of which sigmoid is the probability: normal, its mean half of its variance."""
    return np.random.default_rng(seed).normal(np.where(IS_AI, 1, -1) * spread**2 / 2, spread)


def test_independent_log_odds_are_added() -> None:
    pixels, scene = log_odds(0, 1.5), log_odds(1, 1.0)
    weights, constant = fit_fusion(np.column_stack([pixels, scene / 2 + 3]), PICTURES, 1)
    assert weights.pixels == pytest.approx(1, abs=0.1)
    assert weights.scene == pytest.approx(2, abs=0.2)
    assert constant == pytest.approx(-6, abs=0.6)
    np.testing.assert_allclose(weights.fuse(pixels, scene), weights.pixels * pixels + weights.scene * scene)


@pytest.mark.parametrize("turned", [0, 1])
def test_a_network_that_is_wrong_counts_nothing(turned: int) -> None:
    inputs = np.column_stack([log_odds(0, 1.5), log_odds(1, 1.5)])
    inputs[:, turned] *= -1
    weights, _ = fit_fusion(inputs, PICTURES, 1)
    assert (weights.pixels, weights.scene)[turned] == 0
    assert (weights.pixels, weights.scene)[1 - turned] == pytest.approx(1, abs=0.1)


def test_two_networks_that_are_wrong_are_refused() -> None:
    inputs = -np.column_stack([log_odds(0, 1.5), log_odds(1, 1.5)])
    with pytest.raises(TrainError, match="neither network tells val's classes apart"):
        fit_fusion(inputs, PICTURES, 1)


def test_no_large_source_sets_the_weights_alone() -> None:
    """A large source where only the scene tells, and nine small ones where only the pixels do."""
    pictures: list[LabelledImage] = []
    for source, count in (("large", 900), *((f"small{n}", 100) for n in range(9))):
        for is_ai in (True, False):
            pictures += labelled(is_ai, f"{source} {is_ai}", count)
    is_ai = np.array([image.is_ai for image in pictures])
    large = np.array([image.source.startswith("large") for image in pictures])
    rng = np.random.default_rng(0)
    told = np.where(is_ai, 1, -1) + rng.normal(size=len(pictures))
    blind = rng.normal(size=len(pictures))
    inputs = np.column_stack([np.where(large, blind, told), np.where(large, told, blind)])
    weights, _ = fit_fusion(inputs, pictures, 1)
    assert weights.pixels > 1.3 * weights.scene


def test_a_picture_is_fused_by_weights_of_other_owners() -> None:
    """In one owner's pictures the scene is turned round: his are judged by the others' weights, and theirs with his."""
    pictures = [image for n in range(4) for is_ai in (True, False) for image in labelled(is_ai, f"s{n}", 100)]
    owners = [image.source for image in pictures]
    sign = np.array([1.0 if image.is_ai else -1.0 for image in pictures])
    rng = np.random.default_rng(0)
    scene = sign * np.where(np.array(owners) == "s0", -1, 1) + 0.5 * rng.normal(size=len(sign))
    pixels = 0.2 * sign + rng.normal(size=len(sign))
    fused = cross_fitted({"clean": pixels}, {"clean": scene}, pictures, folds_of(pictures, owners))["clean"]
    his = np.array(owners) == "s0"
    slopes = [np.polyfit(scene[rows], fused[rows], 1)[0] for rows in (his, ~his)]
    assert slopes[0] > 2 * slopes[1] > 0


def test_pixels_are_the_first_networks_calibrated_log_odds(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    embeddings = write_embeddings(tmp_path / "embeddings", corpus)
    card = Model.open().card
    judged = judged_pictures(corpus, embeddings, card.of_variant(card.variants["int8"]))
    own = card.variants["int8"].calibration
    assert own is not None
    rows = embeddings.read("web", "val")
    logit = dict(zip(rows.path.tolist(), rows.logit.tolist(), strict=True))
    expected = [logit[corpus.relative(image)] / own[0] + own[1] for image in judged.pictures]
    np.testing.assert_allclose(judged.pixels["web"], expected, rtol=1e-6)

    direction = np.zeros(512, np.float32)
    direction[0] = 40
    weights, answers = fuse(judged, Head(direction, 0.5))
    assert isinstance(weights, Weights)
    for name, part in answers.items():
        np.testing.assert_allclose(part.scene, judged.embedding[name] @ direction + 0.5, rtol=1e-5)
        np.testing.assert_allclose(part.fused, weights.pixels * judged.pixels[name] + weights.scene * part.scene)
        np.testing.assert_allclose(part.gap, judged.pixels[name] - part.scene)
