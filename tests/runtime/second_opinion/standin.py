"""A second opinion of a few kB: a vision transformer of one layer with random weights, and all that lies around it.

The weights lie in an ONNX file of their own, with the names that the real one's have, and `export.encoder` makes both
graphs over it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from export.encoder import Architecture, write
from fauxto.model.card import CARD_FILE
from fauxto.model.model import Model, sha256
from fauxto.second_opinion.encoder import GRAPHS, LENGTH
from fauxto.second_opinion.install import WEIGHTS
from fauxto.second_opinion.model import HEAD, RELEASED

SMALL = Architecture(layers=1, width=32, heads=2)
"""Of the stand-in."""
SCENE = {
    "colour": "RGB",
    "crop_size": SMALL.side,
    "max_short_side": SMALL.side,
    "filter": "bicubic",
    "positions": [[0.5, 0.5]],
    "pooling": "mean of the largest",
    "pooled_crops": 1,
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
}
"""How CLIP sees an image (Radford et al. 2021, arXiv 2103.00020)."""
FUSION = {"pixels": 0.7, "scene": 0.4, "disagreement": [-30.0, 30.0]}

Tensors = dict[str, npt.NDArray[Any]]


def tensors(shape: Architecture = SMALL, seed: int = 0) -> Tensors:
    """Random weights, by the names of the real file. int8 ones have a scale for each column."""
    rng = np.random.default_rng(seed)
    width, layer = shape.width, "vision_model.encoder.layers"

    def normal(*dims: int, scale: float = 1.0, mean: float = 0.0) -> npt.NDArray[np.float32]:
        return (mean + scale * rng.standard_normal(dims)).astype(np.float32)

    found: Tensors = {
        "vision_model.embeddings.class_embedding": normal(width),
        "vision_model.embeddings.patch_embedding.weight": normal(width, 3, shape.patch, shape.patch, scale=0.05),
        "vision_model.embeddings.position_embedding.weight": normal(shape.tokens, width, scale=0.3),
    }
    norms = ["vision_model.pre_layrnorm", "vision_model.post_layernorm"]
    norms += [f"{layer}.{i}.layer_norm{part}" for i in range(shape.layers) for part in (1, 2)]
    for name in norms:
        found |= {f"{name}.weight": normal(width, scale=0.2, mean=1), f"{name}.bias": normal(width, scale=0.2)}
    wide = 4 * width
    biases = {"mlp.fc1": wide, "mlp.fc2": width} | {f"self_attn.{part}_proj": width for part in ("q", "k", "v", "out")}
    for i in range(shape.layers):
        found |= {f"{layer}.{i}.{name}.bias": normal(length, scale=0.2) for name, length in biases.items()}
    # In the order of their numbers: query, key, value, output, the two of the mlp, layer by layer; then the projection.
    products = [(width, width)] * 4 + [(width, wide), (wide, width)]
    for number, (rows, columns) in enumerate([*products * shape.layers, (width, LENGTH)], 1541):
        name = f"onnx::MatMul_{number}"
        found[f"{name}_scale"] = rng.uniform(0.5, 1.5, columns).astype(np.float32) / np.float32(64 * rows**0.5)
        found[f"{name}_zero_point"] = np.zeros(columns, np.int8)
        found[f"{name}_quantized"] = rng.integers(-127, 128, (rows, columns), np.int8)
    return found


def write_weights(path: Path, content: Tensors) -> Path:
    """An ONNX file that holds them, whose own graph does nothing."""
    value = helper.make_tensor_value_info("crops", onnx.TensorProto.FLOAT, ["images"])
    stored = [numpy_helper.from_array(array, name) for name, array in content.items()]
    graph = helper.make_graph([], "stored", [value], [value], stored)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph), path)
    return path


def write_second(folder: Path, weights: Path, model: Model | None = None, **changes: Any) -> Path:
    """A second opinion over `weights`, into `folder`.

    Args:
        folder: to write it to.
        weights: of the encoder.
        model: the first network's; None: the released one.
        changes: of the card's block "second".
    """
    folder.mkdir(parents=True)
    write(weights, folder, SMALL)
    weight = np.random.default_rng(0).standard_normal(LENGTH).astype(np.float32)
    np.savez(folder / HEAD, weight=3 * weight, bias=np.float32(0.1))
    first = (model or Model.open()).card
    second = {
        "encoder_sha256": sha256(weights),
        "first": first.release,
        "first_sha256": [first.files[variant.file] for variant in first.variants.values()],
    }
    kept = ("card", "labels", "positive_label", "operating_points", "default_operating_point", "minimum_short_side")
    card = {name: first.raw[name] for name in kept} | {
        "name": RELEASED,
        "version": 1,
        "input": SCENE,
        "calibration": {"temperature": 1.25, "bias": -0.25},
        "golden": [],
        "files": {name: sha256(folder / name) for name in (*GRAPHS, HEAD)},
        "variants": {},
        "test": {},
        "second": second | FUSION | changes,
    }
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def install(data: Path, content: Tensors | None = None) -> Path:
    """The weights where `fauxto second-opinion install` puts them, below the folder of FAUXTO_DATA."""
    return write_weights(data / "second-opinion" / WEIGHTS, content or tensors())
