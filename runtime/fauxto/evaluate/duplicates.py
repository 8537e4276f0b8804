"""Which photographs of an archive are one shot more than once: bursts, and copies. Statistics count each once.

Two photographs are a burst where one camera took them within BURST_SECONDS, by their EXIF. They are near-duplicates
where the crops that the model sees look the same: by a difference hash (Krawetz 2013, "Kind of Like That") of each
crop, of which at most NEAR of all bits differ. Groups are what such pairs connect. A copy that was cut, or scaled to
less than the card's max_short_side, shows other crops, and is found by its EXIF alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fauxto.image import tiff
from fauxto.image.decode import open_image

BURST_SECONDS = 2
NEAR = 0.1
SIDE = 8  # cells; a crop's hash has SIDE * SIDE bits

MODEL, TAKEN = 272, 36867  # EXIF: the camera's model; DateTimeOriginal, "2026:11:30 14:31:05"


@dataclass(frozen=True)
class Look:
    """What tells whether two photographs are one shot.

    Attributes:
        hashes: of each crop, 64 bits.
        camera: make and model, empty where the file does not say.
        taken: seconds since 1970 by the camera's clock; None where the file does not say.
    """

    hashes: tuple[int, ...]
    camera: str = ""
    taken: int | None = None


def look(crops: npt.NDArray[np.uint8], data: bytes) -> Look:
    """The Look of a photograph. `crops`: (V, S, S, 3) uint8, as the model gets them; `data`: the file's bytes."""
    block = _exif(data)
    directory = tiff.first_directory(block)
    camera = " ".join(_text(tiff.value(block, directory, tag)) for tag in (tiff.MAKE, MODEL)).strip()
    return Look(tuple(map(difference_hash, crops)), camera, _taken(block, directory))


def difference_hash(crop: npt.NDArray[np.uint8]) -> int:
    """Whether each of 8 x 8 cells of an (S, S, 3) crop is brighter than its left neighbour, as 64 bits."""
    small = Image.fromarray(crop).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    cells = np.asarray(small)
    return int.from_bytes(np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes(), "big")


def groups(looks: Sequence[Look]) -> npt.NDArray[np.intp]:
    """(N,) for each photograph the number of its group, 0 and up; equal numbers are one shot."""
    pairs = [*_copies(looks), *_bursts(looks)]
    rows, columns = np.array(pairs, int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(pairs), bool), (rows, columns)), shape=(len(looks), len(looks)))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels, np.intp)


def _copies(looks: Sequence[Look]) -> list[tuple[int, int]]:
    """The pairs of near-duplicates."""
    if not looks:
        return []
    words = np.array([one.hashes for one in looks], np.uint64)
    limit = NEAR * SIDE * SIDE * words.shape[1]
    found = []
    for first in range(len(words) - 1):
        differing = np.bitwise_count(words[first + 1 :] ^ words[first]).sum(1)
        found += [(first, first + 1 + int(other)) for other in np.flatnonzero(differing <= limit)]
    return found


def _bursts(looks: Sequence[Look]) -> list[tuple[int, int]]:
    """The pairs that one camera took in a row, within BURST_SECONDS."""
    known = [(one.camera, one.taken, place) for place, one in enumerate(looks) if one.camera and one.taken is not None]
    known.sort()
    return [
        (place, later)
        for (camera, taken, place), (same, then, later) in pairwise(known)
        if camera == same and then - taken <= BURST_SECONDS
    ]


def _exif(data: bytes) -> bytes:
    """A file's EXIF, a TIFF structure: a TIFF file is one itself. Empty where there is none."""
    if tiff.is_tiff(data):
        return data
    try:
        with open_image(data) as image:
            block = image.info.get("exif") or b""
    except Exception:  # the decoder has said what is wrong with it
        return b""
    return bytes(block).removeprefix(b"Exif\0\0")


def _taken(block: bytes, directory: tiff.Directory) -> int | None:
    for inner in tiff.sub_directories(block, directory, tiff.EXIF):
        try:
            moment = datetime.strptime(_text(tiff.value(block, inner, TAKEN)), "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        return int(moment.replace(tzinfo=UTC).timestamp())
    return None


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1").strip()
