"""The second opinion's encoder: CLIP ViT-B/16's image side as a graph of ours, over weights that lie in another file.

    python -m export.encoder clip_encoder.int8.onnx --out models/fauxto-second

The weights are not ours to ship: `fauxto second-opinion install` puts the one file that holds them on a user's machine.
What is written here is the graph alone. Its initialisers name places in that file (ONNX's external data), so nothing
is rebuilt where it is used, and nothing but onnxruntime reads it.

The file's own graph gives activations one scale for a whole tensor, and its embeddings have a cosine of 0.46 to 0.76
with those of its weights in fp32. Here there are two graphs of the same weights:

encoder.onnx       int8 products, activations with a scale for each token: for CPUs with exact products of 8 bits
encoder-fp32.onnx  fp32 arithmetic: for the others, and to compare with
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from export.errors import ExportError
from fauxto.files import replacing
from fauxto.second_opinion.encoder import EMBEDDING, GRAPHS, INPUT, LENGTH, PROBE
from train.errors import exit_status

OTHER = "it is not the encoder that fauxto second-opinion install gets"

EPSILON = 1e-5
"""Of the layer norms."""
SMALLEST = 1e-6
"""Of a token's scale: a token of zeros has one too."""
PRODUCTS = 512
"""Length of the sum of the largest products that 8 bits have, which tells whether this CPU adds them up exactly."""
COLUMNS = 16
LARGEST = (([1, PRODUCTS], TensorProto.UINT8, 255), ([PRODUCTS, COLUMNS], TensorProto.INT8, 127))


