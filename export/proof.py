"""Every file that an export wrote, against the fp32 ONNX file, on real pictures."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from fauxto.errors import ImageError
from fauxto.evaluate.dataset import LABELS
from fauxto.image.decode import load
from fauxto.image.preprocess import cut_crops, normalise, pool
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.model.card import REFERENCE, Card
from fauxto.verdict import decide, probability

Views = npt.NDArray[np.uint8]
Logits = Callable[[Views], npt.NDArray[np.floating]]
"""(V, S, S, 3) uint8 views -> (V,) logits of the positive label, before the calibration."""

MAX_DIFFERENCE = 0.005  # of p, for a file in half precision
MAX_FLIPS_PALETTISED = 0.005
MAX_FLIPS, MAX_AUC_LOSS = 0.01, 0.003  # for a file that is to be a default
MAX_INT8_TIME = 0.5  # of fp32's, for int8 to be one: its answers differ a little, and int8-weights is as small


@dataclass(frozen=True)
class Proof:
    """How far a file is from the fp32 ONNX file.

    Attributes:
        n: pictures that both were asked.
        max_dp, mean_dp: |Δp|, of the calibrated, pooled probability.
        flips: pictures whose verdict at the default operating point is another one.
        golden_flips: of the golden pictures.
        auc_difference: AUC minus that of the fp32 file; None where the pictures are not of both classes.
        ms, ratio: median time of one picture's views on the CPU here, and relative to fp32, turn by turn; None
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


def onnx_logits(path: Path, card: Card) -> Logits:
    """The logits of an ONNX file, through the runtime's own session."""
    session, rule = OnnxSession(path), card.preprocessing
    return lambda views: session.run(normalise(views, rule.mean, rule.std))


def coreml_logits(path: Path, card: Card) -> Logits:
    """The logits behind a Core ML package's probabilities, by the interpreter."""
    from export.mil import Package  # coremltools, which is not for every system

    package = Package(path)
    ai = package.labels.index(card.positive_label)

    def logits(views: Views) -> npt.NDArray[np.floating]:
        p = package.probabilities(views).clip(1e-12)
        found: npt.NDArray[np.floating] = (np.log(p[:, ai] / p[:, 1 - ai]) - card.bias) * card.temperature
        return found

    return logits


def prove(candidates: dict[str, Logits], paths: Sequence[Path], card: Card, timed: Sequence[str]) -> dict[str, Proof]:
    """Ask every candidate, `REFERENCE` among them, for every picture. Unreadable pictures are left out."""
    pooled: dict[str, list[float]] = {name: [] for name in candidates}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    sides, kept = [], []
    turns = random.Random(0)
    for path, views, side in tqdm(_read(paths, card), "prove", len(paths), unit="picture", disable=None):
        # In random order: threads of the one before still spin, and who comes first has it better.
        for name in turns.sample(list(candidates), len(candidates)):
            started = time.perf_counter()
            pooled[name].append(float(pool(candidates[name](views)[None], card.preprocessing)[0]))
            seconds[name].append(time.perf_counter() - started)
        sides.append(side)
        kept.append(path)
    golden = {name: [_golden(logits, i, card) for i in range(len(SIZES))] for name, logits in candidates.items()}
    p = {name: _p(values, card) for name, values in pooled.items()}
    golden_p = {name: _p(values, card) for name, values in golden.items()}
    truth = np.array([_label(path) == card.positive_label for path in kept])
    labelled = 0 < truth.sum() < len(truth) and all(map(_label, kept))
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    proofs = {}
    for name in candidates:
        difference = np.abs(p[name] - p[REFERENCE])
        auc = roc_auc_score(truth, p[name]) - roc_auc_score(truth, p[REFERENCE]) if labelled else None
        proofs[name] = Proof(
            n=len(kept),
            max_dp=float(difference.max()),
            mean_dp=float(difference.mean()),
            flips=_flips(p[name], p[REFERENCE], sides, card),
            golden_flips=_flips(golden_p[name], golden_p[REFERENCE], [min(size) for size in SIZES], card),
            auc_difference=None if auc is None else float(auc),
            ms=median[name] * 1000 if name in timed else None,
            ratio=median[name] / median[REFERENCE] if name in timed else None,
        )
    return proofs


def _read(paths: Sequence[Path], card: Card) -> Iterator[tuple[Path, Views, int]]:
    """Each readable picture, its views and its short side, px."""
    for path in paths:
        try:
            image = load(path)
        except ImageError:
            continue
        yield path, cut_crops(image, card.preprocessing), min(image.size)


def _golden(logits: Logits, number: int, card: Card) -> float:
    views = cut_crops(load(golden_image(number)), card.preprocessing)
    return float(pool(logits(views)[None], card.preprocessing)[0])


def _p(logits: Sequence[float], card: Card) -> npt.NDArray[np.float64]:
    return np.array([probability(logit, card.temperature, card.bias) for logit in logits])


def _flips(own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], sides: Sequence[int], card: Card) -> int:
    point = card.operating_point(None)
    words = [[decide(float(p), side, card, point)[0] for p, side in zip(ps, sides, strict=True)] for ps in (own, other)]
    return sum(a != b for a, b in zip(*words, strict=True))


def _label(path: Path) -> str | None:
    """The class that a picture's folder names, if one does."""
    return next((part for part in reversed(path.parts[:-1]) if part in LABELS), None)
