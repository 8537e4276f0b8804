"""Operating points that a user has set on pictures of their own: small JSON files, each bound to one model file.

`fauxto calibrate` writes them, `Detector(operating_point=…)` reads them, by their name in the user's data folder or as
a file. A threshold is a probability, and what a probability means depends on the weights and on their calibration: so a
point is refused for any other model file, and where the card calibrates that file otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fauxto import user_data
from fauxto.errors import ModelError, OutputError
from fauxto.files import replacing
from fauxto.model.card import NAME, Card, OperatingPoint

KIND, SCHEMA = "fauxto operating point", 1
SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class OwnPoint:
    """An operating point of one's own, and what it holds for.

    Attributes:
        point: the rule. Its figures are of the photographs that it was set on; `fpr_upper` is the one-sided upper
            bound, with 95 % confidence, of the share of such photographs that is called "ai".
        asked: the `fpr_upper` that was asked for.
        model, variant: the release and the variant that it was set with.
        model_sha256: of that variant's file.
        temperature, bias: of that file's calibration.
        made: when, as ISO 8601.
    """

    point: OperatingPoint
    asked: float
    model: str
    variant: str
    model_sha256: str
    temperature: float
    bias: float
    made: str

    def checked(self, card: Card, variant: str, model_sha256: str) -> OperatingPoint:
        """The rule, for the model file that is about to run. Raises ModelError where it was made for another one."""
        own = (self.model_sha256, self.temperature, self.bias)
        if own == (model_sha256, card.temperature, card.bias):
            return self.point
        if variant != self.variant and card.release == self.model:
            fix = f"use --variant {self.variant}, or run fauxto calibrate again with --variant {variant}"
        else:
            fix = "run fauxto calibrate again with this one"
        raise ModelError(
            f"operating point '{self.point.name}' was set with {self.model} ({self.variant}, "
            f"{self.model_sha256[:12]}), not with {card.release} ({variant}, {model_sha256[:12]}); {fix}"
        )


def folder() -> Path:
    """Where points with a name lie, below the user's data folder."""
    return user_data.folder() / "operating-points"


def names() -> list[str]:
    """The points in `folder`, by name."""
    return sorted(path.stem for path in folder().glob(f"*{SUFFIX}"))


def place(asked: str | os.PathLike[str]) -> Path:
    """The file that NAME|FILE means: what has a separator, ends with ".json" or is a Path, is a file.

    Raises:
        ModelError: neither a file nor a name.
    """
    text = os.fspath(asked)
    if not isinstance(asked, str) or text.endswith(SUFFIX) or any(mark in text for mark in (os.sep, os.altsep) if mark):
        return Path(text)
    if not NAME.fullmatch(text):
        raise ModelError(f"operating point {text[:60]!r}: a name has letters, digits, and . _ - inside; choose another")
    return folder() / f"{text}{SUFFIX}"


def name_of(asked: str | os.PathLike[str], card: Card) -> str:
    """The name that a point saved as NAME|FILE gets. Raises ModelError for one that is the card's, or is none."""
    name = place(asked).stem
    if not NAME.fullmatch(name):
        raise ModelError(f"{os.fspath(asked)}: the file's name is the point's: letters, digits, and . _ - inside")
    if name in card.operating_points:
        raise ModelError(f"'{name}' is an operating point of the model itself; choose another name")
    return name


def find(asked: str | os.PathLike[str] | None, card: Card) -> OwnPoint | None:
    """The own point that is meant by NAME|FILE; None where it is one of the card's, or None.

    Raises:
        ModelError: there is none, or its file is damaged, edited, of another schema, or has a name of the card's.
    """
    if asked is None or asked in card.operating_points:
        return None
    path = place(asked)
    if not path.exists():
        if path.parent != folder():
            raise ModelError(f"{path}: no such file; fauxto calibrate DIR --save {path} writes one")
        own = f"; your own are {', '.join(names())}" if names() else f"; fauxto calibrate DIR --save {asked} makes one"
        raise ModelError(f"no operating point '{asked}'; the model has {', '.join(card.operating_points)}{own}")
    found = read(path)
    if found.point.name in card.operating_points:
        raise ModelError(f"{path}: its name '{found.point.name}' is the model's own; save it under another one")
    return found


def save(own: OwnPoint, path: Path) -> None:
    """Write a point, whole or not at all; one that is there is replaced. Raises OutputError where it cannot be."""
    body = {"kind": KIND, "schema": SCHEMA, **asdict(own)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            json.dump({**body, "sha256": _digest(body)}, file, indent=2)
            file.write("\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from None


def read(path: Path) -> OwnPoint:
    """The point in a file. Raises ModelError where it is none, of another schema, or was changed by hand."""
    again = "run fauxto calibrate again"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}; {again}") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not valid JSON ({error}); {again}") from None
    if not isinstance(raw, dict) or raw.get("kind") != KIND:
        raise ModelError(f"{path}: no operating point; name a file that fauxto calibrate --save has written")
    if raw.get("schema") != SCHEMA:
        raise ModelError(f"{path}: schema {str(raw.get('schema'))[:20]} is not {SCHEMA}; {again}")
    body = {key: value for key, value in raw.items() if key != "sha256"}
    if raw.get("sha256") != _digest(body):
        raise ModelError(f"{path}: was changed after it was written, so its figures hold no more; {again}")
    fields = {key: value for key, value in body.items() if key not in ("kind", "schema")}
    try:
        return OwnPoint(**{**fields, "point": OperatingPoint(**fields["point"])})
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: a field is missing or unknown ({error}); {again}") from None


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
