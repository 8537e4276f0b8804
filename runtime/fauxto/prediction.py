"""The one record that every answer is, and what a file declares of itself. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

SCHEMA = 2
"""Version of the record. A changed field is a new number."""
FUSED_SCHEMA = 3
"""Of the record with a second opinion: the same fields, and two more."""

Verdict = Literal["ai", "unsure", "no_sign"]
Lean = Literal["ai", "no_sign"]
Reason = Literal["threshold", "band", "too_small", "disagree"]
Declared = Literal["ai", "camera", "edited", "nothing"]
Signature = Literal["unverified", "valid", "expired", "invalid"]

VERDICTS: tuple[Verdict, ...] = ("ai", "unsure", "no_sign")
WORDS: dict[Verdict, str] = {"ai": "strong signs of AI", "unsure": "unsure", "no_sign": "no sign of AI found"}
"""What a verdict says to a person. "No sign" is what an unseen generator gets too: it never means "a photograph"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """What a file says of itself.

    Attributes:
        declared: "ai", "edited", "camera", or "nothing"; the first of these that anything in the file says.
        by: what says so, in words.
        signature: of the C2PA manifest. "unverified" unless the extra [provenance] could check it; then
            "valid": nothing was changed since it was signed, by whomever; "expired": the same, but the
            signer's certificate has run out since; "invalid": the picture or the manifest was changed.
    """

    declared: Declared = "nothing"
    by: str = ""
    signature: Signature = "unverified"

    def __str__(self) -> str:
        if self.declared == "nothing":
            return "declares nothing, which is no evidence either way"
        checked = self.signature if self.signature == "unverified" else f"signature {self.signature}"
        return f"declares {self.declared} ({checked}): {self.by}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The answer for one image. Its fields are the record of the command line, in this order.

    Attributes:
        schema: version of this record.
        path: the input's path, where it had one.
        status: "ok", or "error" with `error` set and the fields about the image None.
        verdict: "ai", "unsure" or "no_sign"; see WORDS.
        lean: the side that an unsure verdict leans to; None for an image that is too small to judge.
        p_ai: calibrated probability that the image is AI-generated, 0..1, where a share `prior` of all images is.
        prior: the base rate that p_ai and threshold are for, 0..1. Verdicts do not depend on it.
        logit: the model's raw answer, pooled over the crops.
        operating_point, threshold: which rule gave the verdict, and the p_ai from which it says "ai".
        reason: why this verdict: "threshold", "band" (between the thresholds), "too_small", or "disagree" (the second
            opinion says another thing, and further apart than the two ever were where that was measured).
        width, height: of the upright image, px.
        model, model_sha256, provider: what answered ("fauxto-r18-v6", the file's hash), and what ran it ("cpu").
        elapsed_ms: time for this image: decoding, preprocessing, and its share of the inference.
        error: what is wrong with the input, one line.
        declared, declared_by, signature: what the file says of itself, where that was asked for; see
            Declaration. It has no part in the verdict.
    """

    schema: int = SCHEMA
    path: str | None = None
    status: Literal["ok", "error"] = "ok"
    verdict: Verdict | None = None
    lean: Lean | None = None
    p_ai: float | None = None
    prior: float | None = None
    logit: float | None = None
    operating_point: str | None = None
    threshold: float | None = None
    reason: Reason | None = None
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
        """Whether the image could be read."""
        return self.status == "ok"

    @property
    def declaration(self) -> Declaration | None:
        """What the file says of itself, where that was asked for."""
        if self.declared is None:
            return None
        return Declaration(declared=self.declared, by=self.declared_by or "", signature=self.signature or "unverified")

    @property
    def contradicts_declaration(self) -> bool:
        """Whether the file says one thing and the verdict another: a camera's file with strong signs of AI, or the
        reverse.
        """
        return (self.declared, self.verdict) in (("camera", "ai"), ("ai", "no_sign"))

    def to_dict(self) -> dict[str, str | int | float | None]:
        r"""The record as plain values, ready for JSON; bytes of the path that are no text are escaped ("\xe9")."""
        return {name: printable(value) if isinstance(value, str) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Prediction:
        """The record that `to_dict` gave.

        Raises:
            ValueError: it has another schema or unknown fields.
        """
        kinds = {SCHEMA: Prediction, FUSED_SCHEMA: FusedPrediction}
        schema = record.get("schema")
        kind = next((kind for number, kind in kinds.items() if number == schema), None)
        if kind is None:
            known = " and ".join(map(str, kinds))
            raise ValueError(f"record of schema {schema!r}; this fauxto reads schema {known}")
        if unknown := record.keys() - {field.name for field in fields(kind)}:
            raise ValueError(f"record with unknown fields: {', '.join(sorted(unknown))}")
        return kind(**record)


@dataclass(frozen=True, kw_only=True, slots=True)
class FusedPrediction(Prediction):
    """The answer for one image of the first network and the second opinion together.

    Attributes:
        logit: the fused one, before calibration.
        model, model_sha256: of both, with a "+" between them.
        logit_pixels: the first network's raw answer, as it gives it alone.
        logit_scene: the second opinion's.
    """

    schema: int = FUSED_SCHEMA
    logit_pixels: float | None = None
    logit_scene: float | None = None


def printable(text: str) -> str:
    r"""Any text as valid Unicode: a byte that was no UTF-8 becomes "\xe9", any other lone surrogate "\ud800"."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a name of Windows, which need not be UTF-16
        raw = text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")
