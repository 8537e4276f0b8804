"""What the loader's processes do: the same crops whoever makes them, and none is lost to a damaged file."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fauxto.evaluate.corruptions import CONDITIONS, clean, save_as
from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.preprocess import prepare
from tests.helpers import make_photo
from tests.train.images import fill
from train.config import Config
from train.crops import TrainingCrops, WholeImages, training_batches

RULE = Config(data=Path(), crop_size=64).preprocessing()


def test_a_picture_that_breaks_later_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 2)
    good = [LabelledImage(path, True) for path in sorted(tmp_path.iterdir())]
    data = good[0].path.read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    crops = TrainingCrops(
        [*good, LabelledImage(tmp_path / "cut.png", True)], torch.tensor([0.0, 0.0, 1.0]), 4, 32, 0, 0
    )
    assert all(crop.shape == (32, 32, 3) for crop, _ in (crops[i] for i in range(4)))
    assert "cut.png: damaged or truncated" in capsys.readouterr().err


def test_crops_depend_on_seed_and_epoch_alone(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    found = [LabelledImage(path, True) for path in sorted(tmp_path.iterdir())]
    weights = torch.ones(3)
    first, again, other = (TrainingCrops(found, weights, 6, 32, 5, epoch) for epoch in (1, 1, 2))
    assert all(np.array_equal(first[i][0], again[i][0]) for i in (5, 0, 3))
    assert any(not np.array_equal(first[i][0], other[i][0]) for i in range(6))


def test_whole_images_are_what_the_runtime_sees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = make_photo(200, 150)
    image.save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"broken")
    Image.new("RGB", (16_384, 64)).save(tmp_path / "long.png")  # WebP ends one pixel before
    images = [LabelledImage(tmp_path / name, True) for name in ("a.png", "b.png", "long.png")]
    np.testing.assert_array_equal(WholeImages(images, RULE, clean)[0], prepare(image, RULE))
    hard = CONDITIONS["hard"]
    np.testing.assert_array_equal(WholeImages(images, RULE, hard)[0], prepare(hard(image), RULE))
    webp = WholeImages(images, RULE, partial(save_as, quality=80, format="WEBP"))
    for position, name in ((1, "b.png"), (2, "long.png")):
        assert np.isnan(webp[position]).all()
        assert f"left out {tmp_path / name}: " in capsys.readouterr().err


def test_batches_reach_workers_that_are_spawned(tmp_path: Path) -> None:
    """As they are on macOS: whatever a worker gets is pickled."""
    fill(tmp_path, 2)
    found = [LabelledImage(path, True) for path in sorted(tmp_path.iterdir())]
    loader = training_batches(TrainingCrops(found, torch.ones(2), 9, 32, 0, 0), RULE, batch=4, workers=0)
    pickle.loads(pickle.dumps(WholeImages(found, RULE, CONDITIONS["web"])))
    dataset, collate = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
    again = collate([dataset[position] for position in range(4)])
    batches = list(loader)
    assert len(batches) == 2
    torch.testing.assert_close(batches[0], list(again))
    assert batches[0][0].shape == (4, 3, 32, 32)
