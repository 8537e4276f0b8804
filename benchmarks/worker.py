"""A peer in a process of its own, driven by lines of JSON: python -m benchmarks.worker NAME."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TextIO

import numpy as np

from benchmarks.peers import build
from fauxto.system import peak_memory_mb


def views(size: int) -> np.ndarray:
    """The views that every peer answers, (4, 3, S, S) float32, seeded."""
    return np.random.default_rng(0).normal(size=(4, 3, size, size)).astype(np.float32)


def main(name: str, channel: TextIO) -> None:
    """Build the peer, say so, and time what the driver asks for until it closes its end."""
    started = time.perf_counter()
    try:
        peer = build(name)
        # Every input size is fixed from here on: the first call compiles where a peer does that.
        batch = views(224)
        logits = [peer.logit(view[None]) for view in batch]
    except Exception as error:  # whatever a peer's package raises: it is left out with these words
        words = " ".join(str(error).split())[:160]
        _say(channel, {"skip": words or type(error).__name__})
        return
    scopes = [scope for scope in ("preprocess", "picture") if getattr(peer, scope)]
    _say(
        channel,
        {
            "logits": logits,
            "scopes": ["model", *scopes],
            "pooled": peer.pooled,
            "start_s": time.perf_counter() - started,
        },
    )
    calls: dict[str, Any] = {"model": lambda _: peer.logit(batch[:1]), "preprocess": peer.preprocess,
                             "picture": peer.picture}  # fmt: skip
    for line in sys.stdin:
        task = json.loads(line)
        call, answer = calls[task["scope"]], None
        wall, cpu = [], []
        for _ in range(task["runs"]):
            before, used = time.perf_counter(), time.process_time()
            answer = call(task["path"])
            wall.append(time.perf_counter() - before)
            cpu.append(time.process_time() - used)
        told = answer if isinstance(answer, float) else None
        _say(channel, {"wall_s": wall, "cpu_s": cpu, "answer": told, "peak_memory_mb": peak_memory_mb()})


def _say(channel: TextIO, message: dict[str, Any]) -> None:
    print(json.dumps(message), file=channel, flush=True)


if __name__ == "__main__":
    # A package may print what it likes: our answers have a channel of their own.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(sys.argv[1], own)
