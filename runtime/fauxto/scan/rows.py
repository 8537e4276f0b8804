"""Items -> rows: decode processes beside one inference session. Both engines go this way."""

from __future__ import annotations

import multiprocessing
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pebble import ProcessExpired, ProcessPool

from fauxto.detector import Detector
from fauxto.errors import ImageError
from fauxto.image.decode import file_format, keep_memory
from fauxto.image.decoded import Decoded, decode
from fauxto.image.preprocess import Preprocessing
from fauxto.scan.defaults import TIMEOUT
from fauxto.scan.interrupts import uninterrupted
from fauxto.scan.sources import Item, fetch
from fauxto.scan.stores import StoreError
from fauxto.subprocesses import follow_parent

HEARD = 0.2  # seconds until Ctrl-C is heard while a picture is waited for
AHEAD = 2  # pictures that each decode process may be ahead of the inference


@dataclass(frozen=True)
class _Decoded:
    """What a decode process sends: the picture as read, and the file's format and size."""

    decoded: Decoded
    format: str | None = None
    size: int | None = None


class Decoders:
    """Processes that decode, from their first item until this is dropped.

    One that crashes, or takes longer than it may, is replaced, and only its own picture is lost.
    """

    def __init__(
        self, jobs: int, rule: Preprocessing, seconds: float = TIMEOUT, scene: Preprocessing | None = None
    ) -> None:
        """`jobs` processes, which cut crops as `rule` and `scene` say (see decode), in at most `seconds` a picture."""
        self._jobs, self._rules, self._seconds = jobs, (rule, scene), seconds
        # A fork would copy the threads' locks of the inference session in whatever state they are.
        self._pool = ProcessPool(jobs, initializer=_begin, context=multiprocessing.get_context("spawn"))
        weakref.finalize(self, _end, self._pool)

    def rows(self, detector: Detector, items: Iterable[Item], batch_size: int = 1) -> Iterator[dict[str, Any]]:
        """A row of the schema fauxto.scan.table.ROWS for each item, in their order.

        A picture that kills its decode process, or is not decoded in time, is a row with an error, as any other that
        cannot be read.

        Args:
            detector: runs the inference, here, while the processes decode.
            items: any number; a few are held at a time.
            batch_size: pictures in one run of the model.

        Raises:
            StoreError: a store does not answer. Rows that were given are good.
        """
        decoded = self._decoded(items, batch_size + AHEAD * self._jobs)
        while batch := list(islice(decoded, batch_size)):
            answers = detector.answer([found.decoded for _, found in batch])
            for (item, found), answer in zip(batch, answers, strict=True):
                size = item.size if found.size is None else found.size
                yield answer.to_dict() | {"size": size, "format": found.format, "mtime": _moment(item.mtime)}

    def _decoded(self, items: Iterable[Item], ahead: int) -> Iterator[tuple[Item, _Decoded]]:
        source, window = iter(items), deque[tuple[Item, Future[_Decoded]]]()
        try:
            while True:
                window.extend((item, self._submit(item)) for item in islice(source, ahead - len(window)))
                if not window:
                    return
                item, future = window.popleft()
                yield item, self._result(item, future)
        finally:
            with uninterrupted():
                for _, future in window:
                    future.cancel()

    def _submit(self, item: Item) -> Future[_Decoded]:
        with uninterrupted():
            found: Future[_Decoded] = self._pool.schedule(_decode, args=(item, *self._rules), timeout=self._seconds)
            return found

    def _result(self, item: Item, future: Future[_Decoded]) -> _Decoded:
        try:
            while True:
                with uninterrupted():
                    if wait([future], HEARD).done:
                        return future.result()
        except TimeoutError:
            return _Decoded(Decoded(item.text, error=f"not decoded within {self._seconds:.0f} seconds"))
        except ProcessExpired:
            return _Decoded(Decoded(item.text, error="its decoder crashed"))


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _moment(seconds: float | None) -> datetime | None:
    """A file's time as a date; None where no calendar holds it, as a damaged header may say."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _begin() -> None:
    follow_parent()
    keep_memory()


def _decode(item: Item, rule: Preprocessing, scene: Preprocessing | None) -> _Decoded:
    if item.error is not None:
        return _Decoded(Decoded(item.text, error=item.error))
    try:
        data = fetch(item)
    except StoreError:
        raise
    except ImageError as error:
        return _Decoded(Decoded(item.text, error=error.reason))
    return _Decoded(decode(data, rule, scene=scene, name=item.text, provenance=True), file_format(data), len(data))
