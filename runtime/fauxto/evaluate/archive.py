"""The scores of a user's archive: found, decoded, scored, kept in the cache, and each shot counted once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fauxto import cache
from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ImageError
from fauxto.evaluate.dataset import LABELS
from fauxto.evaluate.duplicates import Look, groups, look
from fauxto.evaluate.metrics import Scores
from fauxto.files import images_in
from fauxto.image.decoded import Decoded
from fauxto.image.source import read_bytes
from fauxto.progress import Progress, on_terminal, tell
from fauxto.verdict import probability
from fauxto.version import __version__

EVERY = 500
"""Pictures after which the scores until then are kept."""


@dataclass(frozen=True)
class Found:
    """The files of an archive, in the order of their paths."""

    folder: Path
    photographs: Sequence[Path]
    ai: Sequence[Path]


@dataclass(frozen=True)
class Seen:
    """One picture: the pooled logit, its short side in px, and what it looks like."""

    logit: float
    short_side: int
    look: Look


@dataclass(frozen=True)
class Part:
    """One class of an archive.

    Attributes:
        p_ai: (N,) float64, calibrated, of each shot that can be judged.
        files: how many there are.
        too_small: how many of them are too small to judge, and so are never called anything.
        unreadable: path and reason of those that cannot be read.
    """

    p_ai: Scores
    files: int
    too_small: int
    unreadable: Sequence[tuple[Path, str]]


@dataclass(frozen=True)
class Archive:
    """Both classes."""

    photographs: Part
    ai: Part


def search(folder: Path) -> Found:
    """The pictures of an archive: below FOLDER/real and FOLDER/ai where these are there, else all below FOLDER.

    Raises:
        FauxtoError: it is no folder, or has AI pictures and no photographs.
    """
    if not folder.is_dir():
        raise FauxtoError(f"{folder}: no such folder; calibrate needs a folder of photographs")
    ai, real = (folder / label for label in LABELS)
    if ai.is_dir() and not real.is_dir():
        raise FauxtoError(f"{folder}: has a sub-folder ai and none called real; the threshold is set on photographs")
    photographs = sorted(map(Path, images_in(real if real.is_dir() else folder, _unlisted)))
    return Found(folder, photographs, sorted(map(Path, images_in(ai, _unlisted))) if ai.is_dir() else [])


def read_archive(detector: Detector, found: Found) -> Archive:
    """Score all pictures that the cache does not know."""
    paths = [*found.photographs, *found.ai]
    seen, errors = _scores(detector, paths, _key(detector, found.folder))
    parts = (
        _part(detector, paths, seen, errors, highest)
        for paths, highest in ((found.photographs, True), (found.ai, False))
    )
    return Archive(*parts)


def _part(
    detector: Detector, paths: Sequence[Path], seen: dict[Path, Seen], errors: dict[Path, str], highest: bool
) -> Part:
    card = detector.card
    judged = [path for path in paths if path in seen and seen[path].short_side >= card.minimum_short_side]
    p_ai = np.array([probability(seen[path].logit, card.temperature, card.bias) for path in judged], float)
    which = groups([seen[path].look for path in judged])
    choose = np.maximum if highest else np.minimum
    shots = np.full(which.max(initial=-1) + 1, 0.0 if highest else 1.0)
    choose.at(shots, which, p_ai)
    unreadable = [(path, errors[path]) for path in paths if path in errors]
    return Part(shots, len(paths), len(paths) - len(unreadable) - len(judged), unreadable)


def _scores(detector: Detector, paths: Sequence[Path], key: dict[str, str]) -> tuple[dict[Path, Seen], dict[Path, str]]:
    """What was seen of each picture that can be read, and what is wrong with each other one."""
    kept, marks = cache.read("calibrate", key) or {}, {path: _mark(path) for path in paths}
    seen = {path: _seen(kept[mark]) for path, mark in marks.items() if mark in kept}
    errors: dict[Path, str] = {}
    waiting = [path for path in paths if path not in seen]
    if seen:
        tell(f"{len(seen)} of {len(paths)} pictures were scored before")
    progress = Progress(on_terminal(), "", len(waiting), "pictures")
    looks: dict[Path, Look] = {}
    try:
        answers = detector.answer_many(partial(_decode, detector, path, looks) for path in waiting)
        for count, (path, record) in enumerate(zip(waiting, answers, strict=True), 1):
            progress.update(count)
            if record.logit is None:
                errors[path] = record.error or "no answer"
                tell(f"left out {path}: {errors[path]}")
            else:
                seen[path] = Seen(record.logit, min(record.width or 0, record.height or 0), looks.pop(path))
            if count % EVERY == 0:
                _keep(key, seen, marks)
    finally:
        progress.clear()
        _keep(key, seen, marks)
    return seen, errors


def _decode(detector: Detector, path: Path, looks: dict[Path, Look]) -> Decoded:
    """Decode a picture, and look at it on the way: on the thread that decodes."""
    try:
        data = read_bytes(path)
    except ImageError as error:
        return Decoded(os.fspath(path), error=error.reason)
    decoded = detector.decode(data, name=os.fspath(path))
    if decoded.crops is not None:
        looks[path] = look(decoded.crops, data)
    return decoded


def _key(detector: Detector, folder: Path) -> dict[str, str]:
    """What the scores depend on beside the pictures."""
    return {
        "folder": os.path.abspath(folder),
        "fauxto": __version__,
        "model": detector.model_sha256,
        "card": detector.card_sha256,
        "provider": detector.provider,
    }


def _mark(path: Path) -> str:
    """What a file is known by: it is another picture once its size or time is another. No name is kept."""
    try:
        state = path.stat()
    except OSError:
        return ""
    told = f"{os.path.abspath(path)}\0{state.st_size}\0{state.st_mtime_ns}"
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:24]


def _keep(key: dict[str, str], seen: dict[Path, Seen], marks: dict[Path, str]) -> None:
    rows = {
        marks[path]: [one.logit, one.short_side, list(one.look.hashes), one.look.camera, one.look.taken]
        for path, one in seen.items()
    }
    cache.write("calibrate", key, rows)


def _seen(row: list[object]) -> Seen:
    logit, short_side, hashes, camera, taken = row
    return Seen(logit, short_side, Look(tuple(hashes), camera, taken))  # type: ignore[arg-type]  # written by `_keep`


def _unlisted(error: OSError) -> None:
    tell(f"{error.filename}: cannot be listed ({error.strerror})")
