"""The model's card: what a runtime must know of a model. It is read and checked; nothing is guessed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fauxto.errors import ModelError
from fauxto.image.preprocess import FILTERS, Preprocessing
from fauxto.image.synthetic import SIZES

SCHEMA = 2
CARD_FILE, MODEL_FILE = "card.json", "model.onnx"
REFERENCE = "fp32"
"""The variant that every other one is compared with."""

MAX_SIDE = 65_536
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ONLY_REFERENCE = {REFERENCE: {"file": MODEL_FILE, "providers": []}}


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Where the words change, and what that cost on the pictures that it was set on: val's, for those of a card.

    Attributes:
        name: "fpr1", "fpr5" or "balanced"; or that of a user's own, see fauxto.model.own_points.
        threshold: calibrated p, at even odds, from which an image is called "ai".
        no_sign_below: calibrated p under which it is called "no_sign"; between the two it is "unsure".
        fpr: share of the photographs called "ai", 0..1.
        fpr_upper: upper end of its 95 % Wilson interval.
        recall: share of the AI pictures called "ai", 0..1; None where there were none, which no card has.
        n_real, n_ai: how many pictures that was measured on.
    """

    name: str
    threshold: float
    no_sign_below: float
    fpr: float
    fpr_upper: float
    recall: float | None
    n_real: int
    n_ai: int


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One file of the model: the same network in another precision or shape.

    Attributes:
        name: "fp32" (the reference), "int8-weights" or "int8".
        file: its name in the model's folder.
        providers: the execution providers that it is the best choice for, as onnxruntime names them.
        calibration: temperature and bias of its own logits, where they differ from the reference's.
        operating_points, golden: thresholds and golden logits of its own, likewise.
    """

    name: str
    file: str
    providers: tuple[str, ...]
    calibration: tuple[float, float] | None = None
    operating_points: Mapping[str, OperatingPoint] | None = None
    golden: tuple[Mapping[str, float], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """A model's card, checked.

    Attributes:
        name: of the model, the same for all of its releases.
        version: the release, 1 and up; 0 for a model that was never released.
        preprocessing: from an upright RGB image to the network's input.
        temperature, bias: p = sigmoid(logit / temperature + bias).
        operating_points, default_operating_point: the rules that turn p into words.
        minimum_short_side: px, of an image that can be judged at all.
        golden: {"picture": number, "logit": expected} of each golden image, by the reference; see `of_variant`.
        files: name -> sha256 of each file.
        variants: name -> the variant's file; none in a second opinion's card, which is no model by itself.
        test: figures of the test split, by condition and operating point, as `fauxto eval` gives them; empty for a
            model that was not tested. See `test_point`.
        raw: all of it, as in the file.
    """

    name: str
    version: int
    labels: tuple[str, ...]
    positive_label: str
    preprocessing: Preprocessing
    temperature: float
    bias: float
    operating_points: Mapping[str, OperatingPoint]
    default_operating_point: str
    minimum_short_side: int
    golden: tuple[Mapping[str, float], ...]
    files: Mapping[str, str]
    variants: Mapping[str, Variant]
    test: Mapping[str, Any]
    raw: Mapping[str, Any]

    @property
    def release(self) -> str:
        """Name and version, "fauxto-r18-v6": what every answer says of the model."""
        return f"{self.name}-v{self.version}" if self.version else self.name

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The operating point of that name, or the default one. Raises ModelError for an unknown name."""
        chosen = name or self.default_operating_point
        if chosen not in self.operating_points:
            raise ModelError(f"no operating point '{chosen}'; the model has {', '.join(self.operating_points)}")
        return self.operating_points[chosen]

    def of_variant(self, variant: Variant) -> Card:
        """The card as it holds for one variant: with the calibration, thresholds and golden logits of that file."""
        temperature, bias = variant.calibration or (self.temperature, self.bias)
        points = variant.operating_points or self.operating_points
        golden = variant.golden or self.golden
        return replace(self, temperature=temperature, bias=bias, operating_points=points, golden=golden)

    def test_point(self, point: str, condition: str = "clean") -> Mapping[str, Any] | None:
        """Test's figures at an operating point: fpr, recall and ai_called_no_sign, each with its interval, and
        real_called_no_sign.

        None where the card has none. A figure that was not reported is None.
        """
        measured = self.test.get("conditions", {}).get(condition, {})
        found: Mapping[str, Any] | None = measured.get("operating_points", {}).get(point)
        return None if found is None else {"n_ai": measured.get("n_ai"), "n_real": measured.get("n_real"), **found}


def parse(raw: Mapping[str, Any], where: str) -> Card:
    """Check a card and give it types. `where` names it in errors. Raises ModelError for anything amiss."""
    try:
        if raw["card"] != SCHEMA:
            raise ModelError(f"{where}: {_other_schema(raw['card'])}")
        card = _card(raw)
        _check(card)
    except KeyError as error:
        raise ModelError(f"{where}: the field {error} is missing; export the model again") from None
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{where}: a field has a wrong value ({error}); export the model again") from None
    return card


def _other_schema(found: object) -> str:
    if found == 1:
        return f"card schema 1 is not {SCHEMA}; python -m export.card FOLDER rewrites it, or get a newer release"
    return f"card schema {_short(found)} is not {SCHEMA}; get a fauxto that reads it"


