"""The last layer, learnt anew from features."""

from pathlib import Path

import numpy as np
import torch

from fauxto.labelled import Picture
from train.head import fit_head, pooled_features
from train.model import build


def picture(is_ai: bool, source: str) -> Picture:
    return Picture(Path(f"{source}.jpg"), is_ai, source)


def test_the_head_finds_the_feature_that_tells_the_classes_apart() -> None:
    rng = np.random.default_rng(0)
    pictures = [picture(i % 2 == 0, f"s{i % 7}") for i in range(400)]
    features = rng.normal(3, 5, (400, 2, 6))
    features[:, :, 2] = rng.normal([[2.0] if p.is_ai else [-2.0] for p in pictures], 1, (400, 2))
    weight, bias = fit_head(features, pictures)
    assert weight.argmax() == np.abs(weight).argmax() == 2
    assert np.mean((features @ weight + bias > 0) == [[p.is_ai] for p in pictures]) > 0.95


def test_a_large_source_counts_as_much_as_a_small_one() -> None:
    """Feature 0 is right for the 300 pictures of one source, feature 1 for the 3 of each of two others."""
    pictures = [picture(ai, "large") for ai in (True, False) for _ in range(300)]
    pictures += [picture(ai, f"small{i}") for ai in (True, False) for i in (1, 2) for _ in range(3)]
    sign = np.array([1.0 if p.is_ai else -1.0 for p in pictures])
    large = np.array([p.source == "large" for p in pictures])
    features = np.stack([np.where(large, sign, -sign), np.where(large, -sign, sign)], 1)[:, None]
    weight, _ = fit_head(features, pictures)
    assert weight[1] > 0 > weight[0]


def test_features_are_what_the_last_layer_reads() -> None:
    model, views = build("none").eval(), torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.fc(pooled_features(model, views)), model(views))
