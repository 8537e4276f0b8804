"""The model's card: what the runtime must know of a model. It is read and checked; nothing is guessed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fauxto.errors import ModelError
from fauxto.preprocess import FILTERS, Preprocessing

SCHEMA = 1
RELEASED = "fauxto-r18"
"""Folder name of the released model: models/fauxto-r18 in the repository, fauxto/model in the wheel."""

MODEL_FILE, CARD_FILE = "model.onnx", "card.json"

REFERENCE = "fp32"
ONLY_REFERENCE = {REFERENCE: {"file": MODEL_FILE, "providers": []}}


@dataclass(frozen=True)
class OperatingPoint:
    """Where the words change, and what that cost on the pictures it was set on.

    Attributes:
        name: "fpr1", "fpr5" or "balanced".
        threshold: calibrated p from which a picture is called "ai".
        photo_below: calibrated p under which it is called "photo"; between the two it is "unsure".
        fpr: measured share of real photographs called "ai", 0..1.
        fpr_upper: upper end of its 95 % Wilson interval.
        recall: measured share of AI pictures called "ai", 0..1.
        n_real, n_ai: how many pictures that was measured on.
    """

    name: str
    threshold: float
    photo_below: float
    fpr: float
    fpr_upper: float
    recall: float
    n_real: int
    n_ai: int


@dataclass(frozen=True)
class Variant:
    """One file of the model: the same network in another precision or shape.

    Attributes:
        name: "fp32" (the reference), "int8-weights" or "int8".
        file: its name in the model's folder.
        providers: the execution providers that it is the best choice for, as onnxruntime names them.
    """

    name: str
    file: str
    providers: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A model's card, checked. `raw` is all of it, as in the file."""

    name: str
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
    raw: Mapping[str, Any]

    def operating_point(self, name: str | None) -> OperatingPoint:
        """The operating point of that name, or the default one. Raises ModelError for an unknown name."""
        chosen = name or self.default_operating_point
        if chosen not in self.operating_points:
            raise ModelError(f"no operating point '{chosen}'; the model has {', '.join(self.operating_points)}")
        return self.operating_points[chosen]


def parse(raw: Mapping[str, Any], where: str) -> Card:
    """Check a card and give it types. `where` names it in errors. Raises ModelError for anything amiss."""
    try:
        if raw["card"] != SCHEMA:
            raise ModelError(f"{where}: card schema {raw['card']} is not {SCHEMA}; get a matching fauxto")
        view, calibration = raw["input"], raw["calibration"]
        card = Card(
            name=str(raw["name"]),
            labels=tuple(raw["labels"]),
            positive_label=raw["positive_label"],
            preprocessing=Preprocessing(
                view_size=int(view["view_size"]),
                max_short_side=int(view["max_short_side"]),
                filter=view["filter"],
                positions=tuple((float(x), float(y)) for x, y in view["positions"]),
                mean=_three(view["mean"]),
                std=_three(view["std"]),
                pooled_views=int(view["pooled_views"]),
            ),
            temperature=float(calibration["temperature"]),
            bias=float(calibration["bias"]),
            operating_points={
                name: OperatingPoint(name=name, **point) for name, point in raw["operating_points"].items()
            },
            default_operating_point=raw["default_operating_point"],
            minimum_short_side=int(raw["minimum_short_side"]),
            golden=tuple(raw["golden"]),
            files=dict(raw.get("files", {})),
            variants={
                name: Variant(name, str(entry["file"]), tuple(entry["providers"]))
                for name, entry in raw.get("variants", ONLY_REFERENCE).items()
            },
            raw=raw,
        )
        known = (
            view["pooling"] == "mean of the largest"
            and 1 <= card.preprocessing.pooled_views <= len(card.preprocessing.positions)
            and view["filter"] in FILTERS
            and card.preprocessing.positions
            and card.temperature > 0
            and card.positive_label in card.labels
            and card.default_operating_point in card.operating_points
            and REFERENCE in card.variants
        )
    except KeyError as error:
        raise ModelError(f"{where}: the field {error} is missing; export the model again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{where}: a field has the wrong type ({error}); export the model again") from None
    if not known:
        raise ModelError(f"{where}: a value that this fauxto does not know; get a matching fauxto")
    return card


def read(folder: Path) -> Card:
    """Read FOLDER/card.json. Raises ModelError where it is missing or not a valid card."""
    path = folder / CARD_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; a model needs its card beside it") from None
    except ValueError as error:
        raise ModelError(f"{path}: not valid JSON ({error}); export the model again") from None
    if not isinstance(raw, dict):
        raise ModelError(f"{path}: not a card; export the model again")
    return parse(raw, str(path))


def checked_file(folder: Path, card: Card, name: str) -> tuple[Path, str]:
    """FOLDER/name and its sha256, which must be the one in the card. Raises ModelError otherwise."""
    path = folder / name
    if name not in card.files:
        raise ModelError(f"{folder / CARD_FILE}: no sha256 of {name}; export the model again")
    try:
        digest = sha256(path)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; reinstall fauxto or export the model again") from None
    if digest != card.files[name]:
        raise ModelError(f"{path}: its sha256 is not the card's, the file is damaged or changed; reinstall fauxto")
    return path, digest


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def choose_variant(folder: Path, card: Card, provider: str, wanted: str | None = None) -> Variant:
    """The variant to run on `provider` (as onnxruntime names it): the wanted one, or the card's choice in FOLDER.

    Raises:
        ModelError: the wanted variant is unknown or not there.
    """
    if wanted is not None:
        if wanted not in card.variants:
            raise ModelError(f"no variant '{wanted}'; the model has {', '.join(card.variants)}")
        if not (folder / card.variants[wanted].file).exists():
            raise ModelError(f"{folder / card.variants[wanted].file}: not there; python -m export writes every variant")
        return card.variants[wanted]
    here = [variant for variant in card.variants.values() if (folder / variant.file).exists()]
    meant = [variant for variant in here if provider in variant.providers]
    return next(iter(meant or here), card.variants[REFERENCE])


def find_model(model: str | os.PathLike[str] | None) -> Path:
    """The folder of a model: the one given, else the released one in the wheel or in the checkout."""
    if model is not None:
        folder = Path(model)
        return folder.parent if folder.suffix == ".onnx" else folder
    package = Path(__file__).parent
    places = (package / "model", package.parents[1] / "models" / RELEASED)
    for place in places:
        if (place / CARD_FILE).exists():
            return place
    raise ModelError(f"no released model in {places[0]} or {places[1]}; pass model= or reinstall fauxto")


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
