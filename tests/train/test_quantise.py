"""int8 in training: what is rounded, what is learnt, and a whole small run."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss
from torchvision.models import ResNet

from fauxto.image.preprocess import normalise
from tests.helpers import SMALL_RUN
from train import fit
from train.__main__ import main as train
from train.checkpoint import read_model, save_checkpoint
from train.config import IMAGENET_MEAN, IMAGENET_STD
from train.model import ai_logit, build, freeze_body, parameter_groups, with_weights
from train.quantise import (
    PIXEL_STEP,
    PIXEL_ZERO,
    RELU,
    SIGNED,
    WEIGHT_LIMIT,
    Convolution,
    QuantisedResNet,
    Rounding,
    fold_norms,
    set_steps,
)


@pytest.fixture
def plain() -> ResNet:
    """A network with norms that do something, folded."""
    torch.manual_seed(0)
    network = build("none")
    for _ in range(3):
        network(torch.randn(8, 3, 64, 64))
    fold_norms(network.eval()).requires_grad_(False)
    return network


def whole(values: torch.Tensor) -> bool:
    return bool((values - values.round()).abs().max() < 1e-3)


@pytest.mark.parametrize(("zero", "least"), [(RELU, 0), (SIGNED, -128)])
def test_an_activation_takes_256_values(zero: int, least: int) -> None:
    rounding = Rounding(zero)
    rounding.log_step.data.fill_(-2)
    steps = (rounding(torch.linspace(-60, 60, 10_000)) / rounding.log_step.exp()).detach()
    assert whole(steps)
    assert steps.round().unique().tolist() == [*range(least, 256 - zero)]


def test_a_rounding_lets_gradients_pass_and_learns_its_step() -> None:
    rounding = Rounding(RELU)
    rounding.log_step.data.fill_(0)
    values = torch.tensor([-1.0, 0.3, 1.6, 300.0], requires_grad=True)
    rounding(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 0]
    assert rounding.log_step.grad is not None
    assert float(rounding.log_step.grad) == pytest.approx(-0.3 + 0.4 + 255)  # LSQ: rounded minus exact, or the limit


def test_a_first_step_clips_outliers_only() -> None:
    torch.manual_seed(0)
    rounding, values = Rounding(SIGNED), torch.randn(20_000)
    rounding.fit(values)
    assert 0.6 < rounding.log_step.exp().item() * 127 / values.abs().max() <= 1
    rounding.fit(torch.cat([values, torch.tensor([100.0])]))
    assert rounding.log_step.exp().item() * 127 < 100
    rounding.fit(torch.zeros(5))
    assert rounding(torch.zeros(5)).tolist() == [0] * 5


def test_a_step_that_is_wrong_is_learnt() -> None:
    torch.manual_seed(0)
    rounding, values = Rounding(SIGNED), torch.randn(4096)
    rounding.fit(values)
    best = rounding.log_step.item()
    rounding.log_step.data += 2
    optimizer = torch.optim.Adam(rounding.parameters(), lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        torch.autograd.backward(mse_loss(rounding(values), values))
        optimizer.step()
    assert rounding.log_step.item() == pytest.approx(best, abs=0.4)


def test_folded_norms_change_no_answer() -> None:
    torch.manual_seed(1)
    network = build("none")
    network(torch.randn(8, 3, 64, 64))
    crops = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        before = network.eval()(crops)
        torch.testing.assert_close(fold_norms(network)(crops), before, rtol=1e-3, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_the_inputs_whole_numbers_are_the_pixels(plain: ResNet) -> None:
    network = QuantisedResNet(copy.deepcopy(plain))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    crops = torch.from_numpy(normalise(pixels, IMAGENET_MEAN, IMAGENET_STD))
    seen = (crops * network.scale + network.shift) / PIXEL_STEP + PIXEL_ZERO
    torch.testing.assert_close(seen.permute(0, 2, 3, 1), torch.from_numpy(pixels).float(), rtol=0, atol=1e-3)


def test_a_quantised_network_answers_nearly_as_the_plain_one(plain: ResNet) -> None:
    network, crops = QuantisedResNet(copy.deepcopy(plain)), torch.randn(16, 3, 64, 64)
    set_steps(network, crops)
    inputs = []
    for module in network.modules():
        if isinstance(module, Rounding):
            module.register_forward_hook(lambda own, _, out: inputs.append(out / own.log_step.exp()))
    with torch.no_grad():
        own, other = ai_logit(network(crops)), ai_logit(plain(crops))
    assert 0 < float((own - other).std()) < 0.15 * float(other.std())
    assert len(inputs) == 20 + 8
    assert all(whole(values) for values in inputs)


def test_weights_take_seven_bits_a_channel(plain: ResNet) -> None:
    network = QuantisedResNet(copy.deepcopy(plain))
    layers = [module for module in network.modules() if isinstance(module, Convolution)]
    assert len(layers) == 20
    for layer in layers:
        steps = (layer.rounded_weight() / layer.weight_steps()[:, None, None, None]).detach()
        assert whole(steps)
        assert bool((steps.abs().amax((1, 2, 3)).round() == WEIGHT_LIMIT).all())


def test_steps_learn_faster_and_with_the_head_first(plain: ResNet) -> None:
    network = QuantisedResNet(copy.deepcopy(plain)).requires_grad_()
    rates = {id(p): group["lr"] for group in parameter_groups(network, 1.0, 0.1) for p in group["params"]}  # type: ignore[attr-defined]
    assert rates[id(network.conv1.out.log_step)] == 250.0
    assert rates[id(network.conv1.weight)] == 0.25
    freeze_body(network, frozen=True)
    free = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert {name for name in free if not name.endswith("log_step")} == {"fc.weight", "fc.bias"}
    assert len(free) == 2 + 28


@pytest.fixture(scope="module")
def quantised(data: Path, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run, quantised."""
    folder = tmp_path_factory.mktemp("quantised") / "run"
    assert train(words(data, run, folder)) == 0
    return folder


def words(data: Path, run: Path, out: Path) -> list[str]:
    return [str(data), "--out", str(out), *SMALL_RUN, "--lr", "4e-6", "--weights", str(run / "model.pt"), "--quantise"]


def test_a_quantised_run_answers_as_its_teacher(run: Path, quantised: Path) -> None:
    state = read_model(quantised / "model.pt")
    assert state["config"]["quantise"] is True
    assert {"clean", "web", "hard"} == set(state["val"])
    assert state["calibration"]["temperature"] != read_model(run / "model.pt")["calibration"]["temperature"]
    assert isinstance(with_weights(state["model"]), QuantisedResNet)
    with (quantised / "metrics.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 3
    assert 0 < max(losses) < 0.05


def test_a_quantised_run_that_resumes_is_the_uninterrupted_one(
    data: Path, run: Path, quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_then_stop(*arguments: Any) -> None:
        save_checkpoint(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "save_checkpoint", save_then_stop)
    assert train(words(data, run, tmp_path / "run")) == 130
    monkeypatch.setattr(fit, "save_checkpoint", save_checkpoint)
    assert train([*words(data, run, tmp_path / "run"), "--resume"]) == 0
    whole, resumed = (read_model(folder / "model.pt")["model"] for folder in (quantised, tmp_path / "run"))
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-5, atol=1e-6)


def test_a_quantised_network_is_no_start_of_another_run(
    data: Path, quantised: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train([*words(data, quantised, tmp_path / "run")]) == 2
    assert "an int8 network; name the fp32 run that it was made from" in capsys.readouterr().err
