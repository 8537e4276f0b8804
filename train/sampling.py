"""How often each image is drawn."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from fauxto.evaluate.dataset import LabelledImage
from train.errors import TrainError

MATCHED = 3  # times the weight for a source of both classes
FACE_SHARE = 0.1  # of each class's draws, where both classes have faces
HARD = 4  # a photograph that an earlier network gave p = 1 has 1 + HARD times the weight
HARD_NEGATIVE_COLUMNS = ("path", "p_ai")  # of the file that train.tools.hard_negatives writes


def read_hard_negatives(file: Path, data: Path) -> dict[Path, float]:
    """What train.tools.hard_negatives wrote of DATA's photographs: path -> p of being AI.

    Raises:
        TrainError: it is no such file, or of another DATA.
    """
    with file.open(newline="", encoding="utf-8") as rows:
        reader = csv.DictReader(rows)
        try:
            if tuple(reader.fieldnames or ()) != HARD_NEGATIVE_COLUMNS:
                raise ValueError(f"its columns are not {', '.join(HARD_NEGATIVE_COLUMNS)}")
            found = {data / row["path"]: float(row["p_ai"]) for row in reader}
        except (ValueError, TypeError, csv.Error) as error:
            raise TrainError(f"{file}: not a file of train.tools.hard_negatives ({error})") from None
    if not any(path.exists() for path in found):
        raise TrainError(f"{file}: names no picture of {data}; write one with python -m train.tools.hard_negatives")
    return found


def sampling_weights(
    images: Sequence[LabelledImage], hard_negatives: Mapping[Path, float] = MappingProxyType({})
) -> torch.Tensor:
    """(N,) float64 weight of each image: the classes evenly, then sources and generators, then images.

    - A group (source and generator) counts by the square root of its size: even enough that no large source rules,
      without showing a group of three as often as one of a thousand. So does a prompt that was given to many
      generators.
    - A source of both classes counts MATCHED times: there the site's taste, sizes and encoder tell nothing.
    - `hard_negatives` (path -> p), photographs that an earlier network took for AI, count up to 1 + HARD times.
    - Faces get the same share of both classes, or the detector would learn that portraits are generated.
    """
    groups = Counter((image.is_ai, image.source, image.generator) for image in images)
    prompts = Counter((image.is_ai, image.prompt) for image in images)
    classes = Counter(source for _, source in {(image.is_ai, image.source) for image in images} if source)

    def weight(image: LabelledImage) -> float:
        repeats = prompts[image.is_ai, image.prompt] if image.prompt else 1
        matched = MATCHED if classes[image.source] == 2 else 1
        hard = 1 + HARD * hard_negatives.get(image.path, 0.0)
        return float(matched * hard * (groups[image.is_ai, image.source, image.generator] * repeats) ** -0.5)

    weights = np.array([weight(image) for image in images])
    is_ai = np.array([image.is_ai for image in images])
    faces = np.array([image.style == "face" for image in images])
    both = faces[is_ai].any() and faces[~is_ai].any()
    for own in (is_ai, ~is_ai):
        parts = [(FACE_SHARE, faces), (1 - FACE_SHARE, ~faces)] if both else [(1.0, np.ones_like(faces))]
        for share, part in parts:
            chosen = part & own
            weights[chosen] *= share / max(weights[chosen].sum(), 1e-12)
    return torch.from_numpy(weights)


def even_subset(images: Sequence[LabelledImage], per_class: int, seed: int) -> list[LabelledImage]:
    """At most `per_class` images of each class, drawn by `sampling_weights`, none twice."""
    weights = sampling_weights(images)
    chosen: list[int] = []
    for is_ai in (True, False):
        own = [i for i, image in enumerate(images) if image.is_ai == is_ai]
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.multinomial(weights[own], min(per_class, len(own)), replacement=False, generator=generator)
        chosen += [own[i] for i in drawn.tolist()]
    return [images[i] for i in sorted(chosen)]
