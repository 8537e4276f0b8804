"""Photographs are scored by a finished run, for the next one to draw the hard ones more often."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fauxto.image.decode import load
from fauxto.image.preprocess import prepare
from train.calibrate import probability
from train.config import Config
from train.data import TrainingData
from train.model import ai_logit, build
from train.sampling import read_hard_negatives
from train.tools.hard_negatives import main


def test_a_run_scores_photographs_and_the_next_draws_them_by_it(data: Path, run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "model.pt", weights_only=True)
    state["calibration"] |= {"temperature": 0.1, "bias": 0.0}  # surer than it is
    torch.save(state, tmp_path / "sure.pt")
    file = tmp_path / "hard.csv"
    assert main([str(data), "--weights", str(tmp_path / "sure.pt"), "--out", str(file)]) == 0
    found = read_hard_negatives(file, data)
    assert len(found) == 16
    network, config = build(str(run / "model.pt")).eval(), Config.from_checkpoint(state)
    for path, p in found.items():
        with torch.no_grad():
            logit = ai_logit(network(torch.from_numpy(prepare(load(path), config.preprocessing())))).numpy()
        assert p == pytest.approx(probability(logit, 0.1, 0.0).item(), abs=1e-3)
    plain, by_score = (
        TrainingData.read(Config(data=data, hard_negatives=scores)).weights.numpy() for scores in (None, file)
    )
    order = [image.path for image in TrainingData.read(Config(data=data)).train]
    hardest, easiest = (order.index(choose(found, key=found.__getitem__)) for choose in (max, min))
    ratio = by_score / plain
    assert ratio[hardest] == max(ratio[order.index(path)] for path in found)
    assert ratio[easiest] == min(ratio[order.index(path)] for path in found)
