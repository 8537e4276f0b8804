"""The files of a run: those of an older version, of a newer one, and those that are something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.train.test_config import OLD
from train.checkpoint import FORMAT, read_checkpoint, read_history, read_model, write_history
from train.config import Config
from train.errors import TrainError
from train.model import build


@pytest.fixture(scope="module")
def old_model() -> dict[str, Any]:
    """What 0.1.0 wrote as model.pt, as far as anything here reads it."""
    point = {"threshold": 0.9, "photo_below": 0.2, "fpr": 0.01, "fpr_upper": 0.02, "recall": 0.5}
    return {
        "format": 1,
        "architecture": "resnet18",
        "labels": ["ai", "real"],
        "config": OLD,
        "model": build("none").state_dict(),
        "calibration": {"temperature": 2.0, "bias": 0.5},
        "operating_points": {"fpr1": point, "balanced": point | {"threshold": 0.5, "photo_below": 0.5}},
    }


def test_a_model_of_an_older_version_is_read_as_one_of_this(old_model: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(old_model, path)
    state = read_model(path)
    assert state["format"] == FORMAT
    assert Config.from_checkpoint(state) == Config.from_settings(OLD)
    assert state["config"]["crop_size"] == 192
    assert {name: point["no_sign_below"] for name, point in state["operating_points"].items()} == {
        "fpr1": 0.2,
        "balanced": 0.5,
    }
    assert "photo_below" not in str(state["operating_points"])
    for name, tensor in build(str(path)).state_dict().items():
        torch.testing.assert_close(tensor, old_model["model"][name])


def test_a_checkpoint_of_an_older_version_resumes(tmp_path: Path) -> None:
    state: dict[str, Any] = dict.fromkeys(("model", "ema", "optimizer", "schedule"), None)
    state |= {"format": 1, "config": OLD, "history": [{"epoch": 0.0}]}
    torch.save(state, tmp_path / "checkpoint.pt")
    config = Config.from_settings(OLD)
    begun = read_checkpoint(tmp_path, config)
    assert (begun.config, begun.history) == (config, [{"epoch": 0.0}])
    torch.save(state | {"config": OLD | {"head": "positive"}}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainError, match="was begun with --head positive, which fauxto has no longer"):
        read_checkpoint(tmp_path, config)
    torch.save({"format": 1, "config": OLD, "history": []}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainError, match=r"checkpoint\.pt: 'ema' is missing in it"):
        read_checkpoint(tmp_path, config)


def test_a_file_of_a_newer_version_is_refused(old_model: dict[str, Any], tmp_path: Path) -> None:
    torch.save(old_model | {"format": FORMAT + 1}, tmp_path / "model.pt")
    with pytest.raises(TrainError, match=rf"model\.pt: format {FORMAT + 1}, written by a newer fauxto"):
        read_model(tmp_path / "model.pt")


def test_other_files_are_refused(old_model: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    with pytest.raises(TrainError, match=r"other\.pt: not the model\.pt of a finished run"):
        read_model(path)
    for content in ({"a": 1}, "text", old_model | {"architecture": "vgg"}, {"config": {}}, Path("a class of its own")):
        torch.save(content, path)
        with pytest.raises(TrainError, match=r"other\.pt: not a resnet18|other\.pt: not the model\.pt"):
            build(str(path))


def test_history_comes_back_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    rows = [{"epoch": 0, "loss": 0.7}, {"epoch": 1, "loss": 0.6}]
    write_history(tmp_path, rows)
    assert read_history(tmp_path) == rows
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,much\n")
    with pytest.raises(TrainError, match=r"metrics\.csv: damaged"):
        read_history(tmp_path)
