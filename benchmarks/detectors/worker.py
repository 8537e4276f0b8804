"""A detector in a process of its own: python -m benchmarks.detectors.worker, started by benchmarks.detectors.compare.

For sahu65 it runs in another environment than ours, with other versions of the same packages: so nothing but the
standard library is imported until the detector is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fauxto.subprocesses import Message, Parent
from fauxto.system import peak_memory_mb


@dataclass(frozen=True)
class Judge:
    """A detector that is ready.

    Attributes:
        judge: a picture's path -> its score, the higher the more AI, and whether it calls it AI. Decodes it itself, and
            raises anything for a picture that it cannot read.
        threshold: the score from which it calls a picture AI.
        files: what must be downloaded and stored for it, beside packages that anybody has.
        version: of it.
    """

    judge: Callable[[str], tuple[float, bool]]
    threshold: float
    files: list[Path]
    version: str


def ours(job: Message) -> Judge:
    """Fauxto: the pooled logit is the score."""
    from fauxto.detector import Detector
    from fauxto.image.decode import keep_memory

    keep_memory()  # as the command line does
    detector = Detector(job.get("model"), provider="cpu")

    def judge(path: str) -> tuple[float, bool]:
        record = detector.predict(path, strict=True)
        assert record.logit is not None  # `strict` raises where there is none
        return record.logit, record.verdict == "ai"

    file = detector.model.folder / detector.card.variants[detector.variant].file
    return Judge(judge, detector.operating_point.threshold, [file], f"{detector.card.release} {detector.variant}")


def sahu65(_: Message) -> Judge:
    """sahu65 as its documentation calls it, but for what a file declares: like ours, it is to look at the pixels."""
    import sahu65 as package  # type: ignore[import-not-found]
    from sahu65.config import Settings, load_thresholds  # type: ignore[import-not-found]

    settings = Settings(_env_file=None, enable_c2pa=False)
    detector = package.LocalDetector(settings).warm()

    def judge(path: str) -> tuple[float, bool]:
        found = detector.detect(path)
        return float(found.ai_probability), bool(found.is_ai)

    threshold = float(load_thresholds(settings.config_dir)["T_hi"])
    return Judge(judge, threshold, sorted(Path(settings.model_dir).iterdir()), f"sahu65 {package.__version__}")


def onnx_classifier(job: Message) -> Judge:
    """Any ONNX classifier, by the TOML that says how it is to be called."""
    from benchmarks.detectors.classifier import Classifier, read

    spec = read(Path(job["file"]))
    return Judge(Classifier(spec).judge, spec.threshold, [spec.file], spec.name)


def community_forensics(job: Message) -> Judge:
    """Community Forensics' ViT-S of 384 px, from a checkpoint."""
    import torch

    from benchmarks.detectors.community_forensics import THRESHOLD, load_network, probability
    from fauxto.system import usable_cpus

    torch.set_num_threads(usable_cpus())
    file = Path(job["file"])
    network = load_network(file)

    def judge(path: str) -> tuple[float, bool]:
        p_ai = probability(network, path)
        return p_ai, p_ai >= THRESHOLD

    return Judge(judge, THRESHOLD, [file], file.name)


BUILDERS: dict[str, Callable[[Message], Judge]] = {
    "fauxto": ours,
    "sahu65": sahu65,
    "onnx": onnx_classifier,
    "community-forensics": community_forensics,
}


def main(parent: Parent) -> None:
    """Build the detector, say so, and judge what is asked for."""
    started, job = time.perf_counter(), parent.job()
    try:
        detector = BUILDERS[job["kind"]](job)
        files_mb = sum(path.stat().st_size for path in detector.files) / 1e6
    except Exception as error:  # whatever its package raises: it is left out with these words
        parent.answer({"skip": one_line(error)})
        return
    parent.answer(
        {
            "version": detector.version,
            "threshold": detector.threshold,
            "files_mb": files_mb,
            "start_s": time.perf_counter() - started,
        }
    )
    for question in parent.questions():
        parent.answer(judged(detector, question["path"]))


def judged(detector: Judge, path: str) -> dict[str, Any]:
    """Score, verdict, seconds, and memory until now in MiB; or what is wrong with the picture."""
    before, used = time.perf_counter(), time.process_time()
    try:
        score, is_ai = detector.judge(path)
    except Exception as error:  # of any package
        return {"error": one_line(error)}
    return {
        "score": score,
        "is_ai": is_ai,
        "wall_s": time.perf_counter() - before,
        "cpu_s": time.process_time() - used,
        "peak_memory_mb": peak_memory_mb(),
    }


def one_line(error: Exception) -> str:
    """What an exception says, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


if __name__ == "__main__":
    main(Parent())
