"""A whole small run: train, stop, resume, export, predict."""

import csv
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from export.__main__ import main as export
from export.checkpoint import network_of
from fauxto.detector import Detector
from fauxto.evaluate.run import evaluate
from fauxto.image.decode import load
from fauxto.image.preprocess import prepare
from fauxto.model.card import CARD_FILE, MODEL_FILE
from tests.helpers import SMALL_RUN, make_photo
from train import fit
from train.__main__ import main as train
from train.average import main as average
from train.calibrate import probability
from train.config import Config
from train.data import read_doubts
from train.doubts import main as doubts
from train.errors import TrainError
from train.model import ai_logit
from train.views import main as views

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sharp pictures are "real", blurred ones "ai"."""
    folder = tmp_path_factory.mktemp("data")
    for part, count in (("train", 16), ("val", 10)):
        for label in ("ai", "real"):
            place = folder / part / label
            place.mkdir(parents=True)
            for i in range(count):
                picture = make_photo(220, 210, seed=i)
                if label == "ai":
                    picture = picture.filter(ImageFilter.GaussianBlur(3))
                picture.save(place / f"{i}.png")
    (folder / "train/ai/broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train([str(data), "--out", str(folder), *SMALL_RUN]) == 0
    return folder


def test_a_run_leaves_all_that_it_promises(run: Path) -> None:
    assert tomllib.loads((run / "config.toml").read_text())["crop"] == 64
    with (run / "metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    for name in ("learning_curve", "confusion_matrix", "roc", "calibration", "worst_mistakes"):
        with Image.open(run / f"{name}.png") as picture:
            assert min(picture.size) > 100
    for name in ("checkpoint.pt", "model.pt"):
        assert torch.load(run / name, weights_only=True)["labels"] == ["ai", "real"]
    assert json.loads((run / "val.json").read_text())["hard"]["n_ai"] == 8
    with (run / "data.csv").open() as file:
        rows = [(row["split"], row["label"], row["pictures"]) for row in csv.DictReader(file)]
    assert rows == [("train", "real", "16"), ("train", "ai", "16"), ("val", "real", "10"), ("val", "ai", "10")]


def test_a_resumed_run_is_the_uninterrupted_one(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saves = fit.save_checkpoint, []

    def save_then_stop(*arguments: object) -> None:
        save(*arguments)
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


def test_a_run_starts_from_an_earlier_one(data: Path, run: Path, tmp_path: Path) -> None:
    network = fit.build(str(run / "model.pt"))
    for name, tensor in torch.load(run / "model.pt", weights_only=True)["model"].items():
        torch.testing.assert_close(network.state_dict()[name], tensor)
    for path, content in (("missing.pt", None), ("other.pt", {"a": 1}), ("text.pt", "text")):
        if content:
            torch.save(content, tmp_path / path)
        with pytest.raises(TrainError, match=r"the model\.pt of a finished run"):
            fit.build(str(tmp_path / path))


def test_a_run_doubts_photographs_and_the_next_draws_them_more_often(data: Path, run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "model.pt", weights_only=True)
    state["calibration"] |= {"temperature": 0.1, "bias": 0.0}  # surer than it is
    torch.save(state, tmp_path / "sure.pt")
    file = tmp_path / "doubts.csv"
    assert doubts([str(data), "--weights", str(tmp_path / "sure.pt"), "--out", str(file)]) == 0
    found = read_doubts(str(file), data)
    assert len(found) == 16
    network = fit.build(str(run / "model.pt"))
    for path, p in found.items():
        view = prepare(load(path), Config(**state["config"]).preprocessing())
        with torch.no_grad():
            logit = ai_logit(network.eval()(torch.from_numpy(view))).numpy()
        assert p == pytest.approx(probability(logit, 0.1, 0.0).item(), abs=1e-3)
    assert train([str(data), "--out", str(tmp_path / "next"), *SMALL_RUN, "--epochs", "1", "--doubts", str(file)]) == 0
    assert train([str(data), "--out", str(tmp_path / "none"), *SMALL_RUN, "--doubts", str(tmp_path / "gone.csv")]) == 2


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
    assert average([str(run), str(other), "--out", str(other)]) == 2
    assert "choose another --out" in capsys.readouterr().err


def test_a_positive_last_layer_is_calibrated_and_kept(run: Path, tmp_path: Path) -> None:
    start, out = tmp_path / "start", tmp_path / "positive"
    shutil.copytree(run, start)
    state = torch.load(start / "model.pt", weights_only=True)
    state["config"]["head"] = "positive"
    torch.save(state, start / "model.pt")
    assert average([str(start), "--out", str(out)]) == 0
    done = torch.load(out / "model.pt", weights_only=True)
    before, after = (ai_logit(kept["model"]["fc.weight"].T) for kept in (state, done))
    assert (before < 0).any()
    torch.testing.assert_close(after, before.clamp(min=0))
    assert done["calibration"] != state["calibration"]


def test_a_refused_run_changes_nothing(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "config.toml").read_bytes()
    words = [str(data), "--out", str(run), *SMALL_RUN]
    assert train([*words, "--resume", "--crop", "96"]) == 2
    assert "was begun with --crop 64, not 96" in capsys.readouterr().err
    assert (run / "config.toml").read_bytes() == before
    (tmp_path / "model.pt").write_bytes(b"an average, or an unfolded release")
    assert train([str(data), "--out", str(tmp_path), *SMALL_RUN]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_views_are_compared_on_val_of_any_layout(
    data: Path, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.views.WAYS", {"1 x 64": (64, ((0.5, 0.5),), 640)})
    for folder in (data, data / "train"):
        assert views([str(run), "--data", str(folder), "--pictures", "4", "--conditions", "clean,hard"]) == 0
        rows = capsys.readouterr().out.splitlines()[2:]
        assert [row.split(" | ")[2] for row in rows] == ["clean", "hard"]
    assert views([str(run), "--conditions", "clean,foggy"]) == 2
    assert "condition 'foggy' is not one of clean, web, hard" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_through_accelerate(data: Path, tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "-m", "train"]
    words = [*launch, str(data), "--out", str(tmp_path / "run"), *SMALL_RUN]
    answer = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "run" / "model.pt").exists()
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3


def test_refusals_come_before_anything_starts(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train([str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert "no usable 'ai' picture" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert train([str(data), "--out", str(run), *SMALL_RUN]) == 2
    assert "holds a run already; add --resume" in capsys.readouterr().err
    assert train([str(data), "--out", str(tmp_path / "new"), *SMALL_RUN, "--resume"]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    assert train([str(data), "--out", str(run), *SMALL_RUN, "--resume", "--seed", "5"]) == 2
    assert "was begun with --seed 0, not 5" in capsys.readouterr().err


@pytest.fixture(scope="module")
def model(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "small"
    assert export([str(run), "--out", str(out)]) == 0
    return out


def test_the_exported_model_is_torchs(data: Path, run: Path, model: Path) -> None:
    assert {CARD_FILE, MODEL_FILE, "report"} < {path.name for path in model.iterdir()}
    detector = Detector(model, variant="fp32")
    checkpoint = torch.load(run / "model.pt", weights_only=True)
    rounded, trained = network_of(checkpoint), fit.build("none").eval()
    trained.load_state_dict(checkpoint["model"])
    from fauxto.image.decode import load
    from fauxto.image.preprocess import prepare

    for path in sorted((data / "val").rglob("*.png")):
        views = torch.from_numpy(prepare(load(path), detector.card.preprocessing))
        with torch.no_grad():
            released, exact = (float(ai_logit(network(views)).mean()) for network in (rounded, trained))
        assert detector.predict(path).logit == pytest.approx(released, abs=1e-4)
        assert released == pytest.approx(exact, abs=5e-3)  # half precision


def test_the_batch_is_dynamic(model: Path) -> None:
    session = Detector(model)._session
    views = np.random.default_rng(0).random((7, 3, 64, 64), np.float32)
    together = session.run(views)
    np.testing.assert_allclose(together, [session.run(view[None])[0] for view in views], atol=1e-4)


def test_the_evidence_adds_up_to_the_logit(run: Path, model: Path) -> None:
    views = np.random.default_rng(1).random((3, 3, 64, 64), np.float32)
    logits, cells = Detector(model, variant="fp32")._session.evidence(views)
    bias = torch.load(run / "model.pt", weights_only=True)["model"]["fc.bias"]
    np.testing.assert_allclose(cells.mean((1, 2)) + float(bias[0] - bias[1]), logits, atol=1e-4)
    np.testing.assert_allclose(logits, Detector(model, variant="fp32")._session.run(views), atol=1e-6)


def test_eval_measures_through_the_runtime(data: Path, model: Path) -> None:
    report = evaluate(data / "val", str(model), ["clean", "hard"]).report
    assert report["conditions"]["clean"]["n_real"] == 10
    assert 0 <= report["conditions"]["hard"]["auc"] <= 1


def test_export_refuses_in_one_line(run: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export([str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert "model.pt: not there" in capsys.readouterr().err
    assert export([str(run), "--out", str(model)]) == 2
    assert "choose another --out" in capsys.readouterr().err
    checkpoint = torch.load(run / "model.pt", weights_only=True)
    refused: list[tuple[dict[str, str | None], str]] = [
        ({"architecture": "vgg"}, "not a resnet18"),
        ({"calibration": None}, "no calibration"),
        ({"val": None}, "an unfolded release"),
    ]
    for changes, message in refused:
        broken = tmp_path / message.replace(" ", "-")
        broken.mkdir()
        torch.save({k: v for k, v in (checkpoint | changes).items() if v is not None}, broken / "model.pt")
        assert export([str(broken), "--out", str(tmp_path / "m")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_export_keeps_nothing_that_differs(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("export.package.MAX_LOGIT_DIFFERENCE", -1.0)
    assert export([str(run), "--out", str(tmp_path / "m")]) == 2
    assert "differs from torch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
