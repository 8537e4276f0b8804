"""The card inside of an ONNX file: as it was when the file was written, before the files' hashes were known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from export.errors import ExportError

CARD_KEY = "fauxto.card"
"""In the metadata of ONNX files and Core ML packages; its value is JSON."""


def save(proto: onnx.ModelProto, card: Mapping[str, Any], path: Path) -> None:
    """Check the model and write it, with the card in its properties."""
    # Letters and digits, at most 64, or Core ML's provider goes by the path alone, whatever is in the file.
    key = f"{card['precision'].replace('-', '')}{card['checkpoint_sha256'][:40]}"
    onnx.helper.set_model_props(proto, {CARD_KEY: json.dumps(card), "COREML_CACHE_KEY": key})
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path))


def embedded_card(path: Path) -> dict[str, Any]:
    """The card that an ONNX file holds. Raises ExportError where it has none."""
    properties = {entry.key: entry.value for entry in onnx.load(str(path), load_external_data=False).metadata_props}
    if CARD_KEY not in properties:
        raise ExportError(f"{path}: holds no card; export the model again")
    return dict(json.loads(properties[CARD_KEY]))
