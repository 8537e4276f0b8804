"""Every file that an export wrote, against the fp32 ONNX file, on real images."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LABELS
from fauxto.image.decode import load
from fauxto.image.preprocess import cut_crops, normalise, pool
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.inference.onnx import OnnxSession
from fauxto.model.card import REFERENCE, Card
from fauxto.progress import Progress
from fauxto.verdict import decide, probability

Crops = npt.NDArray[np.uint8]
Logits = Callable[[Crops], npt.NDArray[np.floating]]
"""(V, S, S, 3) uint8 crops -> (V,) logits of the positive label, before the calibration."""

MAX_DIFFERENCE = 0.005  # of p, for a file in half precision
MAX_FLIPS_PALETTISED = 0.005
MAX_FLIPS, MAX_AUC_LOSS = 0.01, 0.003  # for a file in the reference's calibration that is to be a default


@dataclass(frozen=True)
class Parity:
    """How far a file is from the fp32 ONNX file, each with its own calibration. The card keeps it, as "proof".

    Attributes:
        n: images that both were asked.
        max_dp, mean_dp: |Δp|, of the calibrated, pooled probability.
        flips: images whose verdict at the default operating point is another one.
        golden_flips: of the golden images.
        auc_difference: AUC minus that of the fp32 file; None where the images are not of both classes.
        ms, ratio: median time of one image's crops on the CPU here, and relative to fp32, turn by turn; None
            for a file that only Apple's software runs.
    """

    n: int
    max_dp: float
    mean_dp: float
    flips: int
    golden_flips: int
    auc_difference: float | None
    ms: float | None
    ratio: float | None

    def as_card(self) -> dict[str, float | None]:
        """The figures for the card, rounded to what they are worth."""
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}

    @property
    def may_be_default(self) -> bool:
        """Whether it answers as the fp32 file does, near enough to take its place."""
        return self.flips <= MAX_FLIPS * self.n and (self.auc_difference or 0.0) >= -MAX_AUC_LOSS


class _Image(NamedTuple):
    path: Path
    crops: Crops
    short_side: int  # px


def onnx_logits(path: Path, card: Card) -> Logits:
    """The logits of an ONNX file, through the runtime's own session."""
    session, rule = OnnxSession(path), card.preprocessing
    return lambda crops: session.run(normalise(crops, rule.mean, rule.std))


def coreml_logits(path: Path, card: Card) -> Logits:
    """The logits of a Core ML package, by the interpreter; those behind its probabilities where it has no more."""
    from export.mil import Package  # coremltools, which is not for every system

    package = Package(path)
    if package.has_logit:
        return package.logits
    ai = package.labels.index(card.positive_label)

    def logits(crops: Crops) -> npt.NDArray[np.floating]:
        p = package.probabilities(crops).clip(1e-12)
        found: npt.NDArray[np.floating] = (np.log(p[:, ai] / p[:, 1 - ai]) - card.bias) * card.temperature
        return found

    return logits


def compare_files(
    candidates: Mapping[str, Logits], paths: Sequence[Path], card: Card, timed: Sequence[str]
) -> dict[str, Parity]:
    """Ask every candidate, `REFERENCE` among them, for every image. Unreadable images are left out.

    Args:
        candidates: name -> what answers.
        paths: the images.
        card: of the model.
        timed: the candidates whose times mean something.
    """
    pooled: dict[str, list[float]] = {name: [] for name in candidates}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    kept: list[_Image] = []
    turns, progress = random.Random(0), Progress(label="comparing: ", total=len(paths))
    for image in _read(paths, card):
        # In random order: threads of the one before still spin, and who comes first has it better.
        for name in turns.sample(list(candidates), len(candidates)):
            started = time.perf_counter()
            pooled[name].append(_pooled(candidates[name], image.crops, card))
            seconds[name].append(time.perf_counter() - started)
        kept.append(image._replace(crops=image.crops[:0]))  # thousands of them would not fit
        progress.update(len(kept))
    progress.clear()
    cards = {name: card.of_variant(card.variants[name]) if name in card.variants else card for name in candidates}
    golden = [cut_crops(load(golden_image(number)), card.preprocessing) for number in range(len(SIZES))]
    golden_p = {
        name: probabilities([_pooled(own, crops, card) for crops in golden], cards[name])
        for name, own in candidates.items()
    }
    p = {name: probabilities(values, cards[name]) for name, values in pooled.items()}
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    sides = [image.short_side for image in kept]
    return {
        name: Parity(
            n=len(kept),
            max_dp=float(np.abs(p[name] - p[REFERENCE]).max()),
            mean_dp=float(np.abs(p[name] - p[REFERENCE]).mean()),
            flips=_flips(p[name], p[REFERENCE], sides, (cards[name], card)),
            golden_flips=_flips(
                golden_p[name], golden_p[REFERENCE], [min(size) for size in SIZES], (cards[name], card)
            ),
            auc_difference=_auc_difference(p[name], p[REFERENCE], [_label(image.path) for image in kept], card),
            ms=median[name] * 1000 if name in timed else None,
            ratio=median[name] / median[REFERENCE] if name in timed else None,
        )
        for name in candidates
    }


def _read(paths: Sequence[Path], card: Card) -> Iterator[_Image]:
    """Each readable image."""
    for path in paths:
        try:
            image = load(path)
        except ImageError:
            continue
        yield _Image(path, cut_crops(image, card.preprocessing), min(image.size))


def _pooled(logits: Logits, crops: Crops, card: Card) -> float:
    return float(pool(logits(crops)[None], card.preprocessing)[0])


def probabilities(logits: Sequence[float] | npt.NDArray[np.floating], card: Card) -> npt.NDArray[np.float64]:
    """(N,) logits -> (N,) calibrated probabilities."""
    return np.array([probability(float(logit), card.temperature, card.bias) for logit in logits])


def _flips(
    own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], sides: Sequence[int], cards: tuple[Card, Card]
) -> int:
    words = [
        [
            decide(float(p), side, card.minimum_short_side, card.operating_point())[0]
            for p, side in zip(ps, sides, strict=True)
        ]
        for ps, card in zip((own, other), cards, strict=True)
    ]
    return sum(a != b for a, b in zip(*words, strict=True))


def _auc_difference(
    own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], labels: Sequence[str | None], card: Card
) -> float | None:
    """AUC of `own` minus that of `other`; None unless every image has a label and both classes are there."""
    if None in labels or len(set(labels)) < 2:
        return None
    truth = np.array([label == card.positive_label for label in labels])
    return float(roc_auc_score(truth, own) - roc_auc_score(truth, other))


def _label(path: Path) -> str | None:
    """The class that an image's folder names, if one does."""
    return next((part for part in reversed(path.parts[:-1]) if part in LABELS), None)
