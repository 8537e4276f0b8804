"""One provider and variant, measured in this process: python -m fauxto.bench.worker, with a job on standard input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

STARTED = time.perf_counter()

import numpy as np  # noqa: E402

from fauxto.bench.statistics import summary  # noqa: E402
from fauxto.detector import Detector  # noqa: E402
from fauxto.errors import FauxtoError  # noqa: E402
from fauxto.image.decode import keep_memory  # noqa: E402
from fauxto.image.synthetic import golden_image  # noqa: E402
from fauxto.subprocesses import answer, job  # noqa: E402
from fauxto.system import peak_memory_mb  # noqa: E402
from fauxto.verdict import probability  # noqa: E402

IMPORTED = time.perf_counter()
OFFLINE_PICTURES = 16  # in one pass of the offline scenario
OFFLINE_PASSES = 3


def main(task: dict[str, Any]) -> None:
    """Measure every cell of the task, and send each as soon as it is known."""
    keep_memory()  # as the command line does
    try:
        started = time.perf_counter()
        detector = Detector(task["model"], provider=task["provider"], threads=task["threads"], variant=task["variant"])
        loaded = time.perf_counter()
    except FauxtoError as error:
        answer({"reason": str(error)})
        return
    if task["part"] == "check":
        answer({"max_dp": max_dp(detector)})
        return
    runner, size = detector.session, detector.card.preprocessing.crop_size
    crop = np.zeros((1, 3, size, size), np.float32)
    before = time.perf_counter()
    runner.run(crop)
    first = time.perf_counter() - before
    answer(
        {
            "ran_on": runner.engine,
            "file_sha256": detector.model_sha256,
            "import_s": IMPORTED - STARTED,
            "load_s": loaded - started,
            "first_s": first,
            "nodes": runner.nodes,
        }
    )
    for scope, name, batch, scenario, count, work in cells(task, detector):
        least = task["least"] if scenario == "single-stream" else OFFLINE_PASSES
        samples = measure(work, task, least, f"{scope} {name} {scenario}")
        row = {"scope": scope, "input": name, "batch": batch, "scenario": scenario}
        row |= summary(samples, count) | {"peak_memory_mb": peak_memory_mb(), "samples_s": samples}
        answer({"row": row})


Cell = tuple[str, str, int, str, int, Callable[[], object]]
"""(scope, input, batch, scenario, how many pictures or crops a call answers, the call)"""


def cells(task: dict[str, Any], detector: Detector) -> Iterator[Cell]:
    """What to measure."""
    rule = detector.card.preprocessing
    if "model" in task["scopes"]:
        rng = np.random.default_rng(0)
        for batch in task["batches"] or (1, len(rule.positions)):
            crops = rng.random((batch, 3, rule.crop_size, rule.crop_size), np.float32)
            scenario = "single-stream" if batch == 1 else "offline"
            yield "model", "crops", batch, scenario, batch, partial(detector.session.run, crops)
    for name, path in task["pictures"].items():
        yield "end_to_end", name, 1, "single-stream", 1, partial(detector.predict, path, strict=True)
        yield "end_to_end", name, 1, "offline", OFFLINE_PICTURES, partial(_all, detector, path)


def _all(detector: Detector, path: str) -> None:
    for prediction in detector.predict_many([path] * OFFLINE_PICTURES):
        assert prediction.ok, prediction.error


def measure(work: Callable[[], object], task: dict[str, Any], least: int, cell: str) -> list[float]:
    """Seconds of each call after the warm-up, all of them, until time and count are enough."""
    for _ in range(task["warm_up"]):
        work()
    samples: list[float] = []
    started = told = time.perf_counter()
    while True:
        before = time.perf_counter()
        work()
        now = time.perf_counter()
        samples.append(now - before)
        spent = now - started
        enough = spent >= task["seconds"] and len(samples) >= least
        # A slow cell ends before it has its samples; its row says how many there are.
        if enough or len(samples) >= task["most"] or spent >= 3 * task["seconds"]:
            return samples
        if now - told > 0.2:
            told = now
            answer({"progress": spent / task["seconds"], "cell": cell})


def max_dp(detector: Detector) -> float:
    """Max |Δp| of the golden pictures against the reference, whose logits are in the card."""
    card, worst = detector.card, 0.0
    for entry in card.golden:
        found = detector.predict(golden_image(int(entry["picture"])), strict=True).p_ai
        expected = probability(entry["logit"], card.temperature, card.bias)
        worst = max(worst, abs(found - expected) if found is not None and np.isfinite(found) else 1.0)
    return worst


if __name__ == "__main__":
    main(job())
