"""The last layer, cut down to what speaks for "ai"."""

import torch

from fauxto.evaluate.dataset import LABELS
from train.model import ai_logit, build, stay_positive


def test_what_speaks_for_a_photograph_is_out_of_the_logit() -> None:
    model, features = build("none").eval(), torch.rand(50, 512)
    before = ai_logit(model.fc.weight.T).detach().clone()
    with torch.no_grad():
        constant = ai_logit(model.fc(torch.zeros(1, 512)))
        stay_positive(model)
        logits = ai_logit(model.fc(features))
    for_ai = before > 0
    assert 0 < for_ai.sum() < 512
    torch.testing.assert_close(logits, features[:, for_ai] @ before[for_ai] + constant)
    assert (model.fc.weight[LABELS.index("ai")] >= 0).all()


def test_cutting_twice_is_cutting_once() -> None:
    model = build("none")
    stay_positive(model)
    once = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stay_positive(model)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, once[name])
