"""The pictures that a run alone can draw: its learning curve, and its worst mistakes."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decode import load

THUMBNAIL = 192  # px, of the contact sheet


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=120, bbox_inches="tight")


def learning_curve(history: Sequence[dict[str, float]], path: Path) -> None:
    """Losses and val AUC over the epochs."""
    figure = Figure(figsize=(9, 3.5))
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for name in ("loss", "val_loss"):
        left.plot(epochs, [row[name] for row in history], marker=".", label={"loss": "train", "val_loss": "val"}[name])
    left.set(xlabel="epoch", ylabel="cross-entropy", title="Loss")
    left.legend()
    right.plot(epochs, [row["val_auc"] for row in history], marker=".")
    right.set(xlabel="epoch", ylabel="AUC", title="Val AUC, centre view")
    save(figure, path)


def data_table(parts: Mapping[str, Sequence[LabelledImage]], path: Path) -> None:
    """What was used, by count: a row for each split, label, source, generator, style and licence."""
    counts = Counter(
        (name, p.is_ai, p.source, p.generator, p.style, p.licence) for name, part in parts.items() for p in part
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "label", "source", "generator", "style", "licence", "pictures"])
        for (name, is_ai, *rest), count in sorted(counts.items()):
            writer.writerow([name, "ai" if is_ai else "real", *rest, count])


def worst_mistakes(pictures: Sequence[LabelledImage], p_ai: np.ndarray, path: Path, count: int = 24) -> None:
    """A contact sheet: the pictures whose p is farthest from the truth, half of each kind of mistake."""
    wrongness = np.array([1 - p if picture.is_ai else p for picture, p in zip(pictures, p_ai, strict=True)])
    order = np.argsort(-wrongness)
    sides = [[i for i in order if pictures[i].is_ai is kind][: count // 2] for kind in (False, True)]
    chosen = sides[0] + sides[1]
    columns = 6
    sheet = Image.new("RGB", (columns * THUMBNAIL, math.ceil(len(chosen) / columns) * (THUMBNAIL + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, i in enumerate(chosen):
        left, top = place % columns * THUMBNAIL, place // columns * (THUMBNAIL + 16)
        thumbnail = load(pictures[i].path).copy()
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        sheet.paste(thumbnail, (left, top + 16))
        truth = "ai" if pictures[i].is_ai else "real"
        draw.text((left + 2, top + 2), f"{truth}, p_ai {p_ai[i]:.2f} {pictures[i].source}"[:32], fill="black")
    sheet.save(path)
