"""Any ONNX classifier is called as its TOML says, and a TOML that cannot be meant is named."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmarks.detectors.classifier import Classifier, Spec, prepare, probability, read
from fauxto.errors import FauxtoError
from tests.benchmarks.brightness import TOML, by_hand
from tests.helpers import make_photo


def test_a_classifier_is_called_as_its_toml_says(toml: Path, folder: Path) -> None:
    classifier = Classifier(read(toml))
    for path in [*sorted((folder / "ai").iterdir()), folder / "real" / "3.png"]:
        p_ai, called = classifier.judge(str(path))
        assert p_ai == pytest.approx(by_hand(path), abs=1e-5)
        assert called == (p_ai >= 0.55)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (1, 3, 48, 60)),
        ({"resize": 24}, (1, 3, 24, 30)),
        ({"resize": (20, 10)}, (1, 3, 10, 20)),
        ({"resize": 24, "crop": 24, "layout": "NHWC"}, (1, 24, 24, 3)),
        ({"crop": 64}, (1, 3, 64, 64)),
    ],
)
def test_sizes_and_layouts(changes: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert prepare(make_photo(60, 48), Spec(name="a", file=Path("a"), **changes)).shape == expected


def test_colours_and_scales() -> None:
    image = Image.new("RGB", (8, 8), (255, 51, 0))

    def first(**changes: Any) -> npt.NDArray[np.float32]:
        array = prepare(image, Spec(name="a", file=Path("a"), layout="NHWC", **changes))
        return np.asarray(array[0, 0, 0])

    assert first() == pytest.approx([1, 0.2, 0])
    assert first(bgr=True) == pytest.approx([0, 0.2, 1])
    assert first(scale=255.0, mean=(5.0, 1.0, 0.0), std=(2.0, 1.0, 1.0)) == pytest.approx([125, 50, 0])


@pytest.mark.parametrize(
    ("changes", "values", "expected"),
    [
        ({"ai": 1}, [0.0, math.log(3)], 0.75),
        ({"ai": 0}, [0.0, math.log(3)], 0.25),
        ({"activation": "sigmoid"}, [math.log(3)], 0.75),
        ({"activation": "sigmoid", "ai_is_low": True}, [math.log(3)], 0.25),
        ({"activation": "sigmoid"}, [-1000.0], 0.0),
        ({"activation": "none"}, [0.3], 0.3),
        ({"activation": "none", "ai_is_low": True}, [0.3], 0.7),
    ],
)
def test_what_an_output_means(changes: dict[str, Any], values: list[float], expected: float) -> None:
    spec = Spec(name="a", file=Path("a.onnx"), **changes)
    assert probability(np.array(values), spec) == pytest.approx(expected)
    with pytest.raises(FauxtoError, match=r"a\.onnx: has 0 values, none with the number"):
        probability(np.array([]), spec)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('file = "model.onnx"', "", "the key 'file' is missing"),
        ("model.onnx", "nowhere.onnx", r"nowhere\.onnx is not there"),
        ("crop = 24", "crops = 24", "unexpected keyword argument 'crops'"),
        ("crop = 24", "crop = 2.5", "crop is a whole number"),
        ("resize = 32", "resize = [1, 2, 3]", "resize is a whole number, or two: width, height"),
        ("resize = 32", 'filter = "cubic"', "filter is not one of nearest, lanczos, bilinear, bicubic"),
        ("ai = 1", "ai = -1", "ai is the number of an output value, 0 and up"),
        ("ai = 1", 'activation = "tanh"', "activation is not one of softmax, sigmoid, none"),
        ("[0.25, 0.25, 0.25]", "[0.25, 0.25, 0]", "mean and std need three numbers each, std above 0"),
        ("ai = 1", "ai: 1", "not valid TOML"),
    ],
)
def test_a_toml_that_cannot_be_meant_is_named(toml: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    wrong = tmp_path / "wrong.toml"
    (tmp_path / "model.onnx").write_bytes((toml.parent / "model.onnx").read_bytes())
    assert old in TOML
    wrong.write_text(TOML.replace(old, new))
    with pytest.raises(FauxtoError, match=message) as caught:
        read(wrong)
    assert str(caught.value).startswith(f"{wrong}: ")


def test_an_output_that_is_not_there_is_named(toml: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes((toml.parent / "model.onnx").read_bytes())
    (tmp_path / "a.toml").write_text(TOML.replace('"logits"', '"scores"'))
    with pytest.raises(FauxtoError, match=r"model\.onnx: no output 'scores'; it has mean, logits"):
        Classifier(read(tmp_path / "a.toml"))
