"""A million pictures -> Parquet: on this machine, or on a Ray cluster. Needs the extra [scan]; Ray the extra [ray].

    list of pictures (sources.py) -> parts of it (folder.py) -> rows (rows.py) -> one Parquet file a part (table.py)

The list is made once and kept. Every part of it is one file that is there whole or not at all, so what is left to do
is known from the names of the files, whoever scans and however it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fauxto.scan.predictor import Predictor

__all__ = ["Predictor"]


def __getattr__(name: str) -> object:
    """Import Predictor when it is first used: processes that only decode need no onnxruntime."""
    if name != "Predictor":
        raise AttributeError(f"module 'fauxto.scan' has no attribute '{name}'")
    from fauxto.scan.predictor import Predictor

    return Predictor
