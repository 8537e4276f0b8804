"""Logit -> calibrated probability -> words, and the one record that every answer is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from fauxto.card import Card, OperatingPoint

if TYPE_CHECKING:
    from fauxto.provenance import Declaration

SCHEMA = 1

Verdict = Literal["photo", "unsure", "ai"]
Lean = Literal["photo", "ai"]
Declared = Literal["ai", "camera", "edited", "nothing"]
Signature = Literal["unverified", "valid", "expired", "invalid"]


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture. Its fields are the record of the command line, in this order.

    Attributes:
        schema: version of this record.
        path: the input's path, where it had one.
        status: "ok", or "error" with `error` set and the fields about the picture None.
        verdict: "photo", "unsure" or "ai".
        lean: the side that an unsure verdict leans to.
        p_ai: calibrated probability that the picture is AI-generated, 0..1, for as many AI pictures as photographs.
        logit: the model's raw answer, pooled over the views.
        operating_point, threshold: which rule gave the word, and the p_ai from which it says "ai".
        reason: why this word: "threshold", "band" (between the thresholds) or "too_small".
        width, height: of the upright picture, px.
        model, model_sha256, provider: what answered, and the execution provider that ran it.
        elapsed_ms: time for this picture: decode, preprocessing, and its share of the inference.
        error: what is wrong with the input, one line.
        declared, declared_by, signature: what the file says of itself, where that was asked for; see
            fauxto.provenance.Declaration. It has no part in the verdict.
    """

    schema: int = SCHEMA
    path: str | None = None
    status: Literal["ok", "error"] = "ok"
    verdict: Verdict | None = None
    lean: Lean | None = None
    p_ai: float | None = None
    logit: float | None = None
    operating_point: str | None = None
    threshold: float | None = None
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    model_sha256: str | None = None
    provider: str | None = None
    elapsed_ms: float | None = None
    error: str | None = None
    declared: Declared | None = None
    declared_by: str | None = None
    signature: Signature | None = None

    @property
    def ok(self) -> bool:
        """Whether the picture could be read."""
        return self.status == "ok"

    @property
    def declaration(self) -> Declaration | None:
        """What the file says of itself, where that was asked for."""
        if self.declared is None:
            return None
        from fauxto.provenance import Declaration

        return Declaration(self.declared, self.declared_by or "", self.signature or "unverified")

    def to_dict(self) -> dict[str, str | int | float | None]:
        """The record, as plain values ready for JSON."""
        return asdict(self)


def probability(logit: float, temperature: float, bias: float) -> float:
    """Calibrated probability, 1 / (1 + exp(-(logit / temperature + bias))).

    Temperature scaling (Guo et al. 2017, arXiv 1706.04599) with a bias (Platt 1999), in a form that
    does not overflow.
    """
    z = logit / temperature + bias
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def decide(p_ai: float, short_side: int, card: Card, point: OperatingPoint) -> tuple[Verdict, Lean | None, str]:
    """The words for a calibrated probability. Returns (verdict, lean, reason); lean only when unsure."""
    lean: Lean = "ai" if p_ai >= 0.5 else "photo"
    if short_side < card.minimum_short_side:
        return "unsure", lean, "too_small"
    if p_ai >= point.threshold:
        return "ai", None, "threshold"
    if p_ai < point.photo_below:
        return "photo", None, "threshold"
    return "unsure", lean, "band"
