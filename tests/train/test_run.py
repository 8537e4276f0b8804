"""A whole small run: train, stop, resume, start from an earlier one, refuse."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.helpers import SMALL_RUN
from train import fit
from train.__main__ import main as train
from train.checkpoint import Row


def test_a_run_leaves_all_that_it_promises(run: Path) -> None:
    assert tomllib.loads((run / "config.toml").read_text("utf-8"))["train_crop"] == 64
    with (run / "metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    for name in ("learning_curve", "confusion_matrix", "roc", "calibration", "worst_mistakes"):
        with Image.open(run / f"{name}.png") as picture:
            assert min(picture.size) > 100
    for name in ("checkpoint.pt", "model.pt"):
        assert torch.load(run / name, weights_only=True)["labels"] == ["ai", "real"]
    assert json.loads((run / "val.json").read_text("utf-8"))["hard"]["n_ai"] == 8
    with (run / "data.csv").open() as file:
        rows = [(row["split"], row["label"], row["pictures"]) for row in csv.DictReader(file)]
    assert rows == [("train", "real", "16"), ("train", "ai", "16"), ("val", "real", "10"), ("val", "ai", "10")]
    assert not list(run.glob(".*"))  # nothing half written is left


def test_the_model_says_what_the_card_needs(run: Path) -> None:
    state = torch.load(run / "model.pt", weights_only=True)
    assert state["config"] == tomllib.loads((run / "config.toml").read_text("utf-8"))
    assert set(state["operating_points"]) == {"fpr1", "fpr5", "balanced"}
    assert all(0 <= p["no_sign_below"] <= p["threshold"] for p in state["operating_points"].values())
    assert state["calibration"]["n"] == 3 * 16
    assert state["data"]["train"] == {"ai": 16, "real": 16}


def test_a_resumed_run_is_the_uninterrupted_one(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saves = fit.save_checkpoint, []

    def save_then_stop(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        saves.append(1)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit, "save_checkpoint", save_then_stop)
    words = [str(data), "--out", str(tmp_path / "run"), *SMALL_RUN]
    assert train(words) == 130
    monkeypatch.setattr(fit, "save_checkpoint", save)
    assert train([*words, "--resume"]) == 0
    whole, resumed = (torch.load(folder / "model.pt", weights_only=True) for folder in (run, tmp_path / "run"))
    for name, tensor in whole["model"].items():
        torch.testing.assert_close(resumed["model"][name], tensor, rtol=1e-5, atol=1e-6)


def test_a_run_that_resumes_keeps_the_precision_that_it_found(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "auto" is timed once: a later timing might come out otherwise, and the run would change under way."""
    seen: list[str] = []

    def fit_nothing(config: fit.Config, *_: object) -> tuple[torch.nn.Module, list[Row]]:
        seen.append(config.precision)
        return torch.nn.Identity(), []

    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes())
    monkeypatch.setattr("train.run.fit", fit_nothing)
    monkeypatch.setattr("train.run.finish", lambda *_: None)
    monkeypatch.setattr("train.device.faster_precision", lambda *_: "bf16")
    auto = [word if word != "fp32" else "auto" for word in SMALL_RUN]
    assert train([str(data), "--out", str(copy), *auto, "--resume"]) == 0
    assert train([str(data), "--out", str(tmp_path / "new"), *auto]) == 0
    assert seen == ["fp32", "bf16"]
    assert tomllib.loads((copy / "config.toml").read_text("utf-8"))["precision"] == "fp32"
    assert tomllib.loads((tmp_path / "new/config.toml").read_text("utf-8"))["precision"] == "bf16"


def test_a_refused_run_changes_nothing(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "config.toml").read_bytes()
    words = [str(data), "--out", str(run), *SMALL_RUN]
    assert train([*words, "--resume", "--train-crop", "96"]) == 2
    assert "was begun with --train-crop 64, not 96" in capsys.readouterr().err
    assert (run / "config.toml").read_bytes() == before
    (tmp_path / "model.pt").write_bytes(b"an average, or an unfolded release")
    assert train([str(data), "--out", str(tmp_path), *SMALL_RUN]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_refusals_come_before_anything_starts(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = str(tmp_path / "new")
    refused = [
        ([str(tmp_path), "--out", new], "no usable 'ai' picture"),
        ([str(data), "--out", str(run), *SMALL_RUN], "holds a run already; add --resume"),
        ([str(data), "--out", new, *SMALL_RUN, "--resume"], "nothing to resume"),
        ([str(data), "--out", str(run), *SMALL_RUN, "--resume", "--seed", "5"], "was begun with --seed 0, not 5"),
        ([str(data), "--out", new, *SMALL_RUN, "--hard-negatives", str(tmp_path / "gone.csv")], "gone.csv"),
        ([str(data), "--out", new, *SMALL_RUN, "--bias-file", str(tmp_path / "gone.json")], "gone.json"),
    ]
    for words, reason in refused:
        assert train(words) == 2
        told = capsys.readouterr().err.splitlines()
        assert told[-1].startswith("train: ")
        assert reason in told[-1]
    assert not (tmp_path / "new").exists()


def test_a_damaged_checkpoint_is_one_line(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (run / "checkpoint.pt").read_bytes()
    words = [str(data), "--out", str(tmp_path), *SMALL_RUN, "--resume"]
    for content in (whole[: len(whole) // 2], b"", b"nonsense"):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        assert train(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"train: {tmp_path / 'checkpoint.pt'}: not a whole checkpoint of a run")
        assert line.endswith("train anew with another --out")
