"""fauxto looks for signs of AI generation in pictures, on this machine, without sending them anywhere.

import fauxto
fauxto.Detector().predict("photo.jpg").verdict   # "ai", "unsure" or "no_sign"
"""

from __future__ import annotations

import importlib
import os

from fauxto.version import __version__

TYPE_CHECKING = False  # as type checkers know it; the import of typing takes longer than all the rest of this one
if TYPE_CHECKING:
    from fauxto.detector import Detector
    from fauxto.errors import FauxtoError, ImageError, ModelError, OutputError, ProviderError
    from fauxto.image.source import Source
    from fauxto.model.card import Card, OperatingPoint, Variant
    from fauxto.prediction import Declaration, FusedPrediction, Prediction

# onnxruntime 1.29 and later report to their makers unless this is set before the first import. Every process of ours
# imports fauxto, or a package that says the same, before onnxruntime.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "Card",
    "Declaration",
    "Detector",
    "FauxtoError",
    "FusedPrediction",
    "ImageError",
    "ModelError",
    "OperatingPoint",
    "OutputError",
    "Prediction",
    "ProviderError",
    "Source",
    "Variant",
    "__version__",
]

_MODULES = {
    "Card": "model.card",
    "Declaration": "prediction",
    "Detector": "detector",
    "FauxtoError": "errors",
    "ImageError": "errors",
    "ModelError": "errors",
    "OperatingPoint": "model.card",
    "OutputError": "errors",
    "FusedPrediction": "prediction",
    "Prediction": "prediction",
    "ProviderError": "errors",
    "Source": "image.source",
    "Variant": "model.card",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: `import fauxto` itself costs next to nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module 'fauxto' has no attribute '{name}'")
    return getattr(importlib.import_module(f"fauxto.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
