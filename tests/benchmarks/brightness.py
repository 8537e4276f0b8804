"""A classifier that knows brightness alone, in the place of others: its ONNX file, its TOML, its answers by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

CROP = 24
TOML = """
name = "brightness"
file = "model.onnx"
resize = 32
crop = 24
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
output = "logits"
ai = 1
threshold = 0.55
"""


def write_classifier(folder: Path) -> Path:
    """A classifier whose logits are minus and plus the mean of its input, and the TOML that says how to call it."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = ["n", 3, CROP, CROP]
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=1),
        helper.make_node("Reshape", ["mean", "flat"], ["ai"]),
        helper.make_node("Neg", ["ai"], ["real"]),
        helper.make_node("Concat", ["real", "ai"], ["logits"], axis=1),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("flat", TensorProto.INT64, [2], [-1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 1, 1, 1]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2]),
        ],
        constants,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "model.onnx"
    )
    (folder / "brightness.toml").write_text(TOML)
    return folder / "brightness.toml"


def by_hand(path: Path) -> float:
    """What the TOML asks for, with Pillow and numpy alone."""
    image = Image.open(path).convert("RGB").resize((40, 32), Image.Resampling.BILINEAR).crop((8, 4, 32, 28))
    mean = ((np.asarray(image, float) / 255 - 0.5) / 0.25).mean()
    return 1 / (1 + math.exp(-2 * mean))
