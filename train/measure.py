"""A network's logits on pictures, seen as the runtime sees them; and what trivial features make of the crops."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decoded import Corruption
from fauxto.image.preprocess import Preprocessing, pool
from train.config import Config
from train.data import TrainingCrops, WholePictures, draw_weights, read_doubts
from train.errors import TrainError
from train.model import ai_logit


def pooled_logits(
    model: nn.Module,
    pictures: Sequence[LabelledImage],
    rule: Preprocessing,
    condition: Corruption,
    workers: int,
    views: int | None = None,
) -> tuple[np.ndarray, list[LabelledImage]]:
    """Each picture's logit, pooled over its first `views`, and the pictures that could be read.

    Returns:
        ((N,) float64 logits of "ai", the N pictures in the same order).
    """
    rule = replace(rule, positions=rule.positions[:views])
    logits, kept = view_logits(model, pictures, rule, condition, workers)
    return pool(logits, rule), kept


@torch.no_grad()
def view_logits(
    model: nn.Module, pictures: Sequence[LabelledImage], rule: Preprocessing, condition: Corruption, workers: int
) -> tuple[np.ndarray, list[LabelledImage]]:
    """The logit of each view of each picture, and the pictures that could be read.

    Returns:
        ((N, V) float64 logits of "ai", the N pictures in the same order).

    Raises:
        TrainError: none could be read.
    """
    model.eval()
    device = next(model.parameters()).device
    whole = WholePictures(pictures, rule, condition)
    loader = DataLoader(whole, max(1, 16 // len(rule.positions)), num_workers=workers)
    found: list[torch.Tensor] = []
    for batch in tqdm(loader, desc="measure", unit="batch", leave=False, disable=None):
        logits = ai_logit(model(batch.flatten(0, 1).to(device))).cpu().double()  # MPS has no float64
        found.append(logits.unflatten(0, batch.shape[:2]))
    values = torch.cat(found).numpy()
    read = np.isfinite(values).all(1)
    if not read.any():
        raise TrainError(f"none of {len(pictures)} pictures could be read, {pictures[0].path} among them")
    return values[read], [picture for picture, ok in zip(pictures, read, strict=True) if ok]


def trivial_baseline(train: Sequence[LabelledImage], config: Config) -> dict[str, Any]:
    """What the trivial features tell of the crops that the network learns from: near .5, or the mixture leaks.

    The crops are drawn and augmented as for one more epoch, and stored as PNG, so that the file's size
    says how much detail is left in them.
    """
    samples = min(2000, config.samples)
    weights = draw_weights(train, read_doubts(config.doubts, Path(config.data)))
    crops = TrainingCrops(train, weights, samples, config.crop, config.seed, config.epochs + 1)

    def row(position: int) -> np.ndarray:
        buffer = io.BytesIO()
        Image.fromarray(crops[position][0]).save(buffer, "PNG")
        return baseline.features(buffer.getvalue())

    with ThreadPoolExecutor(max(1, config.workers)) as pool:
        table = np.array(list(tqdm(pool.map(row, range(samples)), "trivial features", samples, False, disable=None)))
    drawn = [train[index] for index in crops.indices]
    is_ai = np.array([picture.is_ai for picture in drawn])
    return baseline.baseline(table, is_ai, [picture.origin for picture in drawn])
