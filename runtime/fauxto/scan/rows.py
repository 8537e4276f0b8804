"""Items -> rows: decode processes beside one inference session. Both engines go this way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from fauxto.detector import Detector
from fauxto.errors import ImageError
from fauxto.image.decode import file_format, keep_memory
from fauxto.image.decoded import Decoded, decode
from fauxto.image.preprocess import Preprocessing
from fauxto.scan.interrupts import uninterrupted
from fauxto.scan.sources import Item, fetch
from fauxto.scan.stores import StoreError

HEARD = 0.2  # seconds until Ctrl-C is heard while a picture is waited for
AHEAD = 2  # pictures that each decode process may be ahead of the inference


@dataclass(frozen=True)
class _Decoded:
    """What a decode process sends: the picture as read, and the file's format and size."""

    decoded: Decoded
    format: str | None = None
    size: int | None = None


class Decoders:
    """Processes that decode, from their first item until this is dropped."""

    def __init__(self, jobs: int, rule: Preprocessing) -> None:
        """`jobs` processes, which cut crops as `rule` says."""
        self._jobs, self._rule = jobs, rule
        self._pool = _pool(jobs)

    def rows(self, detector: Detector, items: Iterable[Item], batch_size: int = 1) -> Iterator[dict[str, Any]]:
        """A row of the schema fauxto.scan.table.ROWS for each item, in their order.

        A picture that kills its decode process is a row with an error, as any other that cannot be read.

        Args:
            detector: runs the inference, here, while the processes decode.
            items: any number; a few are held at a time.
            batch_size: pictures in one run of the model.

        Raises:
            StoreError: a store does not answer. Rows that were given are good.
        """
        decoded = self._decoded(items, batch_size + AHEAD * self._jobs)
        while batch := list(islice(decoded, batch_size)):
            for (item, found), answer in zip(
                batch, detector.answer([found.decoded for _, found in batch]), strict=True
            ):
                size = item.size if found.size is None else found.size
                row = answer.to_dict()
                yield row | {"size": size, "format": found.format, "mtime": _moment(item.mtime)}

    def _decoded(self, items: Iterable[Item], ahead: int) -> Iterator[tuple[Item, _Decoded]]:
        source, window = iter(items), deque[tuple[Item, Future[_Decoded]]]()
        try:
            while True:
                window.extend((item, self._submit(item)) for item in islice(source, ahead - len(window)))
                if not window:
                    return
                item, future = window.popleft()
                try:
                    found = _result(future)
                except BrokenProcessPool:
                    # Somebody in the window killed its process, and all the others' work with it. The first one
                    # is tried by itself, then the rest goes on in a new pool; the culprit's turn comes.
                    found = self._alone(item)
                    self._pool = _pool(self._jobs)
                    window = deque((other, self._submit(other)) for other, _ in window)
                yield item, found
        finally:
            with uninterrupted():
                for _, future in window:
                    future.cancel()

    def _submit(self, item: Item) -> Future[_Decoded]:
        try:
            with uninterrupted():
                return self._pool.submit(_decode, item, self._rule)
        except BrokenProcessPool as error:  # it broke since: the same as if it had broken on this item
            failed: Future[_Decoded] = Future()
            failed.set_exception(error)
            return failed

    def _alone(self, item: Item) -> _Decoded:
        with _pool(1) as pool:
            try:
                return _result(pool.submit(_decode, item, self._rule))
            except BrokenProcessPool:
                return _Decoded(Decoded(item.text, error="its decoder crashed"))


def _result(future: Future[_Decoded]) -> _Decoded:
    """What a decode process sends, once it has come."""
    while True:
        with uninterrupted():
            if wait([future], HEARD).done:
                return future.result()


def _moment(seconds: float | None) -> datetime | None:
    """A file's time as a date; None where no calendar holds it, as a damaged header may say."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _pool(jobs: int) -> ProcessPoolExecutor:
    # A fork would copy the threads' locks of the inference session in whatever state they are.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    """A decode process leaves Ctrl-C to its parent, and ends with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_memory()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _decode(item: Item, rule: Preprocessing) -> _Decoded:
    if item.error is not None:
        return _Decoded(Decoded(item.text, error=item.error))
    try:
        data = fetch(item)
    except StoreError:
        raise
    except ImageError as error:
        return _Decoded(Decoded(item.text, error=error.reason))
    return _Decoded(decode(data, rule, name=item.text, provenance=True), file_format(data), len(data))
