"""The shortcut baseline that stands beside every result: what trivial features alone tell of a set.

A detector can score high on a set whose AI pictures are merely larger, or less compressed. So the same
pictures go to gradient boosting that knows nothing but the file and a few sums over its pixels. Where it
comes near the model, the set leaks, and the model's figure on it is worth little.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # scikit-learn needs it itself

from fauxto.evaluate.metrics import auc, clustered_interval
from fauxto.evaluate.records import Baseline
from fauxto.image.decode import load
from fauxto.progress import Progress

FEATURES = (
    "width",
    "height",
    "aspect",
    "file bytes",
    "bytes per pixel",
    "format",
    "JPEG quantisation",
    "brightness",
    "contrast",
    "high-frequency energy",
    "high-frequency share",
    "colourfulness",
)
FORMATS = ("JPEG", "PNG", "WEBP")
ABSENT = -1.0  # where a file has no such thing: a PNG's JPEG tables
FOLDS = 5
WINDOW = 512  # px, the side of the middle part that the sums are over


def features(source: Path | bytes) -> npt.NDArray[np.float64]:
    """The FEATURES of one picture file, (12,) float64.

    Colourfulness is Hasler and Suesstrunk's (2003); high-frequency energy the log variance of a 3 x 3
    Laplacian of the brightness. Raises ImageError for a file that is no picture.
    """
    image = load(source)
    data = source if isinstance(source, bytes) else source.read_bytes()
    with Image.open(io.BytesIO(data)) as file:
        kind, tables = file.format, getattr(file, "quantization", None)
    width, height = image.size
    left, top = max(0, width - WINDOW) // 2, max(0, height - WINDOW) // 2
    middle = np.asarray(image.crop((left, top, min(width, left + WINDOW), min(height, top + WINDOW))), np.float64)
    red, green, blue = middle[..., 0], middle[..., 1], middle[..., 2]
    grey = middle @ (0.299, 0.587, 0.114)
    opponents = (red - green, (red + green) / 2 - blue)
    colourfulness = np.hypot(*(o.std() for o in opponents)) + 0.3 * np.hypot(*(o.mean() for o in opponents))
    inner = grey[1:-1, 1:-1]
    edges = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    energy = np.log1p(edges.var()) if edges.size else ABSENT
    return np.array(
        [
            width,
            height,
            width / height,
            len(data),
            len(data) / (width * height),
            FORMATS.index(kind) if kind in FORMATS else ABSENT,
            np.mean(tables[0]) if tables else ABSENT,
            grey.mean(),
            grey.std(),
            energy,
            energy - np.log1p(grey.var()),
            colourfulness,
        ]
    )


def baseline(
    table: npt.NDArray[np.float64],
    is_ai: npt.NDArray[np.bool_],
    sources: Sequence[str],
    progress: Progress | None = None,
) -> Baseline:
    """How well the features alone tell the classes apart on sources that they were not fitted on.

    Args:
        table: (N, 12) float64, a row of `features` for each picture.
        is_ai: (N,) bool.
        sources: (N,) where each picture is from; no source is fitted and judged on at once.
        progress: shows which of the folds is in work.

    Returns:
        auc, its interval and n, and the three features that matter most; only a reason where there are too few sources.
    """
    fewest = min(len({s for s, ai in zip(sources, is_ai, strict=True) if ai == kind}) for kind in (True, False))
    if fewest < 2:
        return {"reason": "each class needs pictures of two sources or more"}
    scores = np.empty(len(is_ai))
    weights = np.where(is_ai, 0.5 / is_ai.sum(), 0.5 / (~is_ai).sum()) * len(is_ai)
    importance = np.zeros(len(FEATURES))
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    with threadpool_limits(
        1
    ):  # tables this small gain nothing from more, and on a busy machine they wait for each other
        for number, (fit, judge) in enumerate(folds.split(table, is_ai, sources), 1):
            if progress:
                progress.show(f"shortcut baseline: fold {number} of {folds.get_n_splits()}")
            model = HistGradientBoostingClassifier(max_iter=100, random_state=0)
            model.fit(table[fit], is_ai[fit], sample_weight=weights[fit])
            scores[judge] = model.predict_proba(table[judge])[:, 1]
            if len(set(is_ai[judge])) == 2:
                importance += permutation_importance(
                    model, table[judge], is_ai[judge], scoring="roc_auc", n_repeats=2, random_state=0
                ).importances_mean
    order = np.argsort(-importance)[:3]
    return {
        "auc": auc(is_ai, scores),
        "auc_interval": clustered_interval(auc, is_ai, scores, sources),
        "n_ai": int(is_ai.sum()),
        "n_real": int((~is_ai).sum()),
        "leading_features": [FEATURES[i] for i in order],
    }
