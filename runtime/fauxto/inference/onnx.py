"""An ONNX file on one execution provider of onnxruntime: all of its graph, or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from fauxto.errors import ModelError, ProviderError
from fauxto.inference.base import Floats
from fauxto.inference.providers import COREML, CPU, CUDA, TENSORRT, Provider, how_to_get, how_to_load, resolve
from fauxto.system import usable_cpus

# The environment's ORT_DISABLE_TELEMETRY (see fauxto/__init__.py) counts before the first import only.
ort.disable_telemetry_events()


class OnnxSession:
    """A Session of onnxruntime.

    Attributes:
        engine: the execution provider that runs the graph.
        nodes: how many of the graph's nodes it runs, and how many there are.
        metadata: the file's own metadata_props.
    """

    def __init__(self, path: Path, provider: Provider | None = None, threads: int | None = None) -> None:
        """Open `path` on `provider`, by default the CPU.

        Raises:
            ProviderError: the provider is missing, cannot load, or would not run all of the graph.
            ModelError: the file cannot be used.
        """
        provider = provider or resolve("cpu")
        name = provider.engine
        if name == CPU:
            try:
                self._session = open_session(path, (name, provider.options(ort.__version__)), threads)
            except Exception as error:  # onnxruntime's exceptions share no base class of their own
                raise ModelError(f"{path}: onnxruntime cannot load it ({first_line(error)})") from None
        else:
            self._session = _load_all_of_it(path, provider, threads)
        self.engine = name
        self.nodes = _count(self._session, name)
        names = [output.name for output in self._session.get_outputs()]
        if "logit" not in names:
            raise ModelError(f"{path}: has no output 'logit'; export the model again")
        self._has_evidence = "evidence" in names
        shape = self._session.get_inputs()[0].shape
        # Core ML needs a graph of fixed shape, one crop at a time.
        self._batch = shape[0] if isinstance(shape[0], int) else None
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, crops: Floats) -> Floats:
        """See Session. Raises ProviderError where the engine fails."""
        return self._outputs(["logit"], crops)[0]

    def evidence(self, crops: Floats) -> tuple[Floats, Floats]:
        """See Session."""
        if not self._has_evidence:
            raise ModelError("this model has no evidence output; export it again")
        logits, cells = self._outputs(["logit", "evidence"], crops)
        return logits, cells

    def _outputs(self, names: list[str], crops: Floats) -> list[Floats]:
        parts = [crops] if self._batch in (None, len(crops)) else [crops[i : i + 1] for i in range(len(crops))]
        try:
            runs = [self._session.run(names, {self._input: part}) for part in parts]
        except Exception as error:  # of any kind, as when it is loaded
            fix = "get another model" if self.engine == CPU else "use --provider auto or cpu"
            raise ProviderError(f"{self.engine} fails to run the model ({first_line(error)}); {fix}") from None
        return [values[0] if len(values) == 1 else np.concatenate(values) for values in zip(*runs, strict=True)]


def open_session(
    path: Path,
    provider: tuple[str, dict[str, str]] = (CPU, {}),
    threads: int | None = None,
    *,
    strict: bool = False,
    external: Path | None = None,
) -> Any:
    """A session of onnxruntime itself, with the settings that all of ours have.

    Args:
        path: of the ONNX file.
        provider: its name as onnxruntime has it, and its options.
        threads: that compute; default: as many CPUs as this process may use.
        strict: fail where the provider leaves a part of the graph to the CPU.
        external: folder of the file with the weights, where they are not in the ONNX file.
    """
    settings = ort.SessionOptions()
    # Left alone, onnxruntime counts the machine's cores, not those that this process may use.
    settings.intra_op_num_threads = threads or usable_cpus()
    settings.log_severity_level = 3
    # A thread that waits for work computes in circles. By default it does so for a millisecond and more, and takes the
    # CPU from those that decode the next picture; this is enough for the pause between two nodes.
    settings.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if provider[0] == COREML:
        # It takes fixed shapes only: a file made for any number of crops becomes one for a single crop.
        settings.add_free_dimension_override_by_name("views", 1)
    if strict:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings.log_severity_level = 4
    if external:
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(external))
        with path.open("rb") as file:  # as bytes: of a file, only its own folder would be searched
            return ort.InferenceSession(file.read(), settings, providers=[provider], enable_fallback=0)
    return ort.InferenceSession(str(path), settings, providers=[provider], enable_fallback=0)


def _load_all_of_it(path: Path, provider: Provider, threads: int | None) -> Any:
    """A session in which `provider` runs every node. By itself onnxruntime falls back to the CPU without an error."""
    name = provider.engine
    if name not in ort.get_available_providers():
        raise ProviderError(
            f"{name} is not in the installed onnxruntime {ort.__version__} (it has "
            f"{', '.join(ort.get_available_providers())}); {how_to_get(name)}"
        )
    if name in (CUDA, TENSORRT):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it misses; the error below says so
            ort.preload_dlls()
    named = (name, provider.options(ort.__version__))
    ort.set_default_logger_severity(4)
    try:
        session = open_session(path, named, threads, strict=True)
        placed, total = _count(session, name)
        if placed == total and session.get_providers()[0] == name:
            return session
        reason = f"it runs {placed} of the {total} nodes"
    except Exception as error:
        reason = missing_library(name) or _left_over(path, named, threads) or first_line(error)
    finally:
        ort.set_default_logger_severity(2)
    raise ProviderError(f"{name} does not run {path.name} here: {reason}; {how_to_load(name)}")


def _left_over(path: Path, provider: tuple[str, dict[str, str]], threads: int | None) -> str | None:
    """How many nodes the provider leaves to the CPU, if that is what is wrong."""
    try:
        placed, total = _count(open_session(path, provider, threads), provider[0])
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
    import ctypes

    head, tail = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    try:
        for part in ("shared", word):
            library = Path(ort.__file__).parent / "capi" / f"{head}onnxruntime_providers_{part}{tail}"
            if library.exists():
                ctypes.CDLL(os.fspath(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return first_line(error)
    return None


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
