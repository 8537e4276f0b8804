"""The network's parts: what learns how fast, what is frozen, and its last layer."""

from __future__ import annotations

import torch

from fauxto.evaluate.dataset import LABELS
from train.model import LR_SCALE, ai_logit, build, freeze_body, one_output, parameter_groups


def test_every_weight_learns_once_and_norms_do_not_decay() -> None:
    network = build("none")
    groups = parameter_groups(network, lr=1.0, weight_decay=0.1)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(map(id, network.parameters()))
    rates = {id(parameter): (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}
    assert rates[id(network.conv1.weight)] == (LR_SCALE["stem"], 0.1)
    assert rates[id(network.layer4[0].bn1.weight)] == (LR_SCALE["body"], 0.0)
    assert rates[id(network.fc.weight)] == (LR_SCALE["head"], 0.1)


def test_a_frozen_body_leaves_head_and_norms_free() -> None:
    network = build("none")
    freeze_body(network, frozen=True)
    free = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert {"fc.weight", "fc.bias", "layer1.0.bn1.weight", "layer2.0.downsample.1.bias"} <= free
    assert not free & {"conv1.weight", "layer4.1.conv2.weight", "layer2.0.downsample.0.weight"}
    freeze_body(network, frozen=False)
    assert all(parameter.requires_grad for parameter in network.parameters())


@torch.no_grad()
def test_one_output_answers_as_two_did() -> None:
    network, features = build("none").eval(), torch.rand(50, 512)
    before = ai_logit(network.fc(features))
    one_output(network)
    outputs = network.fc(features)
    torch.testing.assert_close(outputs[:, LABELS.index("ai")], before)
    assert not outputs[:, LABELS.index("real")].any()
