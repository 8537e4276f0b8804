"""A network's logits on pictures, seen as the runtime sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from fauxto.conditions import Condition
from fauxto.labelled import Picture
from fauxto.preprocess import Preprocessing
from train.data import WholePictures
from train.model import ai_logit


@torch.no_grad()
def pooled_logits(
    model: nn.Module,
    pictures: Sequence[Picture],
    rule: Preprocessing,
    condition: Condition,
    workers: int,
    views: int | None = None,
) -> tuple[np.ndarray, list[Picture]]:
    """The mean logit over each picture's views, and the pictures that could be read.

    Returns:
        ((N,) float64 logits of "ai", the N pictures in the same order).
    """
    model.eval()
    device = next(model.parameters()).device
    rule = replace(rule, positions=rule.positions[:views])
    whole = WholePictures(pictures, rule, condition)
    loader = DataLoader(whole, max(1, 16 // len(rule.positions)), num_workers=workers)
    logits: list[float] = []
    for batch in tqdm(loader, desc="measure", unit="batch", leave=False, disable=None):
        outputs = ai_logit(model(batch.flatten(0, 1).to(device))).double().cpu()
        logits += outputs.reshape(len(batch), -1).mean(1).tolist()
    values = np.array(logits)
    read = np.isfinite(values)
    return values[read], [picture for picture, ok in zip(pictures, read, strict=True) if ok]
