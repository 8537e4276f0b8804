"""Execution providers: their names, their options, what this machine has, and what to do where one is missing.

Light on purpose: the command line reads the names before anything heavy is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from fauxto import cache
from fauxto.errors import FauxtoError

ProviderLike = str | tuple[str, Mapping[str, str]]
"""A key of NAMES, "auto", or any provider as onnxruntime takes it: (its name, its options)."""

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
COREML = "CoreMLExecutionProvider"
WEBGPU = "WebGpuExecutionProvider"  # of browsers, and of an onnxruntime that is built with it: asked for as a tuple
OPENVINO = "OpenVINO"
"""The engine itself, from its own package; onnxruntime's OpenVINOExecutionProvider can be asked for as a tuple."""

NAMES = {"cpu": CPU, "coreml": COREML, "cuda": CUDA, "tensorrt": TENSORRT, "openvino": OPENVINO}
AUTO = "auto"
CHOICES = (AUTO, *NAMES)
VARIABLE = "FAUXTO_PROVIDER"

_GPU = (
    "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]' (the two cannot be installed together)"
)
_NOT_COMPILED = {
    COREML: "onnxruntime has it on Apple silicon only",
    CUDA: _GPU,
    TENSORRT: f"{_GPU} and tensorrt",
    OPENVINO: 'pip install "fauxto[openvino]"',
}
_NOT_LOADED = {
    CUDA: "install an NVIDIA driver, and pip install 'onnxruntime-gpu[cuda,cudnn]'",
    TENSORRT: "install an NVIDIA driver, and pip install 'onnxruntime-gpu[cuda,cudnn]' tensorrt",
}
_OTHERWISE = "use --provider auto or cpu"


@dataclass(frozen=True)
class Provider:
    """An execution provider that was asked for by name, or as onnxruntime takes it.

    Attributes:
        name: what it was asked for by: a key of NAMES, or the engine's own name.
        engine: what onnxruntime calls it.
        given: options of a tuple; None for a key of NAMES, whose defaults `options` knows.
    """

    name: str
    engine: str
    given: Mapping[str, str] | None = None

    def options(self, ort_version: str) -> dict[str, str]:
        """The options to open it with: those given, or what its defaults get wrong for this model.

        Makes the cache folder that Core ML and TensorRT keep compiled models in.
        """
        if self.given is not None:
            return {key: str(value) for key, value in self.given.items()}
        if self.engine == COREML:
            # The default format, NeuralNetwork, takes neither half precision nor all of the graph; shapes that can
            # change have crashed. Compiled models do not survive an upgrade: the version is in the folder's name.
            folder = cache.make(f"coreml-onnxruntime-{ort_version}")
            settings = {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", "RequireStaticInputShapes": "1"}
            return settings | ({"ModelCacheDirectory": str(folder)} if folder else {})
        if self.engine == CUDA:
            # EXHAUSTIVE, the default, searches for seconds at every new number of crops. TF32 is the default, stated
            # here because it moves logits by about 1e-3: the self-test's bound knows it.
            return {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1"}
        if self.engine == TENSORRT:
            # Building an engine takes from seconds to minutes.
            folder = cache.make(f"tensorrt-onnxruntime-{ort_version}")
            return {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)} if folder else {}
        return {}


def requested(provider: ProviderLike | None) -> Provider | None:
    """The provider asked for, else FAUXTO_PROVIDER's; None where that is "auto".

    Raises:
        FauxtoError: there is no such provider.
    """
    chosen = provider or os.environ.get(VARIABLE) or AUTO
    if chosen == AUTO:
        return None
    return resolve(chosen, "" if provider else f" (from {VARIABLE})")


def resolve(provider: ProviderLike, source: str = "") -> Provider:
    """A key of NAMES or a tuple, with its engine. `source` says in errors where it came from. Raises FauxtoError."""
    if isinstance(provider, str):
        if provider not in NAMES:
            raise FauxtoError(f"provider '{provider}'{source} is not one of {', '.join(CHOICES)}")
        return Provider(provider, NAMES[provider])
    if len(provider) != 2 or not isinstance(provider[0], str) or not isinstance(provider[1], Mapping):
        raise FauxtoError(f"provider {provider!r} is neither one of {', '.join(CHOICES)} nor (its name, its options)")
    return Provider(provider[0], provider[0], dict(provider[1]))


def how_to_get(name: str) -> str:
    """What to do where `name` is not compiled in."""
    return _NOT_COMPILED.get(name, f"install the onnxruntime that has it, or {_OTHERWISE}")


def how_to_load(name: str) -> str:
    """What to do where `name` is compiled in, and cannot load or run the model."""
    return f"{_NOT_LOADED[name]}, or {_OTHERWISE}" if name in _NOT_LOADED else _OTHERWISE


def candidates() -> tuple[str, ...]:
    """What "auto" tries here before the CPU, by the machine's hardware alone."""
    import platform  # takes time to load, as does shutil below

    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ("coreml",)
    return ("cuda",) if has_nvidia() else ()


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is installed here."""
    if os.path.exists("/proc/driver/nvidia/version"):
        return True
    from shutil import which

    return which("nvidia-smi") is not None
