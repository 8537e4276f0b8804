"""A release becomes a run again: the same answers in use, and norms that fit in training."""

from pathlib import Path

import pytest
import torch

from export import unfold
from export.weights import network
from fauxto import card as cards
from fauxto.image.preprocess import prepare
from fauxto.model.card import MODEL_FILE
from tests.export.released_run import write_pictures
from tests.helpers import make_photo
from train.average import main as average
from train.config import Config
from train.model import ai_logit, build

MODEL = cards.find_model(None)


def views(count: int, size: int) -> torch.Tensor:
    pictures = [make_photo(size, size, seed=seed) for seed in range(count)]
    rule = Config(views=1, view_size=size).preprocessing()
    return torch.cat([torch.from_numpy(prepare(picture, rule)) for picture in pictures])


@torch.no_grad()
def test_a_release_answers_as_before_and_training_can_start_from_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_pictures(data)
    assert unfold.main([str(MODEL), str(data), "--out", str(tmp_path / "run")]) == 0
    own = build(str(tmp_path / "run" / "model.pt")).eval()
    seen = views(3, 224)
    torch.testing.assert_close(ai_logit(own(seen)), network(MODEL / MODEL_FILE)(seen)[:, 0], rtol=1e-3, atol=1e-3)


def test_a_release_is_calibrated_anew_for_other_views(tmp_path: Path) -> None:
    data, run, out = (tmp_path / name for name in ("data", "run", "out"))
    data.mkdir()
    write_pictures(data)
    assert unfold.main([str(MODEL), str(data), "--out", str(run)]) == 0
    state = torch.load(run / "model.pt", weights_only=True)
    told = cards.read(MODEL).raw["training"]
    assert all(state["config"][name] == told[name] for name in ("seed", "crop", "max_short_side"))
    state["config"]["samples"] = 16  # for the trivial features: few are enough here
    torch.save(state, run / "model.pt")
    assert average([str(run), "--out", str(out), "--max-short-side", "300"]) == 0
    done = torch.load(out / "model.pt", weights_only=True)
    assert done["config"] == state["config"] | {"max_short_side": 300}
    assert done["calibration"] != state["calibration"]
    assert not (out / "learning_curve.png").exists()


@torch.no_grad()
def test_norms_have_the_statistics_of_the_crops() -> None:
    own, crops = unfold.unfolded(MODEL / MODEL_FILE), views(12, 64)
    before = own(crops)
    unfold.set_norms(own, crops, batch=5)
    torch.testing.assert_close(own.eval()(crops), before, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(own.train()(crops), before, rtol=1e-3, atol=1e-3)


def test_what_is_no_release_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert unfold.main([str(tmp_path), str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert "a model needs its card beside it" in capsys.readouterr().err
    (tmp_path / "model.pt").write_bytes(b"of days of training")
    assert unfold.main([str(MODEL), str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "holds a run already" in capsys.readouterr().err
