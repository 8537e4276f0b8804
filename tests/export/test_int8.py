"""How the int8 file is chosen; what it answers is tested with the other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.int8 import INT8, TOLERANCE, Int8, write_int8
from export.quantiser import METHODS, Activation, Quantiser, activations, in_order
from fauxto.model.model import Model
from tests.helpers import EXAMPLES


@pytest.mark.slow
def test_the_best_method_with_the_fewest_blocks_in_fp32_is_chosen(released: Model, tmp_path: Path) -> None:
    for file in ("model.onnx", "card.json"):
        (tmp_path / file).write_bytes((released.folder / file).read_bytes())
    images = sorted(EXAMPLES.glob("*.jpg"))[:2]
    assert len(images) == 2
    chosen = write_int8(tmp_path, dict(released.card.raw), released.card.preprocessing, images)
    assert set(chosen.errors) == set(METHODS)
    assert {len(found) for found in chosen.errors.values()} == {chosen.blocks_in_fp32 + 1}
    last = {method: found[-1] for method, found in chosen.errors.items()}
    assert last[chosen.ranges] == min(last.values())
    assert last[chosen.ranges] <= TOLERANCE or chosen.blocks_in_fp32 == 8
    before = [min(found[i] for found in chosen.errors.values()) for i in range(chosen.blocks_in_fp32)]
    assert all(error > TOLERANCE for error in before)
    assert activations(onnx.load(str(tmp_path / INT8))) == chosen.activations


def test_the_card_holds_all_that_a_rebuild_needs(released: Model) -> None:
    chosen = Int8.from_card(released.card.raw)
    assert chosen.as_card() == released.card.raw["int8"]
    assert len(chosen.activations) == 11
    assert all(np.float32(own.scale) == own.scale > 0 for own in chosen.activations.values())


def test_blocks_end_with_a_sum_and_the_head_is_in_none(released: Model, tmp_path: Path) -> None:
    quantiser = Quantiser(released.folder / "model.onnx", tmp_path)
    assert [len(block) for block in quantiser.blocks] == [3, 5, 5, 6, 5, 6, 5, 6, 5]
    assert all("relu" in block[-1] for block in quantiser.blocks[1:])


def test_nodes_come_after_what_they_read() -> None:
    nodes = [helper.make_node("Relu", ["b"], ["c"]), helper.make_node("Relu", ["a"], ["b"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ac"]
    model = helper.make_model(helper.make_graph(nodes, "two", [values[0]], [values[1]]))
    assert [node.output[0] for node in in_order(model).graph.node] == ["b", "c"]
    onnx.checker.check_model(model, full_check=True)


def test_how_an_activation_is_quantised_is_read_from_its_node() -> None:
    node = helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"])
    stored = [
        numpy_helper.from_array(np.array(0.25, np.float32), "scale"),
        numpy_helper.from_array(np.array(135, np.uint8), "zero"),
    ]
    model = helper.make_model(helper.make_graph([node], "one", [], [], stored))
    assert activations(model) == {"x": Activation(0.25, 135)}
