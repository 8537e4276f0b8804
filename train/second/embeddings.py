"""Embeddings on disk: DIR/<condition>-<split>-<number>.npz, and DIR/embeddings.json, which says what made them.

Making them takes hours, so that a shard is written as soon as it is known, and work that was stopped goes on after
the last one. Embeddings of another encoder, or logits of another first network, are refused: nothing in the numbers
would show it.
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fauxto.files import replacing
from fauxto.image.preprocess import Preprocessing
from fauxto.model.model import Model
from fauxto.second_opinion.encoder import LENGTH
from train.errors import TrainError

ABOUT = "embeddings.json"
VARIANT = "int8"
"""The first network's file whose logits are kept: the one that most users run."""

RULE = Preprocessing(
    crop_size=224,
    max_short_side=224,
    filter="bicubic",
    positions=((0.5, 0.5),),
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
    pooled_crops=1,
)
"""How the encoder sees a picture: its short side scaled to 224 px, the middle (CLIP: Radford et al. 2021)."""

Halves = npt.NDArray[np.float16]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MadeBy:
    """What made a folder of embeddings.

    Attributes:
        encoder_sha256: of the encoder's weights.
        first: release of the first network, "fauxto-r18-v7".
        first_sha256: of its file that gave the logits.
        variant: that file's name in the card.
    """

    encoder_sha256: str
    first: str
    first_sha256: str
    variant: str

    @classmethod
    def of(cls, encoder_sha256: str, first: Model) -> MadeBy:
        """What this encoder and `first` make. Raises TrainError where `first` has no such variant."""
        card = first.card
        if VARIANT not in card.variants:
            raise TrainError(
                f"{first.folder}: has no variant '{VARIANT}', whose logits the second opinion is fused with"
            )
        return cls(encoder_sha256, card.release, card.files[card.variants[VARIANT].file], VARIANT)


@dataclass(frozen=True)
class Rows:
    """Some pictures as both networks see them.

    Attributes:
        path: (N,) str, relative to the corpus, with "/".
        embedding: (N, 512) float16, of unit length.
        logit: (N,) float32, the first network's raw pooled logit of the same pixels; NaN where it was not computed.
    """

    path: npt.NDArray[np.str_]
    embedding: Halves
    logit: Singles

    def __post_init__(self) -> None:
        count = len(self.path)
        if self.embedding.shape != (count, LENGTH) or self.logit.shape != (count,):
            raise ValueError(f"{count} paths, embeddings {self.embedding.shape}, logits {self.logit.shape}")


class Embeddings:
    """A folder of embeddings. `append` adds to it, `done` and `read` say what is there.

    Attributes:
        folder: where they lie.
    """

    def __init__(self, folder: Path, made_by: MadeBy, *, new: bool = False) -> None:
        """Open a folder, or with `new` begin one where there is none.

        Raises:
            TrainError: there is none, or something else made it than `made_by`.
            OSError: it cannot be written.
        """
        self.folder = folder
        about = folder / ABOUT
        if new and not about.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(about) as file:
                json.dump(asdict(made_by), file, indent=1)
        _check(about, made_by)

    def append(self, condition: str, split: str, rows: Rows) -> None:
        """Write `rows` as one more shard, whole or not at all. One process at a time. Raises OSError."""
        number = max(self._shards(condition, split), default=-1) + 1
        with replacing(self.folder / f"{condition}-{split}-{number}.npz", "wb") as file:
            np.savez(file, path=rows.path, embedding=rows.embedding, logit=rows.logit)

    def done(self, condition: str, split: str) -> set[str]:
        """The paths that are there. Raises TrainError for a damaged shard."""
        return set(self.read(condition, split).path.tolist())

    def read(self, condition: str, split: str) -> Rows:
        """All that is there of a split under one condition, in the order in which it was written.

        Raises:
            TrainError: a shard is damaged, or a picture is there twice.
        """
        parts = [_shard(path) for _, path in sorted(self._shards(condition, split).items())]
        if not parts:
            return Rows(np.empty(0, np.str_), np.empty((0, LENGTH), np.float16), np.empty(0, np.float32))
        rows = Rows(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("path", "embedding", "logit"))
        )
        names, counts = np.unique(rows.path, return_counts=True)
        if len(names) < len(rows.path):
            twice = names[counts > 1][0]
            raise TrainError(f"{self.folder}: {condition}-{split} has {twice} twice; delete the shard that came later")
        return rows

    def _shards(self, condition: str, split: str) -> dict[int, Path]:
        """Number -> file."""
        found = {}
        for path in self.folder.glob(f"{condition}-{split}-*.npz"):
            if match := re.fullmatch(rf"{condition}-{split}-(\d+)\.npz", path.name):
                found[int(match[1])] = path
        return found


def _shard(path: Path) -> Rows:
    try:
        with np.load(path) as shard:
            return Rows(*(shard[name] for name in ("path", "embedding", "logit")))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrainError(
            f"{path}: not a shard of embeddings ({error}); delete it and embed its pictures again"
        ) from None


def _check(about: Path, made_by: MadeBy) -> None:
    """Raise TrainError unless the folder says that `made_by` made it."""
    try:
        found = json.loads(about.read_text("utf-8"))
        differs = next(((name, found[name]) for name, value in asdict(made_by).items() if found[name] != value), None)
    except FileNotFoundError:
        raise TrainError(f"{about}: not there; make embeddings with python -m train.second.embed") from None
    except (ValueError, KeyError, TypeError) as error:
        raise TrainError(f"{about}: does not say what made the embeddings ({error!r}); make them anew") from None
    if differs:
        name, value = differs
        raise TrainError(
            f"{about}: its embeddings are of another {'encoder' if name == 'encoder_sha256' else 'first network'} "
            f"({name} {value}, not {getattr(made_by, name)}); make them anew in another folder"
        )
