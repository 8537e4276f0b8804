"""A head with a hidden layer: four small networks that learn side by side, and answer as one by their mean."""

from __future__ import annotations

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # scikit-learn needs it itself
from torch import nn
from torch.nn import functional as F

from fauxto.second_opinion.encoder import LENGTH
from fauxto.second_opinion.head import Head
from train.second.corpus import Singles
from train.second.head import Lesson

MEMBERS, UNITS = 4, 64
EPOCHS, BATCH, RATE, DECAY = 20, 256, 1e-3, 0.1  # of AdamW
FLAT = 1e-3  # a number of the embedding that varies by less stays as small as it is
DROPPED = (0.2, 0.5)  # shares of an embedding's numbers, and of the units


class Members(nn.Module):
    """MEMBERS networks of UNITS rectified units each. (N, 512) float32 -> (N, MEMBERS) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(LENGTH, MEMBERS * UNITS)
        bound = UNITS**-0.5  # as nn.Linear begins
        self.weight = nn.Parameter(torch.empty(MEMBERS, UNITS).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(MEMBERS))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """While training, what is dropped of the embedding is the same for all members."""
        units = F.relu(self.hidden(F.dropout(embeddings, DROPPED[0], self.training)))
        kept = F.dropout(units, DROPPED[1], self.training).reshape(-1, MEMBERS, UNITS)
        return torch.einsum("nmu,mu->nm", kept, self.weight) + self.bias


def fit_network(data: Lesson, seed: int = 0) -> Head:
    """Train the members on standardised embeddings; the head takes them as they are. The same for the same seed."""
    mean, spread = data.embedding.mean(0), np.maximum(data.embedding.std(0), FLAT)
    embedding = torch.from_numpy((data.embedding - mean) / spread)
    is_ai, weights = (torch.from_numpy(values.astype(np.float32))[:, None] for values in (data.is_ai, data.weights))
    with threadpool_limits(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        members = Members()
        optimiser = torch.optim.AdamW(members.parameters(), RATE, weight_decay=DECAY)
        for _ in range(EPOCHS):
            for batch in torch.split(torch.randperm(len(embedding)), BATCH):
                logits = members(embedding[batch])
                losses = F.binary_cross_entropy_with_logits(logits, is_ai[batch].expand_as(logits), reduction="none")
                optimiser.zero_grad()
                (losses * weights[batch]).mean().mul(MEMBERS).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return _head(members, mean, spread)


def _head(members: Members, mean: Singles, spread: Singles) -> Head:
    """The members' mean as one network, the standardising taken into its weights."""
    matrix, bias, weight, constant = (
        values.detach().double().numpy()
        for values in (members.hidden.weight, members.hidden.bias, members.weight, members.bias)
    )
    hidden = matrix.T / spread[:, None]
    return Head(weight.ravel() / MEMBERS, float(constant.mean()), (hidden, bias - mean @ hidden))
