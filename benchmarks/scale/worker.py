"""One measurement in a process of its own: python -m benchmarks.scale.worker, started by benchmarks.scale.measure."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil

from fauxto.detector import Detector
from fauxto.image.decode import keep_memory
from fauxto.image.decoded import decode
from fauxto.image.preprocess import Preprocessing
from fauxto.model.model import Model
from fauxto.subprocesses import Parent

EVERY = 2.0  # seconds between two looks at the memory, which take some time themselves
FIRST = 0.1  # the same until another process is there: a scan of a few pictures is over soon


def decoding(paths: list[str], jobs: int) -> dict[str, Any]:
    """Decode all pictures, and nothing else, in `jobs` processes; 1: in this one."""
    rule = Model.open().card.preprocessing
    if jobs == 1:
        keep_memory()
        _decode_all(paths[:1], rule)
        return _timed(lambda: _decode_all(paths, rule))
    with ProcessPoolExecutor(jobs, initializer=keep_memory) as pool:
        list(pool.map(_decode_all, [paths[:1]] * 2 * jobs, [rule] * 2 * jobs))  # they have started
        return _timed(lambda: list(pool.map(_decode_all, [[path] for path in paths], [rule] * len(paths))))


def _decode_all(paths: list[str], rule: Preprocessing) -> None:
    for path in paths:
        decode(path, rule, provenance=True)


def inference(paths: list[str], threads: int) -> dict[str, Any]:
    """Answer as many pictures, decoded before, and nothing else."""
    detector = Detector(threads=threads)
    decoded = [detector.decode(path) for path in paths[:8]]
    detector.answer(decoded)
    return _timed(lambda: [detector.answer([one]) for one in islice(cycle(decoded), len(paths))])


def scan(source: str, out: str, engine: str, model: str | None, part_rows: int) -> dict[str, Any]:
    """Scan, and say how long the parts were worked on, how long all else took, and the memory at its highest."""
    from fauxto.scan.report import summarise
    from fauxto.scan.run import Plan
    from fauxto.scan.run import scan as run

    keep_memory()
    seen: Counter[str] = Counter()
    memory = Memory()
    plan = Plan((source,), Path(out), engine=engine, model=model, part_rows=part_rows)  # type: ignore[arg-type]
    total = _timed(lambda: run(plan, seen))
    seconds = summarise(Path(out))["seconds"]
    return {"pictures": seen.total(), "seconds": seconds, "start_s": total["seconds"] - seconds} | memory.stop()


class Memory:
    """Looks, now and then, at the private memory of this process and of those that it started."""

    def __init__(self) -> None:
        self._own, self._largest, self._all = 0, 0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(EVERY if self._largest else FIRST):
            others = [_private(process) for process in me.children(recursive=True)]
            own = _private(me)
            self._own, self._all = max(self._own, own), max(self._all, own + sum(others))
            self._largest = max([self._largest, *others])

    def stop(self) -> dict[str, float]:
        """The highest of each, MiB: this process, the largest of the others, and all together."""
        self._ended.set()
        self._thread.join()
        return {name: value / 2**20 for name, value in
                (("own_mb", self._own), ("other_mb", self._largest), ("all_mb", self._all))}  # fmt: skip


def _private(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:  # it ended
        return 0


def _timed(work: Callable[[], Any]) -> dict[str, Any]:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started}


KINDS: dict[str, Callable[..., dict[str, Any]]] = {"decode": decoding, "infer": inference, "scan": scan}

if __name__ == "__main__":
    parent = Parent()
    job = parent.job()
    parent.answer(KINDS[job.pop("kind")](**job))
