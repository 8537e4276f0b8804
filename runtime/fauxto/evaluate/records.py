"""What an evaluation's report holds, part by part: plain values, ready for JSON. Shares are 0..1, intervals 95 %."""

from __future__ import annotations

from typing import Any, TypedDict

SCHEMA = 2
"""Version of Report. A changed field is a new number."""

Interval = tuple[float, float]


class Separation(TypedDict):
    """How well the scores separate the classes; `auc` is the share of pairs in which the AI picture scores higher."""

    n_ai: int
    n_real: int
    auc: float
    auc_interval: Interval


class Rates(TypedDict):
    """What a share of the pictures is called: real ones "ai" (fpr), and AI pictures "ai" (recall) or "no_sign"."""

    fpr: float
    fpr_interval: Interval
    recall: float
    recall_interval: Interval
    ai_called_no_sign: float
    ai_called_no_sign_interval: Interval
    real_called_no_sign: float


class Word(TypedDict):
    """What a word is worth: the shares of both classes that get it, and of AI among all that do, by base rate."""

    of_ai: float
    of_real: float
    ai_among: dict[str, float | None]


class PointFigures(Rates):
    """What one operating point makes of the scores. `coverage` is the share that is not "unsure"."""

    balanced_accuracy: float
    coverage: float
    selective_accuracy: float | None
    confusion: dict[str, dict[str, int]]
    words: dict[str, Word]


class Figures(Separation):
    """All figures of one set, by its scores and by operating point."""

    average_precision: float
    recall_at_fpr1: float
    recall_at_fpr5: float
    ece: float
    brier: float
    operating_points: dict[str, PointFigures]


class Called(TypedDict):
    """A group's pictures, and the share of them that is called "ai"."""

    n: int
    called_ai: float
    interval: Interval


class Generator(Called):
    """A generator's pictures against all real ones; `seen`: whether training named it, where the card says so."""

    auc: float
    auc_interval: Interval
    seen: bool | None


class Within(Separation):
    """A source of both classes by itself; `n` is the smaller class."""

    n: int


class SizeBand(Separation):
    """Pictures of one range of short sides; `real_above_half`: the share of real ones with p of 0.5 or more."""

    real_above_half: float
    interval: Interval


class ConditionFigures(Figures):
    """All figures under one condition, with its groups and what is best and worst among them."""

    unseen_generators: dict[str, Any]
    worst_sources: dict[str, Any]
    within_sources: dict[str, Any]
    generators: dict[str, Generator]
    real_sources: dict[str, Called]
    sources_of_both: dict[str, Within]
    size_bands: dict[str, SizeBand]


class Flips(TypedDict):
    """Flip rate: the share of the same pictures whose verdict changes, and changes to the opposite one."""

    n: int
    changed: float
    interval: Interval
    no_sign_to_ai: float
    ai_to_no_sign: float


class GridRow(Separation, Rates):
    """One corruption of the grid; `too_small`: the share of the pictures that it makes too small to judge."""

    too_small: float
    flips: Flips


class Moved(TypedDict):
    """How far p moves for one picture over all cells: its span, and the share of pictures with more than one verdict.

    `changed`: another verdict than the picture as it is, in any cell; `opposite`: "ai" in one and "no_sign" in another.
    """

    n: int
    span_median: float
    span_p95: float
    changed: float
    changed_interval: Interval
    opposite: float


class Cell(TypedDict):
    """One way of delivery against the pictures as they are: other verdicts, mean |change of p|, mean change of p."""

    changed: float
    moved: float
    shift: float


class Movement(TypedDict):
    """How much one picture's answer moves, by class, and what each way of delivery has to do with it."""

    all: Moved
    ai: Moved | None
    real: Moved | None
    cells: dict[str, Cell]


class SavedOnce(TypedDict):
    """AI pictures as decoded and saved once as JPEG 96, against the same photographs."""

    n_ai: int
    n_real: int
    auc_as_decoded: float
    auc_saved_once: float
    gap: float
    fpr_as_decoded: float
    fpr_saved_once: float
    flips: Flips


class Baseline(TypedDict, total=False):
    """The shortcut baseline; only a `reason` where it could not be measured."""

    reason: str
    auc: float
    auc_interval: Interval
    n_ai: int
    n_real: int
    leading_features: list[str]


class Mistake(TypedDict):
    """A picture whose p is far from the truth."""

    path: str
    is_ai: bool
    p_ai: float | None
    verdict: str | None
    source: str
    generator: str


class Start(TypedDict):
    """What was measured, with what. `card_test`: what the card says of its test split, by condition."""

    schema: int
    folder: str
    fauxto: str
    model: str
    model_sha256: str
    provider: str
    variant: str
    operating_point: str
    sample: int | None
    seed: int
    left_out: int
    card_test: dict[str, dict[str, Any]]
    conditions: dict[str, ConditionFigures]
    flips: dict[str, Flips]


class Report(Start, total=False):
    """An evaluation. One that is on its way has the conditions so far, and no `baseline` yet."""

    baseline: Baseline
    worst: list[Mistake]
    grid: dict[str, GridRow]
    movement: Movement | None
    saved_once: SavedOnce
