"""A model is a folder with its card: it finds, chooses and checks its files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fauxto.errors import ModelError
from fauxto.model.card import CARD_FILE, REFERENCE, Card, Variant, read

RELEASED = "fauxto-r18"
"""Folder name of the released model: models/fauxto-r18 in the repository, fauxto/model/released in the wheel."""


@dataclass(frozen=True)
class Model:
    """A folder that holds a card and the files it names."""

    folder: Path
    card: Card

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Model:
        """The model in a folder (or beside an .onnx file of it); without a path, the released one.

        Raises:
            ModelError: there is none, or its card is damaged or of another schema.
        """
        folder = released() if path is None else Path(path)
        folder = folder.parent if folder.suffix == ".onnx" else folder
        return cls(folder, read(folder))

    def variant(self, engine: str, wanted: str | None = None) -> Variant:
        """The variant to run on `engine` (as onnxruntime names it): the wanted one, or the best choice of those here.

        That is the one that the card has for `engine`, else the first that answers as the reference does: one with a
        calibration of its own is for the engines that the card names, and for others only where it is all there is.

        Raises:
            ModelError: the wanted variant is unknown or not there; or this is a second opinion's folder.
        """
        variants, here = self.card.variants, self.variants_here()
        if not variants:
            raise ModelError(f"{self.folder}: is a second opinion, which answers beside a model; name a model here")
        if wanted is not None:
            if wanted not in variants:
                raise ModelError(f"no variant '{wanted}'; the model has {', '.join(variants)}")
            if variants[wanted] not in here:
                path, others = self.folder / variants[wanted].file, ", ".join(variant.name for variant in here)
                fix = f"copy it from models/{self.card.name} of fauxto's repository, or export the model again"
                raise ModelError(f"{path}: not there, only {others or 'the card'}; {fix}")
            return variants[wanted]
        meant = [variant for variant in here if engine in variant.providers]
        alike = [variant for variant in here if variant.calibration is None]
        return next(iter(meant or alike or here), variants[REFERENCE])

    def variants_here(self) -> list[Variant]:
        """The variants whose files are there."""
        return [variant for variant in self.card.variants.values() if (self.folder / variant.file).exists()]

    def file(self, name: str) -> tuple[Path, str]:
        """The path of one of the model's files, and its sha256, which must be the card's. Raises ModelError."""
        path = self.folder / name
        if name not in self.card.files:
            raise ModelError(f"{self.folder / CARD_FILE}: no sha256 of {name}; export the model again")
        try:
            digest = sha256(path)
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}; reinstall fauxto or export the model again") from None
        if digest != self.card.files[name]:
            raise ModelError(f"{path}: its sha256 is not the card's, the file is damaged or changed; reinstall fauxto")
        return path, digest

    @cached_property
    def card_sha256(self) -> str:
        """The sha256 of the card's file."""
        return sha256(self.folder / CARD_FILE)


def released() -> Path:
    """The folder of the released model, in the wheel or in the checkout. Raises ModelError where it is in neither."""
    package = Path(__file__).parents[1]
    places = (package / "model" / "released", package.parents[1] / "models" / RELEASED)
    for place in places:
        if (place / CARD_FILE).exists():
            return place
    raise ModelError(f"no released model in {places[0]} or {places[1]}; pass model= or reinstall fauxto")


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
