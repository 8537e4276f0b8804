"""The encoder: the graph that computes rightly here, over weights that lie elsewhere."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from fauxto.errors import ModelError, ProviderError
from fauxto.second_opinion.encoder import GRAPHS, LENGTH, PROBE, Encoder
from fauxto.second_opinion.install import WEIGHTS

CROPS = np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32)


@pytest.fixture
def weights(stand_in: tuple[Path, Path]) -> Path:
    return stand_in[0] / "second-opinion" / WEIGHTS


@pytest.fixture
def graphs(stand_in: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the folder with both graphs."""
    return Path(shutil.copytree(stand_in[1], tmp_path / "graphs"))


def make_inexact(graph: Path) -> None:
    """Have the probe find what it finds on a CPU that saturates: anything but 1."""
    model = onnx.load(graph, load_external_data=False)
    (last,) = (node for node in model.graph.node if node.output[0] == PROBE)
    last.op_type, last.input[:] = "Sub", [last.input[0], last.input[0]]
    graph.write_bytes(model.SerializeToString())


def test_embeddings_are_of_unit_length_whatever_the_threads(graphs: Path, weights: Path) -> None:
    found = Encoder(graphs, weights).run(CROPS)
    assert (found.shape, found.dtype) == ((2, LENGTH), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(Encoder(graphs, weights, threads=1).run(CROPS), found, atol=1e-6)
    assert Encoder(graphs, weights).run(CROPS[:0]).shape == (0, LENGTH)


def test_the_fp32_graph_runs_where_products_of_8_bits_are_not_exact(graphs: Path, weights: Path) -> None:
    assert Encoder(graphs, weights).graph.name == GRAPHS[0]
    make_inexact(graphs / GRAPHS[0])
    instead = Encoder(graphs, weights)
    assert instead.graph.name == GRAPHS[1]
    assert np.linalg.norm(instead.run(CROPS), axis=1) == pytest.approx(1)
    shutil.copy(graphs / GRAPHS[0], graphs / GRAPHS[1])
    with pytest.raises(ModelError, match=r"encoder-fp32\.onnx: does not compute exactly on this CPU"):
        Encoder(graphs, weights)


@pytest.mark.parametrize("size", [None, 0, 5000])
def test_weights_that_are_not_all_there_are_named(
    graphs: Path, weights: Path, tmp_path: Path, size: int | None
) -> None:
    path = tmp_path / "elsewhere" / WEIGHTS
    path.parent.mkdir()
    if size is not None:
        path.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(ModelError) as found:
        Encoder(graphs, path)
    assert str(found.value).startswith(f"{graphs / GRAPHS[0]}: onnxruntime cannot load it over {path} (")
    assert "\n" not in str(found.value)


def test_the_weights_may_lie_anywhere(graphs: Path, weights: Path, tmp_path: Path) -> None:
    place = tmp_path / "with a space, é"
    place.mkdir()
    shutil.copy(weights, place)
    found = Encoder(graphs, place / WEIGHTS).run(CROPS)
    np.testing.assert_array_equal(found, Encoder(graphs, weights).run(CROPS))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_weights_may_be_a_link(graphs: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / WEIGHTS
    link.symlink_to(weights)
    np.testing.assert_array_equal(Encoder(graphs, link).run(CROPS), Encoder(graphs, weights).run(CROPS))


@pytest.mark.parametrize("content", [b"", b"no graph at all"])
def test_a_graph_that_is_none_is_named(graphs: Path, weights: Path, content: bytes) -> None:
    (graphs / GRAPHS[0]).write_bytes(content)
    with pytest.raises(ModelError, match=r"encoder\.onnx: onnxruntime cannot load it over"):
        Encoder(graphs, weights)


def test_crops_of_another_size_are_the_engines_error(graphs: Path, weights: Path) -> None:
    with pytest.raises(ProviderError, match="CPUExecutionProvider fails to run the second opinion") as found:
        Encoder(graphs, weights).run(CROPS[..., :100])
    assert "\n" not in str(found.value)
