"""The encoder: the whole image, 224 px, to 512 numbers that say what is on it (CLIP ViT-B/16).

Two graphs of ours over one file of weights, see export/encoder.py. The int8 one needs a CPU that adds up products of
8 bits exactly: x86 without VNNI saturates them, and its graph then is the fp32 one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fauxto.errors import ModelError, ProviderError
from fauxto.inference.base import Floats
from fauxto.inference.onnx import first_line, open_session
from fauxto.inference.providers import CPU

EMBEDDING, PROBE = "embedding", "probe"
"""The graphs' outputs; only the int8 one has a probe: all 1 where this CPU's products are exact."""
GRAPHS = ("encoder.onnx", "encoder-fp32.onnx")
INPUT = "crops"
LENGTH = 512


class Encoder:
    """A graph over the weights of another file, on the CPU.

    Attributes:
        graph: the graph's file that runs.
    """

    def __init__(self, graphs: Path, weights: Path, threads: int | None = None) -> None:
        """Open the first of GRAPHS that computes rightly here.

        Args:
            graphs: the folder that they lie in.
            weights: the file that they name places in, wherever it lies; checked by who calls.
            threads: number of threads; default: as many CPUs as this process may use.

        Raises:
            ModelError: a graph cannot be used, with this file of weights.
        """
        for self.graph in (graphs / name for name in GRAPHS):
            self._session = _load(self.graph, weights, threads)
            if PROBE not in (output.name for output in self._session.get_outputs()) or self._exact():
                return
        raise ModelError(f"{self.graph}: does not compute exactly on this CPU; reinstall fauxto")

    def run(self, crops: Floats) -> Floats:
        """(N, 3, 224, 224) float32 crops -> (N, 512) float32 embeddings of unit length.

        Raises:
            ProviderError: the engine fails.
        """
        try:
            found = np.asarray(self._session.run([EMBEDDING], {INPUT: crops})[0], np.float32)
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise ProviderError(f"{CPU} fails to run the second opinion ({first_line(error)})") from None
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Floats = found / np.maximum(lengths, np.finfo(np.float32).tiny)
        return unit

    def _exact(self) -> bool:
        nothing = np.zeros((0, *self._session.get_inputs()[0].shape[1:]), np.float32)
        return bool((self._session.run([PROBE], {INPUT: nothing})[0] == 1).all())


def _load(graph: Path, weights: Path, threads: int | None) -> Any:
    try:
        # onnxruntime takes no weights that a link leads out of their folder to.
        return open_session(graph, threads=threads, external=weights.resolve().parent)
    except Exception as error:  # as above
        raise ModelError(f"{graph}: onnxruntime cannot load it over {weights} ({first_line(error)})") from None
