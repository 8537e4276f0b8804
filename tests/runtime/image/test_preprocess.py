"""Preprocessing: exactly the rule in its docstring, however it is computed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fauxto.image.preprocess import FILTERS, Preprocessing, cut_crops, normalise, pool, prepare, scale, scaled_size
from tests.helpers import make_photo, naive_crops

RULE = Preprocessing(
    crop_size=64,
    max_short_side=200,
    filter="bicubic",
    positions=((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.2, 0.8)),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
Places = tuple[tuple[float, float], ...]
PLACES: tuple[Places, ...] = (RULE.positions, ((0.5, 0.5),), ((0.2, 0.8), (0.8, 0.7)))


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(1, 400))
def test_unscaled_crops_are_the_rule_bit_for_bit(width: int, height: int) -> None:
    image = make_photo(width, height)
    assert min(scale(image, RULE).size) == min(width, height)
    np.testing.assert_array_equal(cut_crops(image, RULE), naive_crops(image, RULE))


@settings(max_examples=100)
@given(st.integers(201, 900), st.integers(201, 900), st.integers(64, 200), st.sampled_from(PLACES))
@example(201, 3000, 200, PLACES[0])  # Pillow scales a long strip vertically first
@example(3000, 201, 200, PLACES[1])
@example(1600, 1200, 200, PLACES[2])  # no fraction anywhere
def test_scaled_crops_are_the_rule_bit_for_bit(width: int, height: int, most: int, places: Places) -> None:
    image, rule = make_photo(width, height), replace(RULE, max_short_side=most, positions=places)
    np.testing.assert_array_equal(cut_crops(image, rule), naive_crops(image, rule))


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("name", FILTERS)
def test_what_was_scaled_once_is_not_scaled_again(name: str, places: Places) -> None:
    image, rule = make_photo(801, 603), replace(RULE, filter=name, positions=places)
    seen = scale(image, rule)
    assert seen.size == (266, 200)
    assert scale(seen, rule) is seen
    np.testing.assert_array_equal(cut_crops(seen, rule), cut_crops(image, rule))


def test_normalise_is_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    crops = cut_crops(make_photo(), RULE)
    expected = transforms.normalize(torch.from_numpy(crops).permute(0, 3, 1, 2) / 255, RULE.mean, RULE.std)
    result = normalise(crops, RULE.mean, RULE.std)
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
def test_pooling_is_the_mean_of_the_largest(crops: int, largest: int, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=(4, crops)).astype(np.float32)
    pooled = pool(logits, replace(RULE, pooled_crops=largest))
    expected = [np.mean(sorted(row.tolist(), reverse=True)[:largest]) for row in logits]
    np.testing.assert_allclose(pooled, expected, atol=1e-6)
