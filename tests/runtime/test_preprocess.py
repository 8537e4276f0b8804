"""Preprocessing: exactly the rule in its docstring, however it is computed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fauxto.image.preprocess import FILTERS, Preprocessing, cut_crops, normalise, pool, prepare, scaled_size
from tests.helpers import make_photo

RULE = Preprocessing(
    view_size=64,
    max_short_side=200,
    filter="bicubic",
    positions=((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.2, 0.8)),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)


def naive_views(image: Image.Image, rule: Preprocessing) -> np.ndarray:
    """The rule, step by step: scale the whole picture, mirror it, cut."""
    if min(image.size) > rule.max_short_side:
        ratio = rule.max_short_side / min(image.size)
        image = image.resize(tuple(math.floor(side * ratio + 0.5) for side in image.size), FILTERS[rule.filter])
    array, size = np.asarray(image), rule.crop_size
    gaps = [max(0, size - side) for side in array.shape[:2]]
    array = np.pad(array, [(gap // 2, gap - gap // 2) for gap in gaps] + [(0, 0)], mode="symmetric")
    views = []
    for fx, fy in rule.positions:
        left = math.floor(fx * (array.shape[1] - size) + 0.5)
        top = math.floor(fy * (array.shape[0] - size) + 0.5)
        views.append(array[top : top + size, left : left + size])
    return np.stack(views)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 400))
def test_unscaled_views_are_the_rule_bit_for_bit(short: int, long: int) -> None:
    image = make_photo(max(long, short), short)
    np.testing.assert_array_equal(cut_crops(image, RULE), naive_views(image, RULE))


@settings(max_examples=30, deadline=None)
@given(st.integers(201, 900), st.integers(201, 900), st.sampled_from(sorted(FILTERS)))
def test_scaling_only_the_views_gives_the_pixels_of_scaling_all(width: int, height: int, name: str) -> None:
    image = make_photo(width, height)
    rule = Preprocessing(64, 200, name, RULE.positions, RULE.mean, RULE.std)
    difference = np.abs(cut_crops(image, rule).astype(int) - naive_views(image, rule))
    # Pillow may scale the two directions in the other order, with a rounding in between.
    assert difference.max() <= 5
    assert difference.mean() < 0.3


def test_normalise_is_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    views = cut_crops(make_photo(), RULE)
    expected = transforms.normalize(torch.from_numpy(views).permute(0, 3, 1, 2) / 255, RULE.mean, RULE.std)
    result = normalise(views, RULE.mean, RULE.std)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, expected.numpy(), atol=1e-6)


def test_prepare_shape() -> None:
    assert prepare(make_photo(30, 50), RULE).shape == (4, 3, 64, 64)


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_scaled_size_keeps_the_short_side(width: int, height: int) -> None:
    scaled = scaled_size((width, height), 1024)
    assert min(scaled) == min(1024, width, height)
    assert max(scaled) <= max(width, height)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
def test_pooling_is_the_mean_of_the_largest(views: int, largest: int, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=(4, views)).astype(np.float32)
    pooled = pool(logits, replace(RULE, pooled_views=largest))
    expected = [np.mean(sorted(row.tolist(), reverse=True)[:largest]) for row in logits]
    np.testing.assert_allclose(pooled, expected, atol=1e-6)
