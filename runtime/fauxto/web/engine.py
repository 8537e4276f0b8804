"""From bytes to answers: decoding in processes with a deadline, inference in this one's session."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from fauxto.detector import Detector
from fauxto.errors import ImageError, ModelError
from fauxto.explain import HeatMap, heat_map
from fauxto.image.decode import explain
from fauxto.image.decoded import Decoded
from fauxto.image.preprocess import Preprocessing
from fauxto.prediction import Prediction
from fauxto.system import usable_cpus
from fauxto.web import decoding
from fauxto.web.limits import DECODE_SECONDS, LEFT_SECONDS, MAX_DECODERS, MAX_SIDE, MAX_WAITING

T = TypeVar("T")


class BusyError(Exception):
    """More pictures wait than the server keeps."""


class _LeftError(Exception):
    """Nobody waits for the answer any more."""


class Engine:
    """One network, shared by all requests. To be used in a `with`: its processes end with it.

    Attributes:
        detector: what answers, without a second opinion.
        second: the same with it, where there is one.
    """

    def __init__(self, detector: Detector) -> None:
        """Raises ModelError for a second opinion with an operating point of one's own: it is not for both detectors."""
        point, points = detector.operating_point.name, detector.card.operating_points
        if detector.second and point not in points:
            raise ModelError(
                f"operating point '{point}' is for one kind of answer, and a server with a second opinion gives two; "
                f"choose one of {', '.join(points)}"
            )
        self.second = detector if detector.second else None
        self.detector = detector.alone() if self.second else detector
        count = min(usable_cpus(), MAX_DECODERS)
        self._count, self._waiting = count, 0
        self._slots, self._maps = asyncio.Semaphore(count), asyncio.Semaphore(1)
        self._threads = ThreadPoolExecutor(2)  # one of them stays free for verdicts while the other draws a map
        self._pool = self._start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    async def predict(self, data: bytes, by: Detector, prior: float | None = None) -> Prediction:
        """The record of one picture's bytes by one of the two, at its base rate unless `prior` is another.

        Raises:
            BusyError: too many wait.
        """
        try:
            decoded = await self._decode(decoding.crops, data, by.card.preprocessing, by.scene)
        except ImageError as error:
            decoded = Decoded(None, error=error.reason)
        detector = copy(by)  # the session is shared
        detector.prior = by.prior if prior is None else prior
        return (await self._infer(detector.answer, [decoded]))[0]

    async def explain(self, data: bytes) -> HeatMap:
        """The heat map of one picture's bytes, (H, W) float32 of at most MAX_SIDE px: calibrated log-odds of "ai".

        Raises:
            ImageError: it cannot be read, or is too long and narrow.
            ModelError: the model was exported without evidence.
            BusyError: too many wait.
        """
        stop = threading.Event()
        pixels = await self._decode(decoding.reduced, data, self.detector.card.preprocessing)
        async with self._maps:
            try:
                return await self._infer(self._draw, pixels, stop)
            finally:
                stop.set()  # where the client has left, the thread ends with the crop at hand

    def _draw(self, pixels: npt.NDArray[np.uint8], stop: threading.Event) -> HeatMap:
        def local_log_odds(crop: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            if stop.is_set():
                raise _LeftError
            return self.detector.local_log_odds(crop)

        heat = Image.fromarray(heat_map(Image.fromarray(pixels), self.detector.card.preprocessing, local_log_odds))
        heat.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=None)
        return np.asarray(heat, np.float32)

    async def _infer(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def _decode(self, function: Callable[..., T], data: bytes, *rules: Preprocessing | None) -> T:
        if self._waiting >= MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._slots:
                return await self._in_process(function, data, *rules)
        finally:
            self._waiting -= 1

    async def _in_process(self, function: Callable[..., T], *args: Any) -> T:
        if not self._pool.active:  # the system killed a process that had nothing to do, and Pebble gives up then
            self._pool = self._start()
        future: Future[T] = self._pool.schedule(function, args=args, timeout=DECODE_SECONDS)
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be there to hear it
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(LEFT_SECONDS, future.cancel)
            raise
        except TimeoutError:
            raise ImageError(f"not decoded within {DECODE_SECONDS:.0f} seconds") from None
        except ProcessExpired:
            raise ImageError("its decoder crashed") from None
        except MemoryError as error:
            raise ImageError(explain(error)) from None

    def _start(self) -> ProcessPool:
        # A fork would copy the threads' locks of the inference session in whatever state they are.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPool(self._count, initializer=decoding.begin, context=context)
        pool.schedule(int)  # its processes start now, not with the first picture
        return pool
