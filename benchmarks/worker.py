"""A peer in a process of its own: python -m benchmarks.worker, started by benchmarks.race."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import Peer, build
from fauxto.model.model import Model
from fauxto.subprocesses import Parent
from fauxto.system import peak_memory_mb


def random_crops(size: int) -> npt.NDArray[np.float32]:
    """The crops that every peer answers, (4, 3, S, S) float32, from a fixed random seed."""
    return np.random.default_rng(0).normal(size=(4, 3, size, size)).astype(np.float32)


def main(parent: Parent) -> None:
    """Build the peer, say so, and time what is asked for."""
    started, name = time.perf_counter(), parent.job()["peer"]
    try:
        peer = build(name)
        # Every input size is fixed from here on: the first call compiles where a peer does that.
        crops = random_crops(Model.open().card.preprocessing.crop_size)
        logits = [peer.logit(crop[None]) for crop in crops]
    except Exception as error:  # whatever a peer's package raises: it is left out with these words
        words = " ".join(str(error).split())[:160]
        parent.answer({"skip": words or type(error).__name__})
        return
    calls = _calls(peer, crops)
    parent.answer(
        {"logits": logits, "scopes": list(calls), "pooled": peer.pooled, "start_s": time.perf_counter() - started}
    )
    for question in parent.questions():
        parent.answer(timed(calls[question["scope"]], question["path"], question["calls"]))


def _calls(peer: Peer, crops: npt.NDArray[np.float32]) -> dict[str, Callable[[str], Any]]:
    def network(_: str) -> float:
        return peer.logit(crops[:1])

    calls: dict[str, Callable[[str], Any] | None] = {
        "model": network if peer.alone else None,
        "preprocess": peer.preprocess,
        "picture": peer.picture,
    }
    return {scope: call for scope, call in calls.items() if call}


def timed(call: Callable[[str], Any], path: str, times: int) -> dict[str, Any]:
    """Seconds of each call, to the microsecond, and the last one's answer where it is a logit."""
    wall, cpu, answer = [], [], None
    for _ in range(times):
        before, used = time.perf_counter(), time.process_time()
        answer = call(path)
        wall.append(round(time.perf_counter() - before, 6))
        cpu.append(round(time.process_time() - used, 6))
    told = answer if isinstance(answer, float) else None
    return {"wall_s": wall, "cpu_s": cpu, "answer": told, "peak_memory_mb": peak_memory_mb()}


if __name__ == "__main__":
    main(Parent())
