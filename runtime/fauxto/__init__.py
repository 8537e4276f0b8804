"""fauxto tells AI-generated pictures from photographs, on this machine, without sending them anywhere.

import fauxto
fauxto.Detector().predict("photo.jpg").verdict   # "photo", "unsure" or "ai"
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fauxto.card import Card
    from fauxto.detector import Detector
    from fauxto.errors import FauxtoError, ImageError, ModelError, ProviderError
    from fauxto.verdict import Prediction

__version__ = "0.1.0"
__all__ = ["Card", "Detector", "FauxtoError", "ImageError", "ModelError", "Prediction", "ProviderError", "__version__"]

_ROOMS = {
    "Card": "card",
    "Detector": "detector",
    "FauxtoError": "errors",
    "ImageError": "errors",
    "ModelError": "errors",
    "Prediction": "verdict",
    "ProviderError": "errors",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: `import fauxto` itself costs next to nothing."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'fauxto' has no attribute '{name}'")
    return getattr(importlib.import_module(f"fauxto.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
