"""Augmentation on the device: Pillow's and libjpeg's pixels, to about a grey level, for a batch at once."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers import make_photo
from train import batch_augment
from train.augment import FILTERS as PILLOW_FILTERS
from train.batch_augment import FILTERS, Dice, augment, cut, filter_matrix, half_chroma_jpeg, jpeg, whole

SIDE = 288


def framed(*pictures: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
    frames = torch.zeros(len(pictures), 3, SIDE, SIDE, dtype=torch.uint8)
    for frame, picture in zip(frames, pictures, strict=True):
        frame[:, : picture.height, : picture.width] = planes(picture)
    return frames, torch.tensor([(picture.height, picture.width) for picture in pictures])


def planes(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def dice(count: int, seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed), torch.arange(count), "cpu")


@pytest.mark.parametrize("scale", [0.6, 0.85, 1.0, 1.3])
@pytest.mark.parametrize("name", FILTERS)
def test_scaling_is_pillows(name: str, scale: float) -> None:
    picture, region, left, top = make_photo(280, 270), 96, 11, 7
    frames, sizes = framed(picture)
    rows, columns = (
        filter_matrix(
            sizes[:, axis],
            torch.tensor([scale]),
            torch.tensor([start]),
            torch.tensor([FILTERS.index(name)]),
            region,
            SIDE,
        )[0]
        for axis, start in ((0, float(top)), (1, float(left)))
    )
    scaled = whole(rows @ whole(frames[0].float() @ columns.T)).permute(1, 2, 0).numpy()
    box = (left, top, left + region / scale, top + region / scale)
    wanted = picture.resize((region, region), getattr(Image.Resampling, name.upper()), box=box)
    apart = np.abs(scaled - np.asarray(wanted))
    # Nearest pixels at exactly the same distance: the box filter of an enlarged picture takes either.
    assert np.quantile(apart, 0.8 if name == "box" and scale > 1 else 1) <= (0 if scale == 1 else 2)
    assert {getattr(Image.Resampling, each.upper()) for each in FILTERS} == set(PILLOW_FILTERS)


@pytest.mark.parametrize("quality", [30, 60, 95])
@pytest.mark.parametrize("half_chroma", [False, True])
def test_jpeg_is_libjpegs(quality: int, half_chroma: bool) -> None:
    picture = make_photo(96, 96)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=2 if half_chroma else 0)
    step = half_chroma_jpeg if half_chroma else jpeg
    found = step(planes(picture)[None].float(), torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
    wanted, before = (np.asarray(image).astype(float) for image in (Image.open(buffer), picture))
    assert np.abs(found - wanted).mean() < 0.25 * np.abs(wanted - before).mean()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, SIDE), st.integers(1, SIDE), st.integers(0, 2**32))
def test_every_picture_gives_a_crop_of_whole_numbers(width: int, height: int, seed: int) -> None:
    frames, sizes = framed(make_photo(width, height), make_photo(SIDE, SIDE))
    crops = augment(frames, sizes, 64, dice(2, seed))
    assert crops.shape == (2, 3, 64, 64)
    assert torch.equal(crops, whole(crops))


def test_outside_of_a_picture_is_its_mirror_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_augment.odds, "P_NATIVE", 1.0)
    frames, sizes = framed(make_photo(40, 300 - 12))
    region = batch_augment.rescaled_region(frames, sizes, 80, dice(1))[0]
    torch.testing.assert_close(region[:, :, 20:40].flip(2), region[:, :, :20])
    torch.testing.assert_close(region[:, :, 40:60].flip(2), region[:, :, 60:])


def test_twins_share_all_but_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_augment.odds, "P_NOISE", 0.0)
    picture = make_photo(SIDE, SIDE)
    frames, sizes = framed(*[picture] * 6)
    twins = Dice(torch.Generator().manual_seed(3), torch.tensor([0, 0, 2, 3, 4, 4]), "cpu")
    crops = augment(frames, sizes, 64, twins)
    same = [torch.equal(crops[i], crops[i + 1]) for i in range(5)]
    assert same == [True, False, False, False, True]


def test_a_crop_lies_anywhere_and_is_mirrored_in_half_of_the_draws() -> None:
    ramp = torch.arange(32.0).expand(400, 3, 32, 32)
    crops = cut(ramp, 16, dice(400))
    mirrored = crops[:, 0, 0, 0] > crops[:, 0, 0, -1]
    assert 0.4 < mirrored.float().mean() < 0.6
    assert set(crops[~mirrored][:, 0, 0, 0].tolist()) == set(range(17))
