"""Detector: decoding, preprocessing, session and verdict, in a row."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fauxto.errors import FauxtoError, ImageError, ModelError
from fauxto.explain import heat_map
from fauxto.image.decode import load
from fauxto.image.decoded import Corruption, Decoded, decode
from fauxto.image.preprocess import Preprocessing, normalise, pool
from fauxto.image.source import Source
from fauxto.inference import selection
from fauxto.inference.base import Session
from fauxto.inference.providers import ProviderLike
from fauxto.model import own_points
from fauxto.model.model import Model
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.system import usable_cpus
from fauxto.verdict import PRIOR, decide, log_odds, probability, with_prior

if TYPE_CHECKING:
    from fauxto.second_opinion.model import SecondOpinion


class Detector:
    """Looks for signs of AI generation in images.

        Detector().predict("photo.jpg").verdict

    Attributes:
        model: the model's folder and card.
        card: the card that answers hold by: the model's for the variant in use, or the one of the fused answers.
        variant: which of the model's files runs, by its name in the card.
        model_sha256: of that file, checked against the card; with a second opinion also of that, after a "+".
        provider: what runs it, by the name that it is asked for: "cpu".
        engine: the same, as the engine names itself: "CPUExecutionProvider".
        passed_over: what "auto" tried or could not try, and why it does not use it.
        operating_point: the rule that turns probabilities into words.
        prior: the base rate that probabilities are given for.
        session: the network itself: crops in, logits out.
        second: the second opinion, where there is one.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        provider: ProviderLike | None = None,
        variant: str | None = None,
        operating_point: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        provenance: bool = False,
        prior: float = PRIOR,
        second_opinion: bool | str | os.PathLike[str] | None = False,
    ) -> None:
        """Load a model.

        Args:
            model: folder with a card.json and the files that it names; default: the released model.
            provider: "auto", "cpu", "coreml", "cuda", "tensorrt", "openvino", or a provider as onnxruntime takes it,
                (its name, its options); default: the environment's FAUXTO_PROVIDER, else "auto". One that is named
                runs the whole model or is refused. "auto" takes Core ML on Apple silicon or CUDA on NVIDIA where it
                is right on the golden images and faster than the CPU here.
            variant: a name from the card's variants; default: the card's choice for the provider.
            operating_point: a name from the card (default: its default), or a name or file from `fauxto calibrate`.
            threads: number of inference threads; default: as many CPUs as this process may use.
            provenance: also read what files declare of themselves; it fills three fields of the Prediction, no other.
            prior: the share of AI images where yours come from, 0 < prior < 1; it moves p_ai, never the verdict.
            second_opinion: also ask a larger network about the whole image, which `fauxto second-opinion install` gets;
                the answers are FusedPredictions. It runs on the CPU. A folder: another one than the released one.

        Raises:
            ModelError: the model is missing, damaged, or its card incomplete; or the operating point was set with
                another model file; or the second opinion is not installed, damaged, or for another model.
            FauxtoError: the provider is unknown, or the prior is not between 0 and 1.
            ProviderError: the provider asked for is missing, cannot load, leaves a part of the model to the
                CPU, or answers wrongly. The message says which, and what to do.
        """
        if not 0 < prior < 1:
            raise FauxtoError(f"prior {prior}: the share of AI images must lie between 0 and 1")
        self.model = Model.open(model)
        own = own_points.find(operating_point, self.model.card)  # a wrong name is refused before the model is read
        self.second = _second(second_opinion, threads)
        loaded = selection.load(self.model, provider, variant, threads)
        self._first = self.card = self.model.card.of_variant(self.model.card.variants[loaded.variant])
        self.model_sha256 = loaded.sha256
        if self.second:
            self.card = self.second.beside(self._first, loaded.sha256)
            self.model_sha256 += f"+{self.second.sha256}"
        self._point = None if operating_point is None else os.fspath(operating_point)
        self.operating_point = (
            own.checked(self.card, loaded.variant, self.model_sha256) if own else self.card.operating_point(self._point)
        )
        self.session: Session = loaded.session
        self.variant, self.provider, self.engine = loaded.variant, loaded.provider, loaded.session.engine
        self.passed_over = dict(loaded.passed_over)
        self.prior, self.provenance = prior, provenance

    def __repr__(self) -> str:
        return (
            f"Detector({self.card.release!r}, provider={self.provider!r}, variant={self.variant!r}, "
            f"operating_point={self.operating_point.name!r})"
        )

    def alone(self) -> Detector:
        """The same without its second opinion, over the same session. ModelError: its threshold is one of your own."""
        plain = copy(self)
        plain.second, plain.card, plain.model_sha256 = None, self._first, self.model_sha256.partition("+")[0]
        plain.operating_point = self._first.operating_point(self._point)
        return plain

    def predict(self, x: Source, *, name: str | None = None, strict: bool = False) -> Prediction:
        """The answer for one image: a path, bytes, binary file, PIL image, or (H, W, 3) uint8 RGB array.

        Args:
            x: the image.
            name: what the answer is called (its `path`); default: the input's path, where it has one.
            strict: raise where the image cannot be read, instead of a Prediction with status "error".

        Raises:
            ImageError: the image cannot be read, and `strict` is set. It begins with the path.
            ModelError, ProviderError: the model fails on it, or gives no number and `strict` is set.
        """
        decoded = self.decode(x, name=name)
        if strict and decoded.error is not None:
            raise ImageError(decoded.error, decoded.path)
        prediction = self.answer([decoded])[0]
        if strict and not prediction.ok:
            raise ModelError(f"{self.card.release}: {prediction.error}")
        return prediction

    def predict_many(
        self, xs: Iterable[Source], *, batch_size: int = 1, jobs: int | None = None
    ) -> Iterator[Prediction]:
        """Answers in the order of `xs`, one by one, as soon as they are known.

        Args:
            xs: any number of images; only a few are held at a time.
            batch_size: images in one run of the model. On a CPU more than 1 gains nothing.
            jobs: threads that decode beside the inference; default: the usable CPUs.
        """
        return self.answer_many((partial(self.decode, x) for x in xs), batch_size=batch_size, jobs=jobs)

    def explain(self, x: Source) -> npt.NDArray[np.float32]:
        """Where the evidence lies in one image: calibrated log-odds of "ai" at each place.

        Takes what `predict` takes. `fauxto.explain.overlay` draws it over the image.

        Returns:
            (H, W) float32 of the upright image; above 0 speaks for ai, below against it.

        Raises:
            ImageError: the image cannot be read. It begins with the path, where there is one.
            ModelError: the model was exported without evidence.
        """
        return heat_map(load(x), self.card.preprocessing, self.local_log_odds)

    def decode(self, x: Source, *, name: str | None = None, corruption: Corruption | None = None) -> Decoded:
        """The first half of `predict`: decode and cut the crops. Never raises for a bad image.

        Args:
            x: what `predict` takes.
            name: see `predict`.
            corruption: done to the upright RGB image first.
        """
        return decode(
            x, self.card.preprocessing, scene=self.scene, name=name, provenance=self.provenance, corruption=corruption
        )

    @property
    def card_sha256(self) -> str:
        """Of the model's card, all that answers depend on beside its file; with a second opinion also of its card."""
        own = self.model.card_sha256
        return f"{own}+{self.second.card_sha256}" if self.second else own

    @property
    def scene(self) -> Preprocessing | None:
        """How the second opinion sees an image; None without one."""
        return self.second.card.preprocessing if self.second else None

    def answer(self, batch: Sequence[Decoded]) -> list[Prediction]:
        """The second half of `predict`, for images that `decode` has read, in one run of the model."""
        started = time.perf_counter()
        stacks = [decoded.crops for decoded in batch if decoded.crops is not None]
        logits = iter(self._pooled(stacks) if stacks else ())
        scenes = iter(self._scenes(batch))
        share = (time.perf_counter() - started) / max(1, len(stacks))
        return [
            self._record(one, next(logits), next(scenes), share) if one.crops is not None else self._failed(one)
            for one in batch
        ]

    def answer_many(
        self, decodings: Iterable[Callable[[], Decoded]], *, batch_size: int = 1, jobs: int | None = None
    ) -> Iterator[Prediction]:
        """`predict_many` over any way of decoding: each of `decodings` is called on one of `jobs` threads."""
        jobs = jobs or usable_cpus()
        waiting, window = iter(decodings), deque[Future[Decoded]]()
        with ThreadPoolExecutor(jobs) as threads:
            try:
                while True:
                    ahead = batch_size + jobs - len(window)
                    window.extend(threads.submit(decoding) for decoding in islice(waiting, ahead))
                    if not window:
                        return
                    count = min(batch_size, len(window))
                    yield from self.answer([window.popleft().result() for _ in range(count)])
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def local_log_odds(self, crop: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Calibrated log-odds of "ai" in the cells of one crop, (1, 3, S, S) float32 -> (h, w) float32.

        `explain` lays many over an image; who calls it crop by crop can stop in between.

        Raises:
            ModelError: the model was exported without evidence.
        """
        logits, cells = self.session.evidence(crop)
        bias = logits[0] - cells[0].mean()  # the head's own
        return np.asarray(log_odds(cells[0] + bias, self._first.temperature, self._first.bias), np.float32)

    def _pooled(self, stacks: list[npt.NDArray[np.uint8]]) -> list[float]:
        rule = self.card.preprocessing
        crops = normalise(np.concatenate(stacks), rule.mean, rule.std)
        logits = self.session.run(crops)
        if logits.shape != (len(crops),):
            raise ModelError(f"{self.card.release}: gives {logits.shape} for {len(crops)} crops, not a logit for each")
        pooled: list[float] = pool(logits.reshape(len(stacks), -1), rule).tolist()
        return pooled

    def _scenes(self, batch: Sequence[Decoded]) -> Iterable[float | None]:
        """The second opinion's logit of each image that could be read; None for each without one."""
        if self.second is None:
            return [None] * len(batch)
        readable = [decoded for decoded in batch if decoded.crops is not None]
        scenes = [decoded.scene for decoded in readable if decoded.scene is not None]
        if len(scenes) < len(readable):
            raise ModelError("decoded without what the second opinion looks at; decode with this Detector")
        found: list[float] = self.second.logits(np.concatenate(scenes)).tolist() if scenes else []
        return found

    def _failed(self, decoded: Decoded, error: str | None = None) -> Prediction:
        kind = FusedPrediction if self.second else Prediction
        return kind(path=decoded.path, status="error", error=error or decoded.error, model=self.card.release)

    def _record(self, decoded: Decoded, pixels: float, scene: float | None, share: float) -> Prediction:
        """The answer by the first network's logit, and by the second opinion's where there is one."""
        logit, disagree = pixels, False
        if self.second and scene is not None:
            odds = log_odds(pixels, self._first.temperature, self._first.bias)
            logit, disagree = self.second.fusion.fuse(odds, scene), self.second.fusion.disagrees(odds, scene)
        if not math.isfinite(logit):
            return self._failed(decoded, "the model's answer is no number; try --provider cpu, or reinstall fauxto")
        p_ai, point = probability(logit, self.card.temperature, self.card.bias), self.operating_point
        verdict, lean, reason = decide(p_ai, min(decoded.size), self.card.minimum_short_side, point, disagree)
        told = decoded.declaration
        kind = partial(FusedPrediction, logit_pixels=pixels, logit_scene=scene) if self.second else Prediction
        return kind(
            path=decoded.path,
            verdict=verdict,
            lean=lean,
            p_ai=with_prior(p_ai, self.prior),
            prior=self.prior,
            logit=logit,
            operating_point=point.name,
            threshold=with_prior(min(point.threshold, 1.0), self.prior),
            reason=reason,
            width=decoded.size[0],
            height=decoded.size[1],
            model=self.card.release,
            model_sha256=self.model_sha256,
            provider=self.provider,
            elapsed_ms=round((decoded.seconds + share) * 1000, 2),
            declared=told.declared if told else None,
            declared_by=told.by if told else None,
            signature=told.signature if told else None,
        )


def _second(wanted: str | os.PathLike[str] | bool | None, threads: int | None) -> SecondOpinion | None:
    if wanted is None or wanted is False:
        return None
    from fauxto.second_opinion.model import SecondOpinion  # nothing of it is loaded unless it is asked for

    return SecondOpinion.open(None if wanted is True else wanted, threads)
