"""A model of one small crop and no depth: beside it, what a program does around the network is what takes time."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from fauxto.model.card import CARD_FILE, MODEL_FILE
from fauxto.model.model import Model, sha256

CROP = 32  # px


def write(folder: Path) -> Path:
    """Write it into `folder`, with the released model's card but for the crops. Its logit is its crop's mean."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MODEL_FILE
    onnx.save(_network(), path)
    card = dict(Model.open().card.raw)
    crops = {"crop_size": CROP, "positions": [[0.5, 0.5]], "pooled_crops": 1}
    card |= {"name": "tiny", "version": 0, "minimum_short_side": 1, "input": card["input"] | crops}
    card |= {"files": {path.name: sha256(path)}, "test": {}, "golden": []}
    del card["variants"]
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def _network() -> onnx.ModelProto:
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["views", "axes"], ["logit"], keepdims=0)],
        "tiny",
        [helper.make_tensor_value_info("views", TensorProto.FLOAT, ["views", 3, CROP, CROP])],  # as in the released
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["views"])],
        [axes],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
