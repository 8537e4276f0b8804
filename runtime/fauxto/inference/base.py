"""What every engine offers. Imports nothing of ours."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Session(Protocol):
    """A network that is loaded and ready to run, whatever the engine."""

    @property
    def engine(self) -> str:
        """What runs the graph, as it names itself: "CPUExecutionProvider", "OpenVINO"."""

    @property
    def nodes(self) -> tuple[int, int]:
        """How many of the graph's nodes it runs, and how many there are."""

    def run(self, crops: Floats) -> Floats:
        """(N, 3, S, S) float32 crops -> (N,) float32 logits of the positive label."""

    def evidence(self, crops: Floats) -> tuple[Floats, Floats]:
        """(N, 3, S, S) float32 crops -> (N,) logits, and (N, h, w) what each cell of a crop adds to its logit.

        Raises:
            ModelError: the model was exported without this output.
        """
