"""Would libjpeg's own scaling do in the place of full decoding? python -m benchmarks.decoding DIR, with large pictures.

DIR/real and DIR/ai hold pictures. A JPEG large enough to be decoded at a smaller scale is taken as it is; any other AI
picture is scaled up to 12 megapixels (Lanczos) and saved as JPEG 92 first, as few are that large. Both ways of decoding
then go through the released model: how far the logits are apart, which verdicts change, what happens to the AUC.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.argument_types import positive
from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ImageError
from fauxto.evaluate.metrics import auc
from fauxto.files import images_in
from fauxto.image.decode import keep_memory, load, open_image, to_rgb
from fauxto.image.preprocess import FILTERS, Preprocessing, cut_crops, normalise, pool, scaled_size
from fauxto.model.card import Card
from fauxto.progress import Progress, on_terminal, tell
from fauxto.verdict import decide, probability

PIXELS, QUALITY = 12_000_000, 92
ROOM = 2
"""How many times the short side that the model sees libjpeg's scaling has to leave."""


class Row(TypedDict):
    """One picture, decoded wholly and with libjpeg's scaling.

    Attributes:
        path: relative to DIR.
        is_ai: its label.
        megapixels: of the whole picture.
        logits: pooled, of (full, scaled).
        grey: mean and largest difference between the crops, in grey levels of 0..255.
    """

    path: str
    is_ai: bool
    megapixels: float
    logits: tuple[float, float]
    grey: tuple[float, float]


