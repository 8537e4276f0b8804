"""Execution providers: their names, their options, what this machine has, and what to do where one is missing.

Light on purpose: the command line reads the names before anything heavy is imported.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from fauxto import cache
from fauxto.errors import FauxtoError

Provider = str | tuple[str, Mapping[str, str]]
"""A key of NAMES, "auto", or any provider as onnxruntime takes it: (its name, its options)."""

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
COREML = "CoreMLExecutionProvider"
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


def wanted(provider: Provider | None) -> Provider:
    """The provider to use: the one asked for, else FAUXTO_PROVIDER, else "auto". Raises FauxtoError if unknown."""
    chosen = provider or os.environ.get(VARIABLE) or AUTO
    if isinstance(chosen, str):
        if chosen not in CHOICES:
            source = "" if provider else f" (from {VARIABLE})"
            raise FauxtoError(f"provider '{chosen}'{source} is not one of {', '.join(CHOICES)}")
    elif len(chosen) != 2 or not isinstance(chosen[0], str) or not isinstance(chosen[1], Mapping):
        raise FauxtoError(f"provider {chosen!r} is neither one of {', '.join(CHOICES)} nor (its name, its options)")
    return chosen


def engine(provider: Provider) -> str:
    """What runs the model, as onnxruntime names it, for any provider but "auto". Raises FauxtoError if unknown."""
    if not isinstance(provider, str):
        return provider[0]
    if provider not in NAMES:
        raise FauxtoError(f"provider '{provider}' is not one of {', '.join(NAMES)}")
    return NAMES[provider]


def options(provider: Provider, ort_version: str) -> dict[str, str]:
    """The options to open a provider with: those of the tuple, or what its defaults get wrong for this model.

    Makes the cache folder that Core ML and TensorRT keep compiled models in.
    """
    if not isinstance(provider, str):
        return {key: str(value) for key, value in provider[1].items()}
    name = engine(provider)
    if name == COREML:
        # The default format, NeuralNetwork, takes neither half precision nor all of the graph; shapes that can
        # change have crashed. Compiled models do not survive an upgrade: the version is in the folder's name.
        folder = cache.make(f"coreml-onnxruntime-{ort_version}")
        settings = {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", "RequireStaticInputShapes": "1"}
        return settings | ({"ModelCacheDirectory": str(folder)} if folder else {})
    if name == CUDA:
        # EXHAUSTIVE, the default, searches for seconds at every new number of views. TF32 is the default, stated
        # here because it moves logits by about 1e-3: the self-test's bound knows it.
        return {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1"}
    if name == TENSORRT:
        # Building an engine takes from seconds to minutes.
        folder = cache.make(f"tensorrt-onnxruntime-{ort_version}")
        return {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)} if folder else {}
    return {}


def how_to_get(name: str) -> str:
    """What to do where `name` is not compiled in."""
    return _NOT_COMPILED.get(name, f"install the onnxruntime that has it, or {_OTHERWISE}")


def how_to_load(name: str) -> str:
    """What to do where `name` is compiled in, and cannot load or run the model."""
    return f"{_NOT_LOADED[name]}, or {_OTHERWISE}" if name in _NOT_LOADED else _OTHERWISE


def candidates() -> tuple[str, ...]:
    """What "auto" tries here before the CPU, by the machine's hardware alone."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ("coreml",)
    return ("cuda",) if has_nvidia() else ()


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is installed here."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
