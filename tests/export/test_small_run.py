"""The whole chain: a run of seconds, exported, and looked at through the runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.__main__ import main as export
from export.checkpoint import network_of
from fauxto.detector import Detector
from fauxto.evaluate.run import Plan, evaluate
from fauxto.image.decode import load
from fauxto.image.preprocess import prepare
from fauxto.model.card import CARD_FILE, MODEL_FILE
from tests.helpers import SMALL_RUN, write_blurred
from train.__main__ import main as train
from train.checkpoint import read_model
from train.model import ai_logit, with_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_blurred(folder)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert train([str(data), "--out", str(folder), *SMALL_RUN]) == 0
    return folder


@pytest.fixture(scope="module")
def model(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "small"
    assert export([str(run), "--out", str(out)]) == 0
    return out


def test_the_exported_model_is_torchs(data: Path, run: Path, model: Path) -> None:
    assert {CARD_FILE, MODEL_FILE, "report"} < {path.name for path in model.iterdir()}
    detector = Detector(model, variant="fp32")
    state = read_model(run / "model.pt")
    rounded, trained = network_of(state), with_weights(state["model"])
    paths = sorted((data / "val").rglob("*.png"))
    assert len(paths) == 20
    for path in paths:
        crops = torch.from_numpy(prepare(load(path), detector.card.preprocessing))
        with torch.no_grad():
            released, exact = (float(ai_logit(network(crops)).mean()) for network in (rounded, trained))
        assert detector.predict(path).logit == pytest.approx(released, abs=1e-4)
        assert released == pytest.approx(exact, abs=5e-3)  # half precision


def test_the_batch_is_dynamic(model: Path) -> None:
    session = Detector(model).session
    crops = np.random.default_rng(0).random((7, 3, 64, 64), np.float32)
    together = session.run(crops)
    np.testing.assert_allclose(together, [session.run(crop[None])[0] for crop in crops], atol=1e-4)


def test_the_evidence_adds_up_to_the_logit(run: Path, model: Path) -> None:
    crops = np.random.default_rng(1).random((3, 3, 64, 64), np.float32)
    session = Detector(model, variant="fp32").session
    logits, cells = session.evidence(crops)
    bias = read_model(run / "model.pt")["model"]["fc.bias"]
    np.testing.assert_allclose(cells.mean((1, 2)) + float(bias[0] - bias[1]), logits, atol=1e-4)
    np.testing.assert_allclose(logits, session.run(crops), atol=1e-6)


def test_eval_measures_through_the_runtime(data: Path, model: Path) -> None:
    report = evaluate(Plan(folder=data / "val", model=model, conditions=["clean", "hard"])).report
    assert report["conditions"]["clean"]["n_real"] == 10
    assert 0 <= report["conditions"]["hard"]["auc"] <= 1
