"""One provider and variant, measured in this process: python -m fauxto.bench.worker, started by fauxto.bench.run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

STARTED = time.perf_counter()

import numpy as np  # noqa: E402

from fauxto.bench.statistics import summary  # noqa: E402
from fauxto.detector import Detector  # noqa: E402
from fauxto.errors import FauxtoError  # noqa: E402
from fauxto.image.decode import keep_memory  # noqa: E402
from fauxto.image.synthetic import golden_image  # noqa: E402
from fauxto.subprocesses import Parent  # noqa: E402
from fauxto.system import peak_memory_mb  # noqa: E402
from fauxto.verdict import probability  # noqa: E402

IMPORTED = time.perf_counter()
OFFLINE_PICTURES = 16  # in one pass of the offline scenario
OFFLINE_PASSES = 3


def main(parent: Parent) -> None:
    """Check that the answers are right, or measure every cell of the job and send each as soon as it is known."""
    job = parent.job()
    keep_memory()  # as the command line does
    try:
        started = time.perf_counter()
        detector = Detector(
            job["model"],
            provider=job["provider"],
            threads=job["threads"],
            variant=job["variant"],
            # The golden pictures' answers are those of the first network.
            second_opinion=job["part"] != "check" and job["second_opinion"],
        )
        load_s = time.perf_counter() - started
    except FauxtoError as error:
        parent.answer({"reason": str(error)})
        return
    if job["part"] == "check":
        parent.answer({"max_dp": max_dp(detector)})
        return
    parent.answer(facts(detector) | {"load_s": load_s})
    for cell in cells(job, detector):
        parent.answer({"cell": cell.name, "progress": 0.0})
        samples = measure(cell, job, parent)
        row = {"scope": cell.scope, "input": cell.input, "batch": cell.batch, "scenario": cell.scenario}
        parent.answer(
            {"row": {**row, **summary(samples, cell.answers), "peak_memory_mb": peak_memory_mb(), "samples_s": samples}}
        )


def facts(detector: Detector) -> dict[str, Any]:
    """What holds for every cell. Runs the model for the first time."""
    size = detector.card.preprocessing.crop_size
    crop = np.zeros((1, 3, size, size), np.float32)
    before = time.perf_counter()
    detector.session.run(crop)
    first_s = time.perf_counter() - before
    return {
        "ran_on": detector.engine,
        "file_sha256": detector.model_sha256,
        "import_s": IMPORTED - STARTED,
        "first_s": first_s,
        "nodes": detector.session.nodes,
    }


@dataclass(frozen=True)
class Cell:
    """What one row measures.

    Attributes:
        scope, input, batch, scenario: of the row.
        answers: pictures or crops that a call answers.
        call: what is timed.
    """

    scope: str
    input: str
    batch: int
    scenario: str
    answers: int
    call: Callable[[], object]

    @property
    def name(self) -> str:
        """For the progress."""
        return f"model, batch {self.batch}" if self.scope == "model" else f"{self.input}, {self.scenario}"


def cells(job: dict[str, Any], detector: Detector) -> Iterator[Cell]:
    """What to measure."""
    rule = detector.card.preprocessing
    if "model" in job["scopes"] and detector.second and detector.scene:
        side = detector.scene.crop_size
        scene = np.zeros((1, side, side, 3), np.uint8)
        yield Cell("model", "scene", 1, "single-stream", 1, partial(detector.second.logits, scene))
    elif "model" in job["scopes"]:
        rng = np.random.default_rng(0)
        for batch in job["batches"] or (1, len(rule.positions)):
            crops = rng.random((batch, 3, rule.crop_size, rule.crop_size), np.float32)
            scenario = "single-stream" if batch == 1 else "offline"
            yield Cell("model", "crops", batch, scenario, batch, partial(detector.session.run, crops))
    for name, path in job["pictures"].items():
        yield Cell("end_to_end", name, 1, "single-stream", 1, partial(detector.predict, path, strict=True))
        yield Cell("end_to_end", name, 1, "offline", OFFLINE_PICTURES, partial(_all, detector, path))


def _all(detector: Detector, path: str) -> None:
    for prediction in detector.predict_many([path] * OFFLINE_PICTURES):
        assert prediction.ok, prediction.error


def measure(cell: Cell, job: dict[str, Any], parent: Parent) -> list[float]:
    """Seconds of each call after the warm-up, all of them, until time and count are enough."""
    least = job["least"] if cell.scenario == "single-stream" else OFFLINE_PASSES
    for _ in range(job["warm_up"]):
        cell.call()
    samples: list[float] = []
    started = told = time.perf_counter()
    while True:
        before = time.perf_counter()
        cell.call()
        now = time.perf_counter()
        samples.append(now - before)
        spent = now - started
        enough = spent >= job["seconds"] and len(samples) >= least
        # A slow cell ends before it has its samples; its row says how many there are.
        if enough or len(samples) >= job["most"] or spent >= 3 * job["seconds"]:
            return samples
        if now - told > 0.2:
            told = now
            parent.answer({"cell": cell.name, "progress": spent / job["seconds"]})


def max_dp(detector: Detector) -> float:
    """Max |Δp| of the golden pictures against the reference, whose logits are in the card."""
    card, worst = detector.model.card, 0.0
    for entry in card.golden:
        found = detector.predict(golden_image(int(entry["picture"])), strict=True).p_ai
        expected = probability(entry["logit"], card.temperature, card.bias)
        worst = max(worst, abs(found - expected) if found is not None and np.isfinite(found) else 1.0)
    return worst


if __name__ == "__main__":
    main(Parent())
