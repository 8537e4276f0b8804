"""An onnxruntime with providers that this machine has not, and that fail as real ones have been seen to fail."""

from __future__ import annotations

import functools
import hashlib
from types import SimpleNamespace
from typing import Any

import onnxruntime as ort

CPU = "CPUExecutionProvider"
ANSWERS: dict[Any, list[Any]] = {}


@functools.cache
def real_session(path: str) -> ort.InferenceSession:
    """The model itself, opened once."""
    return ort.InferenceSession(path, providers=[CPU])


class FakeOrt:
    """Stands in for the module. Every provider is the CPU underneath, with the faults that are asked for.

    Args:
        names: what `get_available_providers` claims.
        fault: "" works; "silent": gives a CPU session, whatever was asked; "partial": leaves one node to the CPU;
            "raises": cannot open; "dies": opens, and fails when it runs; "wrong": other numbers; "nan": none.
        seconds: that a run takes longer than the CPU's; less than 0 makes the CPU slower instead.

    Attributes:
        now: seconds, the clock by which sessions are timed. Runs advance it, so that a busy machine decides nothing.
    """

    def __init__(self, *names: str, fault: str = "", seconds: float = -0.02, version: str = "99.0") -> None:
        self.names, self.fault, self.seconds, self.__version__ = names, fault, seconds, version
        self.__file__ = ort.__file__
        self.SessionOptions = Options
        self.opened: list[tuple[str, dict[str, str]]] = []
        self.preloaded = 0
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def get_available_providers(self) -> list[str]:
        return [*self.names, CPU]

    def preload_dlls(self) -> None:
        self.preloaded += 1
        print("Failed to load libsomething.so")

    def set_default_logger_severity(self, level: int) -> None:
        pass

    def InferenceSession(self, path: str, options: Options, providers: Any, enable_fallback: int) -> FakeSession:  # noqa: N802
        assert enable_fallback == 0
        name, settings = providers[0]
        assert len(providers) == 1
        self.opened.append((name, settings))
        strict = options.entries.get("session.disable_cpu_ep_fallback") == "1"
        if name == CPU:
            assert not strict, "onnxruntime refuses the CPU provider together with disable_cpu_ep_fallback"
        elif self.fault == "raises":
            raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected\nand a stack of frames")
        elif self.fault == "partial" and strict:
            raise RuntimeError("This session contains graph nodes that are assigned to the default CPU EP")
        return FakeSession(self, path, name)


class Options(ort.SessionOptions):  # type: ignore[misc]
    """SessionOptions that remember their entries."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class FakeSession:
    def __init__(self, module: FakeOrt, path: str, name: str) -> None:
        self._real, self._path = real_session(path), path
        self._module, self._name = module, name
        self._faulty = name != CPU

    def get_providers(self) -> list[str]:
        return [CPU] if self._module.fault == "silent" else [self._name, CPU]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        def part(name: str, count: int) -> Any:
            return SimpleNamespace(ep_name=name, get_nodes=lambda: [None] * count)

        if self._faulty and self._module.fault == "silent":
            return [part(CPU, 50)]
        if self._faulty and self._module.fault == "partial":
            return [part(self._name, 49), part(CPU, 1)]
        return [part(self._name, 50)]

    def get_inputs(self) -> Any:
        return self._real.get_inputs()

    def get_outputs(self) -> Any:
        return self._real.get_outputs()

    def get_modelmeta(self) -> Any:
        return self._real.get_modelmeta()

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        seconds = self._module.seconds
        self._module.now += max(0.0, seconds if self._faulty else -seconds)
        if self._faulty and self._module.fault == "dies":
            raise RuntimeError("error code -1 from MPSGraph")
        outputs = list(self._answers(names, inputs))
        if self._faulty and self._module.fault == "wrong":
            outputs[0] = outputs[0] + 0.5
        if self._faulty and self._module.fault == "nan":
            outputs[0] = outputs[0] * float("nan")
        return outputs

    def _answers(self, names: list[str], inputs: dict[str, Any]) -> list[Any]:
        """The real answers, computed once for each input: the tests run hundreds of times on a few."""
        (crops,) = inputs.values()
        key = (self._path, tuple(names), crops.shape, hashlib.sha256(crops.tobytes()).hexdigest())
        if key not in ANSWERS:
            ANSWERS[key] = real_session(self._path).run(names, inputs)
        return ANSWERS[key]