def main(argv: list[str] | None = None) -> int:
    """Measure, and print the table. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decoding",
        description="Compare libjpeg's own scaling with full decoding, on large pictures of your own.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="folder with pictures in its sub-folders real and ai")
    parser.add_argument("--real", type=positive, default=300, metavar="N", help="photographs, at most (default: 300)")
    parser.add_argument("--ai", type=positive, default=100, metavar="N", help="AI pictures, at most (default: 100)")
    parser.add_argument(
        "--rows", type=Path, metavar="FILE", help="JSON lines of each picture; those that are there are not done again"
    )
    args = parser.parse_args(argv)
    keep_memory()
    detector = Detector(provider="cpu")
    try:
        rows = [
            row
            for label, most in (("real", args.real), ("ai", args.ai))
            for row in islice(measured(args.dir, label, detector, args.rows), most)
        ]
        print(as_markdown(rows, detector.card))
    except (FauxtoError, OSError) as error:
        tell(f"benchmarks: {error}")
        return 2
    return 0


def measured(folder: Path, label: str, detector: Detector, kept: Path | None) -> Iterator[Row]:
    """The rows of a class in a fixed random order; `kept` is read and written to."""
    lines = kept.read_text("utf-8").splitlines() if kept and kept.exists() else []
    done: dict[str, Row] = {row["path"]: row for row in map(json.loads, lines)}
    paths = sorted(images_in(folder / label))
    random.Random(0).shuffle(paths)
    progress = Progress(on_terminal(), f"{label}: ", unit="pictures")
    for count, path in enumerate(paths, 1):
        name = Path(path).relative_to(folder).as_posix()
        try:
            data = None if name in done else large_jpeg(path, detector.card, label == "ai")
        except ImageError as error:
            tell(f"left out {error}")
            continue
        if data is not None:
            done[name] = compare(data, name, label == "ai", detector)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(done[name]) + "\n")
        if name in done:
            yield done[name]
        progress.update(count)
    progress.clear()


def large_jpeg(path: str, card: Card, enlarge: bool) -> bytes | None:
    """The bytes of a JPEG that is decoded at a smaller scale; of another picture enlarged, or None."""
    least = 2 * ROOM * card.preprocessing.max_short_side
    with Image.open(path) as image:
        if image.format in ("JPEG", "MPO") and min(image.size) >= least:
            return Path(path).read_bytes()
    if not enlarge:
        return None
    whole = load(path)
    factor = (PIXELS / (whole.width * whole.height)) ** 0.5
    size = round(whole.width * factor), round(whole.height * factor)
    if factor < 1 or min(size) < least:
        return None
    buffer = io.BytesIO()
    whole.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def compare(data: bytes, name: str, is_ai: bool, detector: Detector) -> Row:
    """Decode both ways and answer both."""
    rule = detector.card.preprocessing
    image = load(data)
    full = cut_crops(image, rule)
    scaled = scaled_crops(data, image.size, rule)
    apart = np.abs(full.astype(np.int16) - scaled)
    return {
        "path": name,
        "is_ai": is_ai,
        "megapixels": round(image.width * image.height / 1e6, 1),
        "logits": (_logit(full, detector), _logit(scaled, detector)),
        "grey": (float(apart.mean()), float(apart.max())),
    }


def scaled_crops(data: bytes, whole: tuple[int, int], rule: Preprocessing) -> npt.NDArray[np.uint8]:
    """The crops of a JPEG that libjpeg decodes at 1/2, 1/4 or 1/8, as long as ROOM times max_short_side remains.

    `whole` is the upright image's width and height, px: the crops' places come from it.
    """
    image = open_image(data)
    part = min(whole) // (ROOM * rule.max_short_side)
    image.draft(None, (image.width // part, image.height // part))
    upright, (width, height) = to_rgb(image), scaled_size(whole, rule.max_short_side)
    rows = upright.resize((width, upright.height), FILTERS[rule.filter])
    return cut_crops(rows.resize((width, height), FILTERS[rule.filter]), rule)


def _logit(crops: npt.NDArray[np.uint8], detector: Detector) -> float:
    rule = detector.card.preprocessing
    return float(pool(detector.session.run(normalise(crops, rule.mean, rule.std))[None], rule)[0])


def as_markdown(rows: Sequence[Row], card: Card) -> str:
    """What was found, for each class and for both. Raises FauxtoError where a class is missing."""
    is_ai = np.array([row["is_ai"] for row in rows], bool)
    if len({*is_ai.tolist()}) < 2:
        raise FauxtoError("no large pictures of one of the classes; see python -m benchmarks.decoding --help")
    logits = np.array([row["logits"] for row in rows])
    parts = {"photographs": ~is_ai, "AI pictures": is_ai, "both": np.full(len(rows), True)}
    lines = [
        "| | pictures | \\|Δlogit\\| p50 | p99 | largest | grey levels, mean |",
        "|---|---|---|---|---|---|",
    ]
    for name, chosen in parts.items():
        own = [row for row, wanted in zip(rows, chosen, strict=True) if wanted]
        apart = np.abs(np.diff(logits[chosen], axis=1))
        lines.append(
            f"| {name} | {len(own)} | {np.median(apart):.3f} | {np.percentile(apart, 99):.3f} | {apart.max():.3f} | "
            f"{np.mean([row['grey'][0] for row in own]):.2f} |"
        )
    areas = [auc(is_ai, logits[:, way]) for way in (0, 1)]
    changed = ", ".join(f"{_changed(logits, card, name)} at {name}" for name in card.operating_points)
    lines += ["", f"AUC {areas[0]:.4f} full, {areas[1]:.4f} scaled."]
    return "\n".join([*lines, f"Verdicts that change, of {len(rows)}: {changed}."])


def _changed(logits: npt.NDArray[np.float64], card: Card, point: str) -> int:
    """How many verdicts differ between the two columns of (N, 2) logits."""
    words = [[_verdict(logit, card, point) for logit in pair] for pair in logits.tolist()]
    return sum(full != scaled for full, scaled in words)


def _verdict(logit: float, card: Card, point: str) -> str:
    p_ai = probability(logit, card.temperature, card.bias)
    return decide(p_ai, card.minimum_short_side, card.minimum_short_side, card.operating_point(point))[0]


if __name__ == "__main__":
    sys.exit(main())
