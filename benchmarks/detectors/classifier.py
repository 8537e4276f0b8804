"""Any ONNX classifier, by a small TOML that says how it is to be called; see benchmarks/README.md for an example."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from fauxto.errors import FauxtoError
from fauxto.image.decode import load
from fauxto.system import usable_cpus

Activation = Literal["softmax", "sigmoid", "none"]
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
"""Pillow's numbers."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """How a classifier is to be called.

    Attributes:
        name: in the table.
        file: the ONNX file, relative to the TOML.
        resize: px that the short side is scaled to first, or (width, height); None: nothing is scaled.
        crop: side of the square that is cut from the middle, px; None: nothing is cut.
        filter: of the scaling.
        scale: what 255 becomes, before mean and std.
        mean, std: by channel.
        layout: "NCHW" or "NHWC".
        bgr: whether the channels are in that order.
        output: name of the output; None: the first.
        ai: which of its values is that of AI.
        ai_is_low: whether a low value means AI.
        activation: what turns the values into a probability.
        threshold: of that probability, from which it calls a picture AI.
    """

    name: str
    file: Path
    resize: int | tuple[int, int] | None = None
    crop: int | None = None
    filter: str = "bilinear"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    bgr: bool = False
    output: str | None = None
    ai: int = 0
    ai_is_low: bool = False
    activation: Activation = "softmax"
    threshold: float = 0.5


class Classifier:
    """A session, and the preprocessing that its Spec asks for."""

    def __init__(self, spec: Spec) -> None:
        """Load it. Raises what onnxruntime raises, and FauxtoError where it has no such output."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cpus()
        self._spec = spec
        self._session = onnxruntime.InferenceSession(str(spec.file), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        outputs = [output.name for output in self._session.get_outputs()]
        self._output = outputs[0] if spec.output is None else spec.output
        if self._output not in outputs:
            raise FauxtoError(f"{spec.file}: no output '{spec.output}'; it has {', '.join(outputs)}")

    def judge(self, path: str) -> tuple[float, bool]:
        """The probability of AI, and whether that reaches the threshold. Raises ImageError for a bad picture."""
        (values,) = self._session.run([self._output], {self._input: prepare(load(path), self._spec)})
        p_ai = probability(np.asarray(values, np.float64).ravel(), self._spec)
        return p_ai, p_ai >= self._spec.threshold


def prepare(image: Image.Image, spec: Spec) -> npt.NDArray[np.float32]:
    """An RGB image -> (1, 3, H, W) or (1, H, W, 3) float32."""
    if spec.resize is not None:
        size = spec.resize
        if isinstance(size, int):
            factor = size / min(image.size)
            size = (max(size, round(image.width * factor)), max(size, round(image.height * factor)))
        image = image.resize(size, Image.Resampling(FILTERS[spec.filter]))
    if spec.crop is not None:
        left, top = (round((side - spec.crop) / 2) for side in image.size)
        image = image.crop((left, top, left + spec.crop, top + spec.crop))  # beyond the edge it is black
    array = (np.asarray(image, np.float64) / 255 * spec.scale - spec.mean) / spec.std
    array = array[..., ::-1] if spec.bgr else array
    array = array.transpose(2, 0, 1) if spec.layout == "NCHW" else array
    return np.ascontiguousarray(array[None], np.float32)


def probability(values: npt.NDArray[np.float64], spec: Spec) -> float:
    """The (N,) values of the output -> the probability of AI."""
    if spec.ai >= len(values):
        raise FauxtoError(f"{spec.file}: has {len(values)} values, none with the number {spec.ai}")
    if spec.activation == "softmax":
        powers = np.exp(values - values.max())
        found = float(powers[spec.ai] / powers.sum())
    elif spec.activation == "sigmoid":
        found = float(0.5 * (1 + math.tanh(values[spec.ai] / 2)))  # 1 / (1 + exp(-x)), without overflow
    else:
        found = float(values[spec.ai])
    return 1 - found if spec.ai_is_low else found


def read(path: Path) -> Spec:
    """The Spec in a TOML file. Raises FauxtoError, which names the key, for one that cannot be meant."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FauxtoError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise FauxtoError(f"{path}: not valid TOML ({error})") from None
    try:
        return _spec(path, raw)
    except (KeyError, TypeError, ValueError) as error:
        told = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise FauxtoError(f"{path}: {told}; benchmarks/README.md has an example") from None


def _spec(path: Path, raw: Mapping[str, Any]) -> Spec:
    values = dict(raw)
    file = path.parent / str(values.pop("file"))
    for key in ("mean", "std", "resize"):
        if isinstance(values.get(key), list):
            values[key] = tuple(values[key])
    spec = Spec(file=file, **{"name": path.stem, **values})
    rules = {
        f"file {file} is not there": file.is_file(),
        f"filter is not one of {', '.join(FILTERS)}": spec.filter in FILTERS,
        f"activation is not one of {', '.join(get_args(Activation))}": spec.activation in get_args(Activation),
        "layout is neither NCHW nor NHWC": spec.layout in ("NCHW", "NHWC"),
        "mean and std need three numbers each, std above 0": len(spec.mean) == len(spec.std) == 3 and min(spec.std) > 0,
        "resize is a whole number, or two: width, height": spec.resize is None
        or all(isinstance(side, int) and side > 0 for side in _sides(spec.resize)),
        "crop is a whole number": spec.crop is None or (isinstance(spec.crop, int) and spec.crop > 0),
        "ai is the number of an output value, 0 and up": isinstance(spec.ai, int) and spec.ai >= 0,
    }
    for message, holds in rules.items():
        if not holds:
            raise ValueError(message)
    return spec


def _sides(resize: int | tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(resize, tuple) and len(resize) != 2:
        raise ValueError("resize is a whole number, or two: width, height")
    return resize if isinstance(resize, tuple) else (resize,)
