"""The ONNX session: which execution provider, how many threads."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from fauxto.errors import FauxtoError, ModelError

PROVIDERS = {"auto": "CPUExecutionProvider", "cpu": "CPUExecutionProvider"}


class Session:
    """An ONNX model, ready to run.

    Attributes:
        provider: the execution provider that runs the graph.
        metadata: the file's own metadata_props.
    """

    def __init__(self, path: Path, provider: str = "auto", threads: int | None = None) -> None:
        """Open `path`. Raises FauxtoError for an unknown provider, ModelError for an unusable file."""
        if provider not in PROVIDERS:
            raise FauxtoError(f"provider '{provider}' is not one of {', '.join(PROVIDERS)}")
        options = ort.SessionOptions()
        # Left alone, onnxruntime counts the machine's cores, not those that this process may use.
        options.intra_op_num_threads = threads or usable_cpus()
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=[PROVIDERS[provider]])
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise ModelError(f"{path}: onnxruntime cannot load it ({str(error).splitlines()[0]})") from None
        self._input = self._session.get_inputs()[0].name
        self.provider: str = self._session.get_providers()[0]
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, views: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, 3, S, S) float32 views -> (N,) float32 logits of the positive label."""
        logits: npt.NDArray[np.float32] = self._session.run(["logit"], {self._input: views})[0]
        return logits

    def evidence(self, views: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """(N, 3, S, S) float32 views -> (N,) logits, and (N, h, w) what each cell of a view adds to its logit.

        Raises:
            ModelError: the model was exported without this output.
        """
        if "evidence" not in [output.name for output in self._session.get_outputs()]:
            raise ModelError("this model has no evidence output; export it again")
        logits, cells = self._session.run(["logit", "evidence"], {self._input: views})
        return logits, cells


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity mask, and its cgroup's quota rounded up; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no cgroup v2 here, so no quota
    return max(1, count)
