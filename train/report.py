"""The pictures that a run leaves in RUN: learning curve, confusion matrix, ROC, calibration, worst mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window, whatever the machine has

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay

from fauxto.card import OperatingPoint
from fauxto.image import load
from fauxto.labelled import Picture

THUMBNAIL = 192  # px, of the contact sheet


def save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def learning_curve(history: Sequence[dict[str, float]], path: Path) -> None:
    """Losses and val AUC over the epochs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    epochs = [row["epoch"] for row in history]
    for name in ("loss", "val_loss"):
        left.plot(epochs, [row[name] for row in history], marker=".", label={"loss": "train", "val_loss": "val"}[name])
    left.set(xlabel="epoch", ylabel="cross-entropy", title="Loss")
    left.legend()
    right.plot(epochs, [row["val_auc"] for row in history], marker=".")
    right.set(xlabel="epoch", ylabel="AUC", title="Val AUC, centre view")
    save(figure, path)


def confusion_matrix(is_ai: np.ndarray, p_ai: np.ndarray, points: Sequence[OperatingPoint], path: Path) -> None:
    """Counts at each operating point; rows are the truth."""
    figure, panels = plt.subplots(1, len(points), figsize=(4 * len(points), 3.6), layout="constrained")
    for point, axes in zip(points, panels, strict=True):
        ConfusionMatrixDisplay.from_predictions(
            is_ai, p_ai >= point.threshold, display_labels=["real", "ai"], cmap="Blues", colorbar=False, ax=axes
        )
        axes.set(title=f"{point.name}: ai from p {point.threshold:.2f}", xlabel="called", ylabel="is")
        axes.label_outer()
    save(figure, path)


def roc(curves: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """One curve for each condition: {name: (is_ai, p_ai)}."""
    figure, axes = plt.subplots(figsize=(5, 4.5))
    for name, (is_ai, p_ai) in curves.items():
        RocCurveDisplay.from_predictions(is_ai, p_ai, name=name, ax=axes)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="ROC on val", xlabel="real called ai", ylabel="ai called ai")
    save(figure, path)


def calibration(is_ai: np.ndarray, p_ai: np.ndarray, path: Path) -> None:
    """How often p is right: share of AI pictures against mean p, in ten bins."""
    figure, axes = plt.subplots(figsize=(5, 4.5))
    CalibrationDisplay.from_predictions(is_ai, p_ai, n_bins=10, ax=axes, name="clean, web and hard together")
    axes.set(title="Calibration on val", xlabel="mean p_ai", ylabel="share of AI pictures")
    save(figure, path)


def worst_mistakes(pictures: Sequence[Picture], p_ai: np.ndarray, path: Path, count: int = 24) -> None:
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
