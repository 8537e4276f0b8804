"""The figures and tables in RUN: how training went, what it learnt from, where it is wrong."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from fauxto.evaluate import plots
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.records import Figures
from fauxto.files import replacing
from fauxto.image.decode import load
from train.calibrate import Calibration, stacked
from train.checkpoint import Row
from train.data import TrainingData
from train.measure import Measured

THUMBNAIL = 192  # px, of the contact sheet


def write_report(
    run: Path,
    measured: Mapping[str, Measured],
    calibration: Calibration,
    val: Mapping[str, Figures],
    data: TrainingData,
    history: Sequence[Row],
) -> None:
    """Write RUN's plots and tables. A run without a `history`, an unfolded release, gets no learning curve."""
    p_ai = {name: calibration.probability(part.logits) for name, part in measured.items()}
    logits, is_ai = stacked(measured)
    if history:
        save(learning_curve(history), run / "learning_curve.png")
    save(plots.confusion(val["clean"]["operating_points"]), run / "confusion_matrix.png")
    save(plots.roc({name: (part.is_ai, p_ai[name]) for name, part in measured.items()}), run / "roc.png")
    save(plots.calibration(is_ai, calibration.probability(logits)), run / "calibration.png")
    write_data_table({"train": data.train, "val": data.val}, run / "data.csv")
    worst_mistakes(measured["clean"].images, p_ai["clean"], run / "worst_mistakes.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    with replacing(path, "wb") as file:
        figure.savefig(file, format="png", dpi=120, bbox_inches="tight")


def learning_curve(history: Sequence[Row]) -> Figure:
    """Losses and val AUC over the epochs."""
    figure = Figure(figsize=(9, 3.5))
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for name in ("loss", "val_loss"):
        left.plot(epochs, [row[name] for row in history], marker=".", label={"loss": "train", "val_loss": "val"}[name])
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    left.legend()
    right.plot(epochs, [row["val_auc"] for row in history], marker=".")
    right.set(xlabel="epoch", ylabel="AUC", title="Val AUC, centre crop")
    return figure


def write_data_table(parts: Mapping[str, Sequence[LabelledImage]], path: Path) -> None:
    """What was used, by count: a row for each split, label, source, generator, style and licence."""
    counts = Counter(
        (name, p.is_ai, p.source, p.generator, p.style, p.licence) for name, part in parts.items() for p in part
    )
    with replacing(path, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "label", "source", "generator", "style", "licence", "pictures"])
        for (name, is_ai, *rest), count in sorted(counts.items()):
            writer.writerow([name, "ai" if is_ai else "real", *rest, count])


def worst_mistakes(images: Sequence[LabelledImage], p_ai: npt.NDArray[np.float64], path: Path, count: int = 24) -> None:
    """Write a contact sheet: the images whose p is farthest from the truth, half of each kind of mistake."""
    wrongness = np.array([1 - p if image.is_ai else p for image, p in zip(images, p_ai, strict=True)])
    order = np.argsort(-wrongness)
    sides = [[i for i in order if images[i].is_ai is kind][: count // 2] for kind in (False, True)]
    chosen = sides[0] + sides[1]
    columns = 6
    sheet = Image.new("RGB", (columns * THUMBNAIL, math.ceil(len(chosen) / columns) * (THUMBNAIL + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, i in enumerate(chosen):
        left, top = place % columns * THUMBNAIL, place // columns * (THUMBNAIL + 16)
        thumbnail = load(images[i].path).copy()
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        sheet.paste(thumbnail, (left, top + 16))
        truth = "ai" if images[i].is_ai else "real"
        draw.text((left + 2, top + 2), f"{truth}, p_ai {p_ai[i]:.2f} {images[i].source}"[:32], fill="black")
    with replacing(path, "wb") as file:
        sheet.save(file, "PNG")
