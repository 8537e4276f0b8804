"""The model on OpenVINO, for CPUs and GPUs that it serves better. Needs the extra [openvino]."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from fauxto.errors import ModelError, ProviderError
from fauxto.inference.base import Floats
from fauxto.inference.providers import OPENVINO, how_to_get
from fauxto.system import usable_cpus

_NO_WORK = ("Const", "Input", "Output")


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which would tell a server of this very import, with an id of the user.

    Raises:
        ImportError: it is not installed, or cannot be loaded.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed
    import openvino

    return openvino


class OpenVINOSession:
    """A Session that is a compiled OpenVINO model."""

    def __init__(self, path: Path, options: dict[str, str], threads: int | None = None) -> None:
        """Compile `path` for the CPU, or for the device that `options` names as DEVICE.

        Raises:
            ProviderError: the package is missing, or it cannot compile the model for the device.
        """
        try:
            openvino = import_openvino()
        except ImportError as error:
            raise ProviderError(f"{OPENVINO} cannot be imported ({error}); {how_to_get(OPENVINO)}") from None
        device = options.get("DEVICE", "CPU")
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # Its own default rounds to bf16 on CPUs that have it: other logits than everybody else's.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if device == "CPU":
            settings["INFERENCE_NUM_THREADS"] = str(threads or usable_cpus())
        settings |= {key: value for key, value in options.items() if key != "DEVICE"}
        try:
            self._model = openvino.Core().compile_model(str(path), device, settings)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ProviderError(f"{OPENVINO} does not run {path.name} here: {reason}; use --provider cpu") from None
        self._turn = threading.Lock()  # calls of one compiled model share a request, which refuses a second
        self.engine = OPENVINO
        shape = self._model.input(0).partial_shape
        self._batch = None if shape[0].is_dynamic else shape[0].get_length()

    @property
    def nodes(self) -> tuple[int, int]:
        """How many nodes run after fusion, twice: OpenVINO compiles the whole graph for its device or refuses."""
        layers = [node.get_rt_info()["layerType"].astype(str) for node in self._model.get_runtime_model().get_ops()]
        count = sum(layer not in _NO_WORK for layer in layers)
        return count, count

    def run(self, crops: Floats) -> Floats:
        """See Session. Raises ProviderError where the engine fails."""
        return self._outputs(["logit"], crops)[0]

    def evidence(self, crops: Floats) -> tuple[Floats, Floats]:
        """See Session."""
        if "evidence" not in {name for output in self._model.outputs for name in output.get_names()}:
            raise ModelError("this model has no evidence output; export it again")
        logits, cells = self._outputs(["logit", "evidence"], crops)
        return logits, cells

    def _outputs(self, names: list[str], crops: Floats) -> list[Floats]:
        parts = [crops] if self._batch in (None, len(crops)) else [crops[i : i + 1] for i in range(len(crops))]
        runs = []
        for part in parts:
            with self._turn:
                try:
                    run = self._model(part)
                except RuntimeError as error:
                    reason = " ".join(str(error).split())[:200]
                    raise ProviderError(f"{OPENVINO} fails to run the model ({reason}); use --provider cpu") from None
                runs.append([np.array(run[name]) for name in names])  # copied: the next run writes over them
        return [np.concatenate(values) for values in zip(*runs, strict=True)]
