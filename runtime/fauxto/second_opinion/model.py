"""The second opinion, ready to answer: its card, its encoder over the installed weights, and its head."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fauxto.errors import ModelError
from fauxto.image.preprocess import normalise
from fauxto.model.card import CARD_FILE, Card
from fauxto.model.model import Model, sha256
from fauxto.second_opinion import install
from fauxto.second_opinion.encoder import GRAPHS, Encoder
from fauxto.second_opinion.fusion import Fusion
from fauxto.second_opinion.head import Head

RELEASED = "fauxto-second"
HEAD = "head.npz"


@dataclass(frozen=True)
class SecondOpinion:
    """What looks at the whole image, beside the first network.

    Attributes:
        card: of the fused answer: calibration, thresholds, figures of its own.
        fusion: how the two are made one.
        sha256: of the head.
        card_sha256: of the card's file.
    """

    card: Card
    fusion: Fusion
    sha256: str
    card_sha256: str
    _encoder: Encoder
    _head: Head

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | None = None, threads: int | None = None) -> SecondOpinion:
        """The second opinion in a folder; without one, the released one.

        Raises:
            ModelError: the encoder's weights are not installed or damaged, or the folder is not as its card says.
        """
        model = Model.open(released() if folder is None else folder)
        fusion = _fusion(model)
        weights = _weights(model, fusion.encoder_sha256)
        for name in GRAPHS:
            model.file(name)
        head, digest = model.file(HEAD)
        encoder = Encoder(model.folder, weights, threads)
        return cls(model.card, fusion, digest, model.card_sha256, encoder, Head.read(head))

    def beside(self, first: Card, first_sha256: str) -> Card:
        """The card of the fused answer, beside the first network whose card and file these are.

        Raises:
            ModelError: the head was made for another one.
        """
        if first_sha256 not in self.fusion.first_sha256:
            raise ModelError(
                f"{self.card.release} is for {self.fusion.first}, not for {first.release} ({first_sha256[:12]}); "
                "use that model, or no second opinion"
            )
        name = f"{first.release}+{self.card.release}"
        return replace(self.card, name=name, version=0, preprocessing=first.preprocessing, variants=first.variants)

    def logits(self, scenes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N, S, S, 3) uint8 whole images -> (N,) logits. Raises ProviderError where the engine fails."""
        rule = self.card.preprocessing
        crops = normalise(scenes, rule.mean, rule.std)
        # One at a time: a batch gains nothing on a CPU, and the memory stays what it is.
        embeddings = np.concatenate([self._encoder.run(crop[None]) for crop in crops])
        return self._head.logits(embeddings)


def released() -> Path:
    """The folder of the released second opinion, in the wheel or in the checkout. Raises ModelError without one."""
    package = Path(__file__).parent
    places = (package / "released", package.parents[2] / "models" / RELEASED)
    for place in places:
        if (place / CARD_FILE).exists():
            return place
    raise ModelError(f"no second opinion in {places[0]} or {places[1]}; reinstall fauxto")


def _fusion(model: Model) -> Fusion:
    try:
        fusion = Fusion.of(model.card.raw)
        if len(model.card.preprocessing.positions) != 1:  # `logits` takes one crop an image
            raise ValueError("input.positions is not one place")
        return fusion
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{model.folder / CARD_FILE}: not a second opinion's ({error!r}); reinstall fauxto") from None


def _weights(model: Model, wanted: str) -> Path:
    """The installed weights, which must be those that the card names, by their sha256. Raises ModelError."""
    path = install.folder() / install.WEIGHTS
    with suppress(OSError):
        if sha256(path) == wanted:
            return path
    install.weights()  # says what is wrong with them, and if nothing is:
    raise ModelError(f"{model.folder / CARD_FILE}: is for other encoder weights than this fauxto installs")
