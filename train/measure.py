"""A network's logits on images, read as the runtime reads them; and the trivial baseline on training crops."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from fauxto.evaluate import baseline
from fauxto.evaluate.corruptions import CONDITIONS
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.records import Baseline
from fauxto.image.decoded import Corruption
from fauxto.image.preprocess import Preprocessing, pool
from fauxto.progress import tell, tracked
from train.config import Config
from train.crops import TrainingCrops, WholeImages
from train.data import TrainingData
from train.errors import TrainError
from train.model import ai_logit

BASELINE_CROPS = 2000
CROPS_AT_ONCE = 16  # read by the network in one go when it is measured


@dataclass(frozen=True)
class Measured:
    """What a network makes of some images.

    Attributes:
        logits: (N,) float64, of "ai", one an image.
        images: the N images, without those that could not be read.
    """

    logits: npt.NDArray[np.float64]
    images: Sequence[LabelledImage]

    @property
    def is_ai(self) -> npt.NDArray[np.bool_]:
        """(N,) the truth."""
        return np.array([image.is_ai for image in self.images])

    @property
    def origins(self) -> list[str]:
        """(N,) where each image is from."""
        return [image.origin for image in self.images]


def measure_corruptions(
    network: nn.Module, images: Sequence[LabelledImage], config: Config, name: str = "val"
) -> dict[str, Measured]:
    """The images measured under each of CONDITIONS. `name` says on stderr what they are."""
    found = {}
    for corruption, change in CONDITIONS.items():
        tell(f"measuring {len(images)} {name} pictures, {corruption}")
        found[corruption] = measure(network, images, config.preprocessing(), change, config.workers)
    return found


def measure(
    network: nn.Module,
    images: Sequence[LabelledImage],
    rule: Preprocessing,
    corruption: Corruption,
    workers: int,
    crops: int | None = None,
) -> Measured:
    """Each image's logit, pooled over its first `crops`, or all of them. Raises TrainError where none can be read."""
    rule = replace(rule, positions=rule.positions[:crops])
    logits, kept = crop_logits(network, images, rule, corruption, workers)
    return Measured(pool(logits, rule), kept)


@torch.no_grad()
def crop_logits(
    network: nn.Module, images: Sequence[LabelledImage], rule: Preprocessing, corruption: Corruption, workers: int
) -> tuple[npt.NDArray[np.float64], list[LabelledImage]]:
    """The logit of each crop of each image, and the images that could be read.

    Returns:
        ((N, V) float64 logits of "ai", the N images in the same order).

    Raises:
        TrainError: none could be read.
    """
    network.eval()
    device = next((own.device for own in network.parameters()), torch.device("cpu"))  # an ONNX file has none
    whole = WholeImages(images, rule, corruption)
    loader = DataLoader(whole, max(1, CROPS_AT_ONCE // len(rule.positions)), num_workers=workers)
    found: list[torch.Tensor] = []
    for batch in tracked(loader, "measuring ", "batches"):
        logits = ai_logit(network(batch.flatten(0, 1).to(device))).cpu().double()  # MPS has no float64
        found.append(logits.reshape(batch.shape[:2]))
    values = torch.cat(found).numpy()
    readable = np.isfinite(values).all(1)
    if not readable.any():
        raise TrainError(f"none of {len(images)} pictures could be read, {images[0].path} among them")
    return values[readable], [image for image, ok in zip(images, readable, strict=True) if ok]


def trivial_baseline(data: TrainingData, config: Config) -> Baseline:
    """What the trivial features tell of the crops that the network learns from: near .5, or the mixture leaks.

    The crops are drawn and augmented as for one more epoch, and stored as PNG, so that the file's size
    says how much detail is left in them.
    """
    samples = min(BASELINE_CROPS, config.samples)
    crops = TrainingCrops(data.train, data.weights, samples, config.train_crop, config.seed, config.epochs + 1)

    def row(position: int) -> npt.NDArray[np.float64]:
        buffer = io.BytesIO()
        Image.fromarray(crops[position][0]).save(buffer, "PNG")
        return baseline.features(buffer.getvalue())

    tell(f"measuring trivial features of {samples} training crops")
    with ThreadPoolExecutor(max(1, config.workers)) as executor:
        table = np.array([*tracked(executor.map(row, range(samples)), "trivial features ", "crops")])
    drawn = [data.train[index] for index in crops.indices]
    is_ai = np.array([image.is_ai for image in drawn])
    return baseline.baseline(table, is_ai, [image.origin for image in drawn])