@dataclass(frozen=True)
class Architecture:
    """A vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929), as CLIP has it (Radford et al. 2021, arXiv
    2103.00020); ViT-B/16 unless told otherwise.

    Attributes:
        layers, width, heads: of the transformer.
        patch, side: px, of a patch and of a crop.
    """

    layers: int = 12
    width: int = 768
    heads: int = 12
    patch: int = 16
    side: int = 224

    @property
    def tokens(self) -> int:
        """Of a crop: one for each patch, and one for the class."""
        return (self.side // self.patch) ** 2 + 1


VIT_B_16 = Architecture()


@dataclass
class Graph:
    """A graph under construction, over the tensors of another file.

    Attributes:
        shape: of the network.
        weights: that file's name, as the graph refers to it.
        stored: what it holds: name -> (type, shape, offset, length in bytes).
        quantised: whether products are computed in int8.
    """

    shape: Architecture
    weights: str
    stored: dict[str, tuple[int, list[int], int, int]]
    quantised: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: dict[str, TensorProto] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return the output's name."""
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], domain=domain, **attributes))
        return output

    def constant(self, value: object, kind: type[np.generic]) -> str:
        """A small constant of the graph's own."""
        array = np.array(value, kind)
        name = f"{array.dtype}_{'x'.join(map(str, array.shape))}_{'_'.join(map(str, array.ravel()))}"
        self.initialisers.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def tensor(self, name: str) -> str:
        """A tensor of the other file."""
        if name not in self.stored:
            raise ExportError(f"{self.weights}: holds no tensor {name}; {OTHER}")
        kind, shape, offset, length = self.stored[name]
        found = TensorProto(name=name, data_type=kind, dims=shape, raw_data=b"")
        set_external_data(found, self.weights, offset, length)
        found.data_location = TensorProto.EXTERNAL
        found.ClearField("raw_data")
        self.initialisers[name] = found
        return name

    def linear(self, tokens: str, weights: str, bias: str | None) -> str:
        """(T, C) float32 tokens -> (T, C'): their product with stored int8 weights, and the bias."""
        stored, steps = self.tensor(f"{weights}_quantized"), self.tensor(f"{weights}_scale")
        if self.quantised:
            product = self.product(tokens, stored, steps)
        else:  # a Cast and a Mul, which onnxruntime folds; a DequantizeLinear, and it would quantise the tokens as well
            product = self.add("MatMul", tokens, self.add("Mul", self.add("Cast", stored, to=TensorProto.FLOAT), steps))
        return product if bias is None else self.add("Add", product, self.tensor(bias))

    def product(self, tokens: str, stored: str, steps: str) -> str:
        """The product in int8, with a scale s and a zero z for each token: W x = s (W q - z W 1), x = s (q - z)."""
        least, most = (self.add(name, tokens, axes=[1], keepdims=1) for name in ("ReduceMin", "ReduceMax"))
        scale = self.add("Mul", self.add("Sub", most, least), self.constant(1 / 255, np.float32))
        scale = self.add("Max", scale, self.constant(SMALLEST, np.float32))
        zero = self.add("Round", self.add("Div", self.add("Neg", least), scale))
        flat = self.constant([-1], np.int64)
        zeros = self.add("Cast", self.add("Reshape", zero, flat), to=TensorProto.UINT8)
        quantised = self.add("QuantizeLinear", tokens, self.add("Reshape", scale, flat), zeros, axis=0)
        ones = self.filled([1, self.stored[stored][1][0]], TensorProto.UINT8, 1)
        sums = self.multiply(ones, stored, steps)  # W 1: constant, so onnxruntime folds it
        return self.add(
            "Mul", self.add("Sub", self.multiply(quantised, stored, steps), self.add("Mul", zero, sums)), scale
        )

    def multiply(self, left: str, right: str, steps: str) -> str:
        """(T, C) U8 by (C, C') S8, in integers; times the steps of the columns, (C',)."""
        one = self.constant(1, np.float32)
        return self.add("MatMulIntegerToFloat", left, right, one, steps, domain="com.microsoft")

    def normalise(self, tokens: str, name: str) -> str:
        """A layer norm with the stored weight and bias."""
        weight, bias = self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")
        return self.add("LayerNormalization", tokens, weight, bias, axis=-1, epsilon=EPSILON)

    def attend(self, tokens: str, name: str, weights: list[str]) -> str:
        """Self-attention over the tokens of each image, (T, C) -> (T, C); `weights` of query, key, value, output."""
        width, heads = self.shape.width, self.shape.heads
        apart = self.constant([-1, self.shape.tokens, heads, width // heads], np.int64)
        query, key, value = (
            self.add("Reshape", self.linear(tokens, own, f"{name}.{part}_proj.bias"), apart)
            for part, own in zip("qkv", weights, strict=False)
        )
        query = self.add("Mul", query, self.constant((width / heads) ** -0.5, np.float32))
        query, value = (self.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        likeness = self.add("MatMul", query, self.add("Transpose", key, perm=[0, 2, 3, 1]))
        mixed = self.add("MatMul", self.add("Softmax", likeness, axis=-1), value)
        flat = self.constant([-1, width], np.int64)
        mixed = self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), flat)
        return self.linear(mixed, weights[3], f"{name}.out_proj.bias")

    def expand(self, tokens: str, name: str, weights: list[str]) -> str:
        """The two layers between attentions, (T, C) -> (T, C), with CLIP's x * sigmoid(1.702 x) between them."""
        wide = self.linear(tokens, weights[0], f"{name}.fc1.bias")
        gate = self.add("Sigmoid", self.add("Mul", wide, self.constant(1.702, np.float32)))
        return self.linear(self.add("Mul", wide, gate), weights[1], f"{name}.fc2.bias")

    def embed(self, crops: str, name: str) -> str:
        """(N, 3, S, S) -> (T, C): a token for each patch, one for the class, and where they are."""
        width, strides = self.shape.width, [self.shape.patch] * 2
        patches = self.add("Conv", crops, self.tensor(f"{name}.patch_embedding.weight"), strides=strides)
        patches = self.add("Reshape", patches, self.constant([0, width, self.shape.tokens - 1], np.int64))
        patches = self.add("Transpose", patches, perm=[0, 2, 1])
        batch = self.add("Slice", self.add("Shape", crops), *(self.constant([at], np.int64) for at in (0, 1)))
        rest = self.constant([1, width], np.int64)
        shape = self.add("Concat", batch, rest, axis=0)
        tokens = self.add("Concat", self.add("Expand", self.tensor(f"{name}.class_embedding"), shape), patches, axis=1)
        tokens = self.add("Add", tokens, self.tensor(f"{name}.position_embedding.weight"))
        return self.add("Reshape", tokens, self.constant([-1, width], np.int64))

    def probe(self) -> str:
        """1 where the largest products of 8 bits are added up exactly, (16,) float32."""
        left, right = (self.filled(shape, kind, value) for shape, kind, value in LARGEST)
        total = self.multiply(left, right, self.filled([COLUMNS], TensorProto.FLOAT, 1.0))
        exact = self.add("Equal", total, self.constant(255 * 127 * PRODUCTS, np.float32))
        return self.add("ReduceMin", self.add("Cast", exact, to=TensorProto.FLOAT), axes=[0], keepdims=0)

    def filled(self, shape: list[int], kind: int, value: float) -> str:
        """A constant of one value."""
        filler = helper.make_tensor("value", kind, [1], [value])
        return self.add("ConstantOfShape", self.constant(shape, np.int64), value=filler)


def build(weights: Path, quantised: bool, shape: Architecture = VIT_B_16) -> onnx.ModelProto:
    """The graph over `weights`. Raises ExportError where that is not the encoder's file."""
    graph = Graph(shape, weights.name, places(weights), quantised)
    products = [name.removesuffix("_quantized") for name in graph.stored if name.endswith("_quantized")]
    if len(products) != 6 * shape.layers + 1:
        raise ExportError(f"{weights}: has {len(products)} quantised products, not {6 * shape.layers + 1}; {OTHER}")
    products.sort()
    tokens = graph.normalise(graph.embed(INPUT, "vision_model.embeddings"), "vision_model.pre_layrnorm")
    for layer in range(shape.layers):
        name, own = f"vision_model.encoder.layers.{layer}", products[6 * layer : 6 * layer + 6]
        seen = graph.attend(graph.normalise(tokens, f"{name}.layer_norm1"), f"{name}.self_attn", own[:4])
        tokens = graph.add("Add", tokens, seen)
        seen = graph.expand(graph.normalise(tokens, f"{name}.layer_norm2"), f"{name}.mlp", own[4:])
        tokens = graph.add("Add", tokens, seen)
    images = graph.add("Reshape", tokens, graph.constant([-1, shape.tokens, shape.width], np.int64))
    first = graph.add("Gather", images, graph.constant(0, np.int64), axis=1)
    first = graph.normalise(first, "vision_model.post_layernorm")
    graph.add("Identity", graph.linear(first, products[-1], None))
    graph.nodes[-1].output[0] = EMBEDDING
    return _model(graph)


def _model(graph: Graph) -> onnx.ModelProto:
    crops = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["images", 3, graph.shape.side, graph.shape.side])
    outputs = [helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["images", LENGTH])]
    if graph.quantised:
        graph.add("Identity", graph.probe())
        graph.nodes[-1].output[0] = PROBE
        outputs.append(helper.make_tensor_value_info(PROBE, TensorProto.FLOAT, [COLUMNS]))
    made = helper.make_graph(graph.nodes, "encoder", [crops], outputs, list(graph.initialisers.values()))
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=versions, ir_version=9, producer_name="fauxto")


