"""Tools that make a run of finished runs: averaged, or calibrated anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from train.tools.average_checkpoints import main as average
from train.tools.average_checkpoints import mean
from train.tools.recalibrate import main as recalibrate


def test_the_mean_of_weights_is_their_mean_and_counters_are_the_last() -> None:
    states = [{"w": torch.tensor([1.0, value]), "n": torch.tensor(int(value))} for value in (2.0, 4.0, 9.0)]
    found = mean(states)
    assert found["w"].tolist() == [1.0, 5.0]
    assert found["n"] == 9


def test_the_mean_of_two_runs_is_a_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    state = torch.load(other / "model.pt", weights_only=True)
    state["model"]["bn1.bias"] += 2
    torch.save(state, other / "model.pt")
    assert average([str(run), str(other), "--out", str(tmp_path / "mean")]) == 0
    found = torch.load(tmp_path / "mean/model.pt", weights_only=True)
    torch.testing.assert_close(found["model"]["bn1.bias"], state["model"]["bn1.bias"] - 1)
    assert found["calibration"]["n"] == 3 * 16
    assert (tmp_path / "mean/metrics.csv").read_bytes() == (run / "metrics.csv").read_bytes()
    capsys.readouterr()
    for words, reason in (
        ([str(run), str(other), "--out", str(other)], "choose another --out"),
        ([str(run), "--out", str(tmp_path / "one")], "python -m train.tools.recalibrate"),
        ([str(run), str(tmp_path), "--out", str(tmp_path / "none")], "not the model.pt of a finished run"),
    ):
        assert average(words) == 2
        assert reason in capsys.readouterr().err


def test_a_run_is_calibrated_anew_for_larger_pictures(run: Path, tmp_path: Path) -> None:
    """The weights stay, and whatever the calibration rests on is measured anew."""
    assert recalibrate([str(run), "--out", str(tmp_path / "new"), "--max-short-side", "100"]) == 0
    before, after = (torch.load(folder / "model.pt", weights_only=True) for folder in (run, tmp_path / "new"))
    assert after["config"] == before["config"] | {"max_short_side": 100}
    for name, tensor in before["model"].items():
        torch.testing.assert_close(after["model"][name], tensor)
    assert after["calibration"]["temperature"] != before["calibration"]["temperature"]
    assert recalibrate([str(run), "--out", str(tmp_path / "new")]) == 2


def test_a_run_is_calibrated_anew_on_as_many_pictures_as_are_asked_for(run: Path, tmp_path: Path) -> None:
    assert recalibrate([str(run), "--out", str(tmp_path / "few"), "--report-pictures", "5"]) == 0
    assert torch.load(tmp_path / "few/model.pt", weights_only=True)["calibration"]["n"] == 3 * 10