def _card(raw: Mapping[str, Any]) -> Card:
    crop = raw["input"]
    if crop["pooling"] != "mean of the largest":
        raise ValueError(f"pooling {_short(crop['pooling'])} is unknown")
    temperature, bias = _calibration(raw["calibration"])
    return Card(
        name=_name(raw["name"]),
        version=_whole(raw, "version") if "version" in raw else 0,
        labels=tuple(map(_name, raw["labels"])),
        positive_label=_name(raw["positive_label"]),
        preprocessing=Preprocessing(
            crop_size=_whole(crop, "crop_size"),
            max_short_side=_whole(crop, "max_short_side"),
            filter=_name(crop["filter"]),
            positions=tuple(_numbers(place, "positions", 2) for place in crop["positions"]),  # type: ignore[misc]
            mean=_numbers(crop["mean"], "mean", 3),  # type: ignore[arg-type]
            std=_numbers(crop["std"], "std", 3),  # type: ignore[arg-type]
            pooled_crops=_whole(crop, "pooled_crops"),
        ),
        temperature=temperature,
        bias=bias,
        operating_points=_points(raw["operating_points"]),
        default_operating_point=_name(raw["default_operating_point"]),
        minimum_short_side=_whole(raw, "minimum_short_side"),
        golden=_golden(raw["golden"]),
        files={str(name): str(digest) for name, digest in raw.get("files", {}).items()},
        variants={name: _variant(name, entry) for name, entry in raw.get("variants", ONLY_REFERENCE).items()},
        test=_test(raw.get("test") or {}),
        raw=raw,
    )


def _points(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, OperatingPoint]:
    return {
        _name(name): OperatingPoint(
            name=name,
            **{key: _number(point, key) for key in ("threshold", "no_sign_below", "fpr", "fpr_upper", "recall")},
            n_real=_whole(point, "n_real"),
            n_ai=_whole(point, "n_ai"),
        )
        for name, point in raw.items()
    }


def _variant(name: str, raw: Mapping[str, Any]) -> Variant:
    own, points, golden = raw.get("calibration"), raw.get("operating_points"), raw.get("golden")
    return Variant(
        name=_name(name),
        file=_name(raw["file"]),  # no path: nothing outside of the model's folder is opened
        providers=tuple(map(_name, raw["providers"])),
        calibration=_calibration(own) if own else None,
        operating_points=_points(points) if points else None,
        golden=_golden(golden) if golden else None,
    )


def _golden(raw: Any) -> tuple[Mapping[str, float], ...]:
    return tuple({"picture": _whole(entry, "picture"), "logit": _number(entry, "logit")} for entry in raw)


def _calibration(raw: Mapping[str, Any]) -> tuple[float, float]:
    return _number(raw, "temperature"), _number(raw, "bias")


def _test(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the test split: each is a number, an interval of two, or None."""
    for condition in raw.get("conditions", {}).values():
        for point in condition.get("operating_points", {}).values():
            for key, figure in point.items():
                if isinstance(figure, list):
                    _numbers(figure, key, 2)
                elif figure is not None:
                    _number(point, key)
    return dict(raw)


def _number(raw: Mapping[str, Any], key: str) -> float:
    value = raw[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{key} is {_short(value)}, not a number")
    return float(value)


def _whole(raw: Mapping[str, Any], key: str) -> int:
    if not (value := _number(raw, key)).is_integer():
        raise ValueError(f"{key} is {value}, not a whole number")
    return int(value)


def _numbers(raw: Any, key: str, count: int) -> tuple[float, ...]:
    if not isinstance(raw, list) or len(raw) != count:
        raise ValueError(f"{key} holds {_short(raw)}, not {count} numbers")
    return tuple(_number({key: value}, key) for value in raw)


def _name(value: Any) -> str:
    """A word that can be a folder's name, a piece of a page and a part of one line."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(f"{_short(value)} is no name")
    return value


def _short(value: object) -> str:
    return repr(value)[:60]


def _check(card: Card) -> None:
    """Raise ValueError for a value that no runtime could work with."""
    rule = card.preprocessing
    calibrations = [(card.temperature, card.bias), *(v.calibration for v in card.variants.values() if v.calibration)]
    points = [card.operating_points, *(v.operating_points for v in card.variants.values() if v.operating_points)]
    golden = [*card.golden, *(entry for own in card.variants.values() for entry in own.golden or ())]
    rules = {
        "filter": rule.filter in FILTERS,
        "crop_size": 1 <= rule.crop_size <= 4096,
        "max_short_side": rule.crop_size <= rule.max_short_side <= MAX_SIDE,
        "positions": 1 <= len(rule.positions) <= 256
        and all(0 <= value <= 1 for place in rule.positions for value in place),
        "pooled_crops": 1 <= rule.pooled_crops <= len(rule.positions),
        "std": all(value > 0 for value in rule.std),
        "calibration": all(1e-6 < temperature < 1e6 for temperature, _ in calibrations),
        "positive_label": card.positive_label in card.labels,
        "default_operating_point": all(card.default_operating_point in own for own in points),
        "operating_points": all(0 <= p.no_sign_below <= p.threshold <= 2 for own in points for p in own.values()),
        "variants": REFERENCE in card.variants or (not card.variants and "second" in card.raw),
        "version": card.version >= 0,
        "minimum_short_side": 1 <= card.minimum_short_side <= MAX_SIDE,
        "golden": all(0 <= entry["picture"] < len(SIZES) for entry in golden),
    }
    if wrong := [name for name, holds in rules.items() if not holds]:
        raise ValueError(f"{wrong[0]} is not what this fauxto knows")


def read(folder: Path) -> Card:
    """Read FOLDER/card.json. Raises ModelError where it is missing or not a valid card."""
    path = folder / CARD_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; a model needs its card beside it") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not valid JSON ({error}); export the model again") from None
    if not isinstance(raw, dict):
        raise ModelError(f"{path}: not a card; export the model again")
    return parse(raw, str(path))
