"""Detector: image, preprocess, session and verdict, in a row."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt

from fauxto import card as cards
from fauxto.choose import open_model
from fauxto.errors import FauxtoError
from fauxto.explain import heat_map
from fauxto.image import Source, load
from fauxto.preprocess import normalise, pool
from fauxto.providers import Provider
from fauxto.read import Change, Read, read
from fauxto.session import usable_cpus
from fauxto.verdict import Prediction, decide, probability


class Detector:
    """Tells AI-generated pictures from photographs.

        Detector().predict("photo.jpg").verdict

    Attributes:
        card: the model's card.
        model_sha256: of the ONNX file in use, checked against the card.
        provider: the execution provider that runs the model.
        passed_over: what "auto" tried or could not try, and why it does not use it.
        variant: which of the model's files runs, by its name in the card.
        operating_point: the rule that turns probabilities into words.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        provider: Provider | None = None,
        operating_point: str | None = None,
        threads: int | None = None,
        provenance: bool = False,
        variant: str | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: folder with model.onnx and card.json; default: the released model.
            provider: "auto", "cpu", "coreml", "cuda", "tensorrt", "openvino", or a provider as onnxruntime
                takes it, (its name, its options); default: the environment's FAUXTO_PROVIDER, else "auto".
                One that is named runs the whole model or is refused. "auto" takes Core ML on Apple silicon
                or CUDA on NVIDIA where it is right on the golden pictures and faster than the CPU here.
            operating_point: a name from the card; default: the card's own.
            threads: of the inference; default: as many CPUs as this process may use.
            provenance: also read what files declare of themselves; it fills three fields of the
                Prediction and changes no other.
            variant: a name from the card's variants; default: the card's choice for the provider.

        Raises:
            ModelError: the model is missing, damaged, or its card incomplete.
            FauxtoError: the provider is unknown.
            ProviderError: the provider asked for is missing, cannot load, leaves a part of the model to the
                CPU, or answers wrongly. The message says which, and what to do.
        """
        folder = cards.find_model(model)
        self.card = cards.read(folder)
        self.operating_point = self.card.operating_point(operating_point)
        opened = open_model(folder, self.card, provider, variant, threads)
        self._session, self.variant, self.model_sha256 = opened.runner, opened.variant, opened.sha256
        self.provider, self.passed_over = self._session.provider, dict(opened.passed_over)
        self._provenance = provenance

    def predict(self, x: Source, strict: bool = False) -> Prediction:
        """The answer for one picture: a path, bytes, binary file, PIL image, or (H, W, 3) uint8 RGB array.

        A picture that cannot be read gives a Prediction with status "error"; with `strict` it raises
        FauxtoError.
        """
        prediction = self.answer([self._read(x)])[0]
        if strict and not prediction.ok:
            raise FauxtoError(f"{prediction.path}: {prediction.error}" if prediction.path else str(prediction.error))
        return prediction

    def predict_many(
        self,
        xs: Iterable[Source],
        batch_size: int = 1,
        jobs: int | None = None,
        change: Change | None = None,
    ) -> Iterator[Prediction]:
        """Answers in the order of `xs`, one by one, as soon as they are known.

        Args:
            xs: any number of pictures; only a few are held at a time.
            batch_size: pictures in one run of the model. On a CPU more than 1 gains nothing.
            jobs: threads that decode beside the inference; default: the usable CPUs.
            change: done to each decoded RGB picture first, on the decoding threads.
        """
        jobs = jobs or usable_cpus()
        inputs, window = iter(xs), deque[Future[Read]]()
        with ThreadPoolExecutor(jobs) as pool:
            try:
                while True:
                    ahead = batch_size + jobs - len(window)
                    window.extend(pool.submit(self._read, x, change) for x in islice(inputs, ahead))
                    if not window:
                        return
                    count = min(batch_size, len(window))
                    yield from self.answer([window.popleft().result() for _ in range(count)])
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def explain(self, x: Source) -> npt.NDArray[np.float32]:
        """Where the evidence lies in one picture: calibrated log-odds of "ai" at each place.

        Takes what `predict` takes. `fauxto.explain.overlay` draws it over the picture.

        Returns:
            (H, W) float32 of the upright picture; above 0 speaks for ai, below for a photograph.

        Raises:
            FauxtoError: the picture cannot be read, or the model was exported without evidence.
        """
        return heat_map(load(x), self.card.preprocessing, self._local_log_odds)

    def _local_log_odds(self, view: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        logits, cells = self._session.evidence(view)
        bias = logits[0] - cells[0].mean()  # the head's own
        return np.asarray((cells[0] + bias) / self.card.temperature + self.card.bias, np.float32)

    def _read(self, x: Source, change: Change | None = None) -> Read:
        return read(x, self.card.preprocessing, self._provenance, change)

    def answer(self, batch: list[Read]) -> list[Prediction]:
        """The answers for pictures that `fauxto.read` has read, in one run of the model."""
        started = time.perf_counter()
        stacks = [read.views for read in batch if read.views is not None]
        logits = iter(self._pooled(stacks) if stacks else ())
        share = (time.perf_counter() - started) / max(1, len(stacks))
        return [self._record(read, next(logits) if read.views is not None else None, share) for read in batch]

    def _pooled(self, stacks: list[npt.NDArray[np.uint8]]) -> list[float]:
        rule = self.card.preprocessing
        logits = self._session.run(normalise(np.concatenate(stacks), rule.mean, rule.std))
        pooled: list[float] = pool(logits.reshape(len(stacks), -1), rule).tolist()
        return pooled

    def _record(self, read: Read, logit: float | None, share: float) -> Prediction:
        if logit is None:
            return Prediction(path=read.path, status="error", error=read.error, model=self.card.name)
        p_ai = probability(logit, self.card.temperature, self.card.bias)
        verdict, lean, reason = decide(p_ai, min(read.size), self.card, self.operating_point)
        return Prediction(
            path=read.path,
            verdict=verdict,
            lean=lean,
            p_ai=p_ai,
            logit=logit,
            operating_point=self.operating_point.name,
            threshold=self.operating_point.threshold,
            reason=reason,
            width=read.size[0],
            height=read.size[1],
            model=self.card.name,
            model_sha256=self.model_sha256,
            provider=self.provider,
            elapsed_ms=round((read.seconds + share) * 1000, 2),
            declared=read.declaration.declared if read.declaration else None,
            declared_by=read.declaration.by if read.declaration else None,
            signature=read.declaration.signature if read.declaration else None,
        )
