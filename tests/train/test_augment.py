"""Augmentation: seeded, the right size whatever comes in, and blind to the class by its signature."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import make_photo
from train import augment


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from((32, 96, 160)), st.integers(0, 2**32))
def test_every_picture_gives_a_crop(width: int, height: int, size: int, seed: int) -> None:
    image = make_photo(width, height)
    crop = augment.augment(image, size, random.Random(seed))
    assert crop.shape == (size, size, 3)
    assert crop.dtype == np.uint8
    np.testing.assert_array_equal(crop, augment.augment(image, size, random.Random(seed)))


def test_a_native_crop_without_codec_is_cut_from_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("P_BLUR", "P_NOISE", "P_COLOUR", "P_CODEC"):
        monkeypatch.setattr(augment, name, 0.0)
    monkeypatch.setattr(augment, "P_NATIVE", 1.0)
    image = make_photo(120, 100)
    crop = augment.augment(image, 32, random.Random(4))
    whole = np.asarray(image)
    places = [(y, x) for y in range(100 - 31) for x in range(120 - 31)]
    assert any(
        np.array_equal(crop, cut) or np.array_equal(crop, cut[:, ::-1])
        for cut in (whole[y : y + 32, x : x + 32] for y, x in places)
    )


def test_codecs_leave_traces_and_size() -> None:
    image = make_photo(80, 60)
    changed = [augment.save_and_load(image, random.Random(seed)) for seed in range(20)]
    assert all(result.size == image.size for result in changed)
    assert all(np.abs(np.asarray(result).astype(int) - np.asarray(image)).mean() > 0.5 for result in changed)
