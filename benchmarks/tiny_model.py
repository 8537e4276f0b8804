"""A model of one small view and no depth: beside it, what a program does around the network is what takes time."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from fauxto import card as cards

VIEW = 32  # px


def write(folder: Path) -> Path:
    """Write it into `folder`, with the released model's card but for the views. Its logit is its view's mean."""
    folder.mkdir(parents=True, exist_ok=True)
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["views", "axes"], ["logit"], keepdims=0)],
        "tiny",
        [helper.make_tensor_value_info("views", TensorProto.FLOAT, ["views", 3, VIEW, VIEW])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["views"])],
        [axes],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    card = json.loads((cards.find_model(None) / cards.CARD_FILE).read_text("utf-8"))
    card["input"] |= {"view_size": VIEW, "positions": [[0.5, 0.5]], "pooled_views": 1}
    card |= {"name": "tiny", "minimum_short_side": 1, "files": {path.name: cards.sha256(path)}}
    card.pop("variants")
    (folder / cards.CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder
