"""The golden vectors, rebuilt through the runtime, and by a port that knows nothing but their index."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.__main__ import main as export
from fauxto import card as cards
from fauxto.detector import Detector
from fauxto.image.decode import load
from fauxto.image.preprocess import cut_crops, prepare

MODEL = cards.find_model(None)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("golden") / "vectors"
    assert export([str(MODEL), "--golden", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def index(vectors: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((vectors / "index.json").read_text())
    return found


def read(vectors: Path, index: dict[str, Any], entry: dict[str, Any], step: str) -> np.ndarray:
    file = entry["files"][step]
    return np.fromfile(vectors / file["name"], index["dtypes"][step]).reshape(file["shape"])


def test_the_runtime_makes_the_same(vectors: Path, index: dict[str, Any]) -> None:
    detector = Detector(variant="fp32", provider="cpu")
    for entry in index["pictures"]:
        png = vectors / entry["files"]["png"]["name"]
        assert (np.asarray(Image.open(png)) == read(vectors, index, entry, "picture")).all()
        rule = detector.card.preprocessing
        assert (cut_crops(load(png), rule) == read(vectors, index, entry, "views")).all()
        assert (prepare(load(png), rule) == read(vectors, index, entry, "tensor")).all()
        for name, verdict in entry["verdicts"].items():
            answer = Detector(variant="fp32", provider="cpu", operating_point=name).predict(png)
            assert answer.verdict == verdict
            assert answer.logit == pytest.approx(entry["logit"], abs=1e-4)
            assert answer.p_ai == pytest.approx(entry["p_ai"], abs=1e-4)


def test_the_index_is_enough_for_a_port(vectors: Path, index: dict[str, Any]) -> None:
    """What models/README.md describes, written again; only the scaling of large pictures is left to Pillow."""
    rule, size = index["input"], index["input"]["view_size"]
    for entry in index["pictures"]:
        picture = read(vectors, index, entry, "picture")
        width, height = entry["scaled"]
        if (width, height) == (entry["width"], entry["height"]):
            down, right = max(0, size - height), max(0, size - width)
            pads = [(gap // 2, gap - gap // 2) for gap in (down, right)]
            padded = np.pad(picture, (*pads, (0, 0)), "symmetric")
            views = np.stack([padded[y : y + size, x : x + size] for x, y in entry["view_offsets"]])
            assert (views == read(vectors, index, entry, "views")).all()
        views = read(vectors, index, entry, "views")
        tensor = (views / 255 - np.array(rule["mean"])) / np.array(rule["std"])
        np.testing.assert_allclose(tensor.transpose(0, 3, 1, 2), read(vectors, index, entry, "tensor"), atol=1e-5)
        largest = np.sort(read(vectors, index, entry, "logits").astype(float))[-rule["pooled_views"] :]
        assert largest.mean() == pytest.approx(entry["logit"], abs=1e-6)
        p_ai = 1 / (1 + math.exp(-(entry["logit"] / index["temperature"] + index["bias"])))
        assert p_ai == pytest.approx(entry["p_ai"], abs=1e-9)


def test_targets_and_sources_that_cannot_be_used_are_named(
    vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export([str(MODEL), "--golden", str(vectors)]) == 2
    assert "choose another --golden" in capsys.readouterr().err
    assert export([str(tmp_path), "--golden", str(tmp_path / "new")]) == 2
    assert "card.json" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit):
        export([str(MODEL)])
