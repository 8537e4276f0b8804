"""A model, ready to run on one execution provider: all of its graph, or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from fauxto.errors import ModelError, ProviderError
from fauxto.providers import COREML, CPU, CUDA, OPENVINO, TENSORRT, Provider, engine, how_to_get, how_to_load, options

Floats = npt.NDArray[np.float32]


class Runner(Protocol):
    """What runs a model, whatever the engine."""

    @property
    def provider(self) -> str:
        """What runs the graph, as the engine names it."""

    @property
    def nodes(self) -> tuple[int, int]:
        """How many of the graph's nodes it runs, and how many there are."""

    def run(self, views: Floats) -> Floats:
        """(N, 3, S, S) float32 views -> (N,) float32 logits of the positive label."""

    def evidence(self, views: Floats) -> tuple[Floats, Floats]:
        """(N, 3, S, S) float32 views -> (N,) logits, and (N, h, w) what each cell of a view adds to its logit.

        Raises:
            ModelError: the model was exported without this output.
        """


def open_session(path: Path, provider: Provider, threads: int | None = None) -> Runner:
    """Open `path` on `provider`, which is not "auto".

    Raises:
        ProviderError: the provider is missing, cannot load, or would not run all of the graph.
        FauxtoError: the provider is unknown.
        ModelError: the file cannot be used.
    """
    if engine(provider) == OPENVINO:
        from fauxto.openvino_session import OpenVINOSession

        return OpenVINOSession(path, options(provider, ort.__version__), threads)
    return Session(path, provider, threads)


class Session:
    """A Runner that is an onnxruntime session. Its `metadata` is the file's own metadata_props."""

    def __init__(self, path: Path, provider: Provider = "cpu", threads: int | None = None) -> None:
        """Open `path`; see `open_session` for what it raises."""
        name = engine(provider)
        if name == CPU:
            try:
                self._session = _load(path, (name, options(provider, ort.__version__)), threads, strict=False)
            except Exception as error:  # onnxruntime's exceptions share no base class of their own
                raise ModelError(f"{path}: onnxruntime cannot load it ({_first_line(error)})") from None
        else:
            self._session = _load_all_of_it(path, provider, threads)
        self.provider = name
        self.nodes = _count(self._session, name)
        shape = self._session.get_inputs()[0].shape
        # Core ML needs a graph of fixed shape, one view at a time.
        self._batch = shape[0] if isinstance(shape[0], int) else None
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, views: Floats) -> Floats:
        """See Runner."""
        return self._outputs(["logit"], views)[0]

    def evidence(self, views: Floats) -> tuple[Floats, Floats]:
        """See Runner."""
        if "evidence" not in [output.name for output in self._session.get_outputs()]:
            raise ModelError("this model has no evidence output; export it again")
        logits, cells = self._outputs(["logit", "evidence"], views)
        return logits, cells

    def _outputs(self, names: list[str], views: Floats) -> list[Floats]:
        if self._batch in (None, len(views)):
            outputs: list[Floats] = self._session.run(names, {self._input: views})
            return outputs
        parts = [views[i : i + 1] for i in range(len(views))]
        runs = [self._session.run(names, {self._input: part}) for part in parts]
        return [np.concatenate(values) for values in zip(*runs, strict=True)]


def compiled_in(name: str) -> bool:
    """Whether this installation has the provider at all. It says nothing of whether it works."""
    if name == OPENVINO:
        from importlib.util import find_spec

        return find_spec("openvino") is not None
    return name in ort.get_available_providers()


def _load(path: Path, provider: tuple[str, dict[str, str]], threads: int | None, strict: bool) -> Any:
    settings = ort.SessionOptions()
    # Left alone, onnxruntime counts the machine's cores, not those that this process may use.
    settings.intra_op_num_threads = threads or usable_cpus()
    settings.log_severity_level = 3
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if provider[0] == COREML:
        # It takes fixed shapes only: a file made for any number of views becomes one for a single view.
        settings.add_free_dimension_override_by_name("views", 1)
    if strict:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings.log_severity_level = 4
    return ort.InferenceSession(str(path), settings, providers=[provider], enable_fallback=0)


def _load_all_of_it(path: Path, provider: Provider, threads: int | None) -> Any:
    """A session in which `provider` runs every node. Asked plainly, onnxruntime falls back to the CPU in silence."""
    name = engine(provider)
    if not compiled_in(name):
        raise ProviderError(
            f"{name} is not in the installed onnxruntime {ort.__version__} (it has "
            f"{', '.join(ort.get_available_providers())}); {how_to_get(name)}"
        )
    if name in (CUDA, TENSORRT):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it misses; the error below says so
            ort.preload_dlls()
    named = (name, options(provider, ort.__version__))
    ort.set_default_logger_severity(4)
    try:
        session = _load(path, named, threads, strict=True)
        placed, total = _count(session, name)
        if placed == total and session.get_providers()[0] == name:
            return session
        reason = f"it runs {placed} of the {total} nodes"
    except Exception as error:
        reason = missing_library(name) or _left_over(path, named, threads) or _first_line(error)
    finally:
        ort.set_default_logger_severity(2)
    raise ProviderError(f"{name} does not run {path.name} here: {reason}; {how_to_load(name)}")


def _left_over(path: Path, provider: tuple[str, dict[str, str]], threads: int | None) -> str | None:
    """How many nodes the provider leaves to the CPU, if that is what is wrong."""
    try:
        placed, total = _count(_load(path, provider, threads, strict=False), provider[0])
    except Exception:  # then the first failure says more
        return None
    return f"it runs {placed} of the {total} nodes" if placed < total else None


def _count(session: Any, name: str) -> tuple[int, int]:
    """How many of the graph's nodes `name` runs, and how many there are."""
    counts: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] += len(part.get_nodes())
    return counts[name], counts.total()


def missing_library(name: str) -> str | None:
    """Why a provider's own library cannot be loaded, as the system puts it; None where it can, or there is none."""
    word = {CUDA: "cuda", TENSORRT: "tensorrt"}.get(name)
    if word is None:
        return None
    head, tail = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    try:
        for part in ("shared", word):
            library = Path(ort.__file__).parent / "capi" / f"{head}onnxruntime_providers_{part}{tail}"
            if library.exists():
                ctypes.CDLL(os.fspath(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity mask, and its cgroup's quota rounded up; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def cpu_quota() -> float | None:
    """CPUs' worth of time that the cgroup grants this process; None where nothing limits it."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None  # no cgroup v2 here, so no quota
