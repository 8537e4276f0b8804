"""A release becomes a run again: the same answers in use, and norms that fit in training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from export import unfold
from export.weights import network
from fauxto.image.preprocess import prepare
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from tests.export.helpers import write_images
from tests.helpers import make_photo
from train.config import Config
from train.model import ai_logit, build
from train.tools.recalibrate import main as recalibrate


def crops(count: int, size: int) -> torch.Tensor:
    images = [make_photo(size, size, seed=seed) for seed in range(count)]
    rule = Config(data=Path(), crops=1, crop_size=size).preprocessing()
    return torch.cat([torch.from_numpy(prepare(image, rule)) for image in images])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_images(folder)
    return folder


@pytest.fixture(scope="module")
def unfolded_run(data: Path, tmp_path_factory: pytest.TempPathFactory, released: Model) -> Path:
    folder = tmp_path_factory.mktemp("unfolded") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfold, "CROPS", 128)  # two batches: the norms need not fit well here
        assert unfold.main([str(released.folder), str(data), "--out", str(folder)]) == 0
    return folder


@torch.no_grad()
def test_a_release_answers_as_before_and_training_can_start_from_it(unfolded_run: Path, released: Model) -> None:
    own = build(str(unfolded_run / "model.pt")).eval()
    seen = crops(3, 224)
    expected = network(released.folder / MODEL_FILE)(seen)[:, 0]
    torch.testing.assert_close(ai_logit(own(seen)), expected, rtol=1e-3, atol=1e-3)


def test_a_release_is_calibrated_anew_for_other_crops(unfolded_run: Path, tmp_path: Path, released: Model) -> None:
    state = torch.load(unfolded_run / "model.pt", weights_only=True)
    told = Config.from_settings(released.card.raw["training"], data=Path())
    config = Config.from_checkpoint(state)
    assert (config.seed, config.train_crop, config.max_short_side) == (told.seed, told.train_crop, told.max_short_side)
    assert config.bias_file is None  # the card names it, and it did not come along
    state["config"]["samples"] = 16  # for the trivial features: few are enough here
    (tmp_path / "run").mkdir()
    torch.save(state, tmp_path / "run" / "model.pt")
    out = tmp_path / "out"
    assert recalibrate([str(tmp_path / "run"), "--out", str(out), "--max-short-side", "300"]) == 0
    done = torch.load(out / "model.pt", weights_only=True)
    assert done["config"] == state["config"] | {"max_short_side": 300}
    assert done["calibration"] != state["calibration"]
    assert not (out / "learning_curve.png").exists()


@torch.no_grad()
def test_norms_have_the_statistics_of_the_crops(released: Model) -> None:
    own, seen = unfold.unfolded(released.folder / MODEL_FILE), crops(12, 64)
    before = own(seen)
    unfold.set_norms(own, seen, batch=5)
    torch.testing.assert_close(own.eval()(seen), before, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(own.train()(seen), before, rtol=1e-3, atol=1e-3)


def test_what_is_no_release_is_refused(tmp_path: Path, released: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert unfold.main([str(tmp_path), str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert "a model needs its card beside it" in capsys.readouterr().err
    (tmp_path / "model.pt").write_bytes(b"of days of training")
    assert unfold.main([str(released.folder), str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "model.pt").read_bytes() == b"of days of training"