def places(weights: Path) -> dict[str, tuple[int, list[int], int, int]]:
    """Where each tensor of an ONNX file lies in it: name -> (type, shape, offset, length in bytes)."""
    data, found = weights.read_bytes(), {}
    try:
        tensors = onnx.load_from_string(data).graph.initializer
    except DecodeError:
        raise ExportError(f"{weights}: no ONNX file; {OTHER}") from None
    for tensor in tensors:
        values = numpy_helper.to_array(tensor).tobytes()
        if tensor.name.endswith("_zero_point"):
            if any(values):
                raise ExportError(f"{weights}: {tensor.name} is not 0; {OTHER}")
            continue
        found[tensor.name] = (tensor.data_type, list(tensor.dims), data.index(values), len(values))
    return found


def write(weights: Path, folder: Path, shape: Architecture = VIT_B_16) -> None:
    """Write both graphs over `weights` into a folder. Raises ExportError as `build` does."""
    for name, quantised in zip(GRAPHS, (True, False), strict=True):
        data = build(weights, quantised, shape).SerializeToString()
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / name, "wb") as file:
            file.write(data)
        print(f"written: {folder / name}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Write both graphs. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.encoder", description="Write the graphs of the second opinion's encoder."
    )
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="the installed file, clip_encoder.int8.onnx")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the graphs to")
    args = parser.parse_args(argv)
    return exit_status("export.encoder", lambda: write(args.weights, args.out))


if __name__ == "__main__":
    sys.exit(main())
