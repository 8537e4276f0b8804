"""The record of an answer: its schema, its round trip through JSON, and what a declaration says of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.prediction import (
    FUSED_SCHEMA,
    SCHEMA,
    VERDICTS,
    WORDS,
    Declaration,
    Declared,
    FusedPrediction,
    Lean,
    Prediction,
    Reason,
    Signature,
    Verdict,
    printable,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_PATH = st.text(max_size=20) | st.binary(max_size=20).map(lambda raw: raw.decode(errors="surrogateescape"))


def predictions(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Prediction]:
    """Any record, likely or not."""

    def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() | values

    return st.builds(
        Prediction,
        path=maybe(paths),
        status=st.sampled_from(["ok", "error"]),
        verdict=maybe(st.sampled_from(get_args(Verdict))),
        lean=maybe(st.sampled_from(get_args(Lean))),
        p_ai=maybe(NUMBERS),
        prior=maybe(NUMBERS),
        logit=maybe(NUMBERS),
        operating_point=maybe(TEXT),
        threshold=maybe(NUMBERS),
        reason=maybe(st.sampled_from(get_args(Reason))),
        width=maybe(st.integers(1, 2**31)),
        height=maybe(st.integers(1, 2**31)),
        model=maybe(TEXT),
        model_sha256=maybe(TEXT),
        provider=maybe(TEXT),
        elapsed_ms=maybe(NUMBERS),
        error=maybe(TEXT),
        declared=maybe(st.sampled_from(get_args(Declared))),
        declared_by=maybe(TEXT),
        signature=maybe(st.sampled_from(get_args(Signature))),
    )


def test_the_record_is_schema_2() -> None:
    names = (
        "schema path status verdict lean p_ai prior logit operating_point threshold reason width height "
        "model model_sha256 provider elapsed_ms error declared declared_by signature"
    )
    assert [field.name for field in fields(Prediction)] == names.split()
    assert SCHEMA == Prediction().schema == Prediction().to_dict()["schema"] == 2
    assert list(Prediction().to_dict()) == names.split()


@given(predictions(TEXT))
def test_what_goes_through_json_comes_back(prediction: Prediction) -> None:
    text = json.dumps(prediction.to_dict(), allow_nan=False)
    assert Prediction.from_dict(json.loads(text)) == prediction


def test_the_record_with_a_second_opinion_is_schema_3_with_two_fields_at_its_end() -> None:
    more = ["logit_pixels", "logit_scene"]
    assert [field.name for field in fields(FusedPrediction)] == [field.name for field in fields(Prediction)] + more
    assert FUSED_SCHEMA == FusedPrediction().schema == 3
    with pytest.raises(ValueError, match="record with unknown fields: logit_scene"):
        Prediction.from_dict(Prediction().to_dict() | {"logit_scene": 1.0})


@given(predictions(TEXT), NUMBERS, NUMBERS)
def test_a_record_with_a_second_opinion_comes_back_as_one(prediction: Prediction, pixels: float, scene: float) -> None:
    plain = prediction.to_dict()
    del plain["schema"]
    fused = FusedPrediction(**plain, logit_pixels=pixels, logit_scene=scene)  # type: ignore[arg-type]
    found = Prediction.from_dict(json.loads(json.dumps(fused.to_dict(), allow_nan=False)))
    assert (found, type(found)) == (fused, FusedPrediction)
    assert prediction != fused


@given(predictions(ANY_PATH))
def test_any_path_becomes_valid_text(prediction: Prediction) -> None:
    record = prediction.to_dict()
    json.dumps(record, ensure_ascii=False).encode("utf-8")  # strict: no lone surrogate is left
    assert Prediction.from_dict(record).to_dict() == record


@pytest.mark.parametrize(
    ("path", "text"),
    [("é 写真 📷.jpg", "é 写真 📷.jpg"), ("latin-\udce9.jpg", r"latin-\xe9.jpg"), ("\ud800.jpg", r"\ud800.jpg")],
)
def test_bytes_that_are_no_text_are_escaped(path: str, text: str) -> None:
    assert printable(path) == text
    assert Prediction(path=path).to_dict()["path"] == text


@pytest.mark.parametrize("schema", [None, 1, 4, "2", []])
def test_a_record_of_another_schema_is_refused(schema: object) -> None:
    record = Prediction(path="a.jpg").to_dict() | {"schema": schema}
    with pytest.raises(ValueError, match=re.escape(f"record of schema {schema!r}; this fauxto reads schema 2 and 3")):
        Prediction.from_dict(record)


def test_a_record_with_unknown_or_without_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="record with unknown fields: evidence, view"):
        Prediction.from_dict(Prediction().to_dict() | {"view": 1, "evidence": 2})
    with pytest.raises(ValueError, match="record of schema None"):
        Prediction.from_dict({})


def test_records_are_made_by_keyword_and_never_change() -> None:
    kinds: list[Any] = [Prediction, Declaration]
    for made in kinds:
        with pytest.raises(TypeError, match="positional argument"):
            made("a.jpg")
    with pytest.raises(FrozenInstanceError):
        Prediction().path = "a.jpg"  # type: ignore[misc]


def test_every_verdict_has_its_words_and_none_speaks_of_a_photograph() -> None:
    assert VERDICTS == get_args(Verdict) == tuple(WORDS)
    assert WORDS == {"ai": "strong signs of AI", "unsure": "unsure", "no_sign": "no sign of AI found"}
    assert not any("photo" in text for text in (*VERDICTS, *WORDS.values(), *get_args(Lean)))


@pytest.mark.parametrize(
    ("declared", "verdict", "contradicts"),
    [
        ("camera", "ai", True),
        ("ai", "no_sign", True),
        ("camera", "no_sign", False),
        ("camera", "unsure", False),
        ("ai", "ai", False),
        ("ai", "unsure", False),
        ("edited", "ai", False),
        ("nothing", "ai", False),
        (None, "ai", False),
        ("ai", None, False),
    ],
)
def test_a_contradiction_is_known(declared: Declared | None, verdict: Verdict | None, contradicts: bool) -> None:
    assert Prediction(declared=declared, verdict=verdict).contradicts_declaration is contradicts


def test_a_declaration_is_part_of_the_record() -> None:
    assert Prediction().declaration is None
    told = Declaration(declared="ai", by="C2PA manifest of X", signature="valid")
    record = Prediction(declared=told.declared, declared_by=told.by, signature=told.signature)
    assert record.declaration == told
    assert str(told) == "declares ai (signature valid): C2PA manifest of X"
    assert str(Declaration(declared="ai", by="x")) == "declares ai (unverified): x"
    assert "no evidence either way" in str(Declaration())


def test_the_record_needs_the_standard_library_alone() -> None:
    script = "import fauxto.prediction, sys; print([m for m in ('numpy', 'PIL', 'onnxruntime') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
