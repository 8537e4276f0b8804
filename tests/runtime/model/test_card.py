"""A card that is damaged or incomplete is refused, with one line that names the file and the fix."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.model.card import CARD_FILE, Card, OperatingPoint, parse, read
from fauxto.model.model import Model

RAW: dict[str, Any] = json.loads((Model.open().folder / CARD_FILE).read_text("utf-8"))
REQUIRED = [
    "card", "name", "labels", "positive_label", "input", "calibration", "operating_points",
    "default_operating_point", "minimum_short_side", "golden",
]  # fmt: skip


def changed(*path: str | int, value: object) -> dict[str, Any]:
    """The released card with another value at `path`."""
    card: Any = json.loads(json.dumps(RAW))
    place = card
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return dict(card)


def refusal(card: dict[str, Any]) -> str:
    with pytest.raises(ModelError) as found:
        parse(card, "here")
    assert "\n" not in str(found.value)
    assert str(found.value).startswith("here: ")
    assert len(str(found.value)) < 200
    return str(found.value)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named(name: str) -> None:
    card = {key: value for key, value in RAW.items() if key != name}
    assert f"the field '{name}' is missing; export the model again" in refusal(card)


@pytest.mark.parametrize("name", [name for name in RAW["input"] if name != "colour"])
def test_a_missing_part_of_the_input_is_named(name: str) -> None:
    rule = {key: value for key, value in RAW["input"].items() if key != name}
    assert f"the field '{name}' is missing" in refusal(changed("input", value=rule))


@pytest.mark.parametrize("name", RAW["operating_points"]["fpr1"])
def test_a_missing_part_of_an_operating_point_is_named(name: str) -> None:
    point = {key: value for key, value in RAW["operating_points"]["fpr1"].items() if key != name}
    assert f"the field '{name}' is missing" in refusal(changed("operating_points", "fpr1", value=point))


@pytest.mark.parametrize(
    ("schema", "fix"),
    [
        (1, "python -m export.card FOLDER rewrites it, or get a newer release"),
        (3, "card schema 3 is not 2; get a fauxto that reads it"),
        ("2", "get a fauxto that reads it"),
        (None, "get a fauxto that reads it"),
        ([[1]] * 1000, "get a fauxto that reads it"),
    ],
)
def test_another_schema_is_refused_with_the_fix(schema: object, fix: str) -> None:
    assert fix in refusal(changed("card", value=schema))


NAN, INFINITE = float("nan"), float("inf")
WRONG = [
    (("name",), "\x1b[31m<img src=x onerror=alert(1)>\n# x"),
    (("name",), ""),
    (("name",), 5),
    (("name",), "\udce9"),
    (("name",), "../x"),
    (("version",), -1),
    (("version",), 1.5),
    (("version",), "6"),
    (("version",), True),
    (("labels",), 5),
    (("labels",), "ai"),
    (("positive_label",), "cat"),
    (("positive_label",), ["ai"]),
    (("input",), []),
    (("input", "pooling"), "median"),
    (("input", "pooling"), ["x"] * 5000),
    (("input", "pooled_crops"), 0),
    (("input", "pooled_crops"), 6),
    (("input", "crop_size"), 10**9),
    (("input", "crop_size"), -1),
    (("input", "crop_size"), 224.5),
    (("input", "crop_size"), "224"),
    (("input", "crop_size"), NAN),
    (("input", "crop_size"), 10**4000),
    (("input", "max_short_side"), -5),
    (("input", "max_short_side"), 0),
    (("input", "max_short_side"), 100),
    (("input", "max_short_side"), INFINITE),
    (("input", "filter"), "nearest"),
    (("input", "filter"), ["bicubic"]),
    (("input", "positions"), [[NAN, 0]] * 5),
    (("input", "positions"), [[1e9, -1e9]] * 5),
    (("input", "positions"), [[0.5, 0.5]] * 300_000),
    (("input", "positions"), [[0.5]] * 5),
    (("input", "positions"), []),
    (("input", "positions"), "centre"),
    (("input", "mean"), [0.5, 0.5]),
    (("input", "mean"), [0.5, 0.5, INFINITE]),
    (("input", "std"), [0, 0, 0]),
    (("input", "std"), [-1, 1, 1]),
    (("input", "std"), ["1", "1", "1"]),
    (("calibration",), None),
    (("calibration", "bias"), NAN),
    (("calibration", "temperature"), 1e-320),
    (("calibration", "temperature"), -1),
    (("calibration", "temperature"), "warm"),
    (("operating_points",), {}),
    (("operating_points",), []),
    (("operating_points", "fpr1", "threshold"), "x"),
    (("operating_points", "fpr1", "threshold"), "0.9"),
    (("operating_points", "fpr1", "threshold"), 3),
    (("operating_points", "fpr1", "threshold"), NAN),
    (("operating_points", "fpr1", "no_sign_below"), 0.99),
    (("operating_points", "fpr1", "fpr"), NAN),
    (("operating_points", "fpr1", "n_ai"), 0.5),
    (("operating_points", "\x1b[31m"), RAW["operating_points"]["fpr1"]),
    (("default_operating_point",), "fpr50"),
    (("default_operating_point",), {}),
    (("minimum_short_side",), 0),
    (("minimum_short_side",), 10**9),
    (("golden",), ["x"]),
    (("golden",), [{"picture": 0, "logit": NAN}]),
    (("golden",), [{"picture": 99, "logit": 0}]),
    (("golden",), [{"picture": -1, "logit": 0}]),
    (("golden",), 7),
    (("variants", "fp32", "golden"), [{"picture": 99, "logit": 0}]),
    (("files",), ["a"]),
    (("variants",), []),
    (("variants",), {"int8-weights": RAW["variants"]["int8-weights"]}),
    (("variants", "fp32"), None),
    (("variants", "fp32", "file"), "../../../../etc/passwd"),
    (("variants", "fp32", "file"), "/etc/passwd"),
    (("variants", "fp32", "file"), ".."),
    (("variants", "fp32", "providers"), 5),
    (("variants", "fp32", "calibration"), {"temperature": 0, "bias": 0}),
    (("variants", "fp32", "calibration"), [1, 2]),
    (("variants", "fp32", "operating_points"), {"fpr5": RAW["operating_points"]["fpr5"]}),
    (("test",), 5),
    (("test",), {"conditions": []}),
    (("test",), {"conditions": {"clean": {"operating_points": {"fpr1": {"fpr": "low"}}}}}),
    (("test",), {"conditions": {"clean": {"operating_points": {"fpr1": {"fpr_interval": [0.1]}}}}}),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=[f"{'.'.join(p)}={v!r:.20}" for p, v in WRONG])
def test_a_wrong_value_is_one_line(path: tuple[str, ...], value: object) -> None:
    assert "a field has a wrong value (" in refusal(changed(*path, value=value))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([(key,) for key in RAW] + [("input", key) for key in RAW["input"]]), ANYTHING)
def test_no_value_anywhere_is_a_traceback(path: tuple[str, ...], value: object) -> None:
    found = outcome(changed(*path, value=value))
    if isinstance(found, str):
        assert found.startswith("here: ")
        assert "\n" not in found
    else:  # then every number in it can be worked with
        assert math.isfinite(found.temperature * found.bias)
        assert found.operating_point().threshold >= found.operating_point().no_sign_below
        found.test_point("fpr1")


def outcome(card: dict[str, Any]) -> Card | str:
    try:
        return parse(card, "here")
    except ModelError as error:
        return str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\0", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"card":' + b"9" * 6000 + b"}", "not valid JSON"),
        (b"[1]", "not a card"),
        (b'{"card": 2}', "the field 'input' is missing"),
    ],
)
def test_a_file_that_is_no_card(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / CARD_FILE).write_bytes(text)
    with pytest.raises(ModelError, match=rf"card\.json: {reason}") as found:
        read(tmp_path)
    assert "\n" not in str(found.value)
    assert str(found.value).endswith("export the model again")


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"card\.json: No such file or directory; a model needs its card beside it"):
        Detector(tmp_path)


def test_a_card_of_no_release_has_the_bare_name() -> None:
    card = parse(RAW, "here")
    assert card.release == f"{RAW['name']}-v{RAW['version']}"
    assert parse({key: value for key, value in RAW.items() if key != "version"}, "here").release == RAW["name"]


def test_a_card_without_variants_has_the_reference_alone() -> None:
    card = parse({key: value for key, value in RAW.items() if key != "variants"}, "here")
    assert {name: variant.file for name, variant in card.variants.items()} == {"fp32": "model.onnx"}


def test_a_variant_has_a_calibration_of_its_own() -> None:
    points = {name: point | {"threshold": 0.9, "no_sign_below": 0.1} for name, point in RAW["operating_points"].items()}
    golden = [{"picture": 1, "logit": 0.5}]
    own = {"file": "model-int8.onnx", "providers": [], "golden": golden} | {
        "calibration": {"temperature": 3, "bias": -1},
        "operating_points": points,
    }
    card = parse(changed("variants", "int8", value=own), "here")
    of_int8, of_fp32 = card.of_variant(card.variants["int8"]), card.of_variant(card.variants["fp32"])
    assert (of_int8.temperature, of_int8.bias) == (3, -1)
    assert (list(of_int8.golden), of_fp32.golden) == (golden, card.golden)
    assert of_int8.operating_point("fpr1").threshold == 0.9
    assert (of_fp32.temperature, of_fp32.bias) == (card.temperature, card.bias)
    assert of_fp32.operating_points == card.operating_points


def test_operating_points_have_their_figures() -> None:
    card, raw = parse(RAW, "here"), RAW["operating_points"]["fpr5"]
    assert card.operating_point("fpr5") == OperatingPoint(name="fpr5", **raw)
    assert card.operating_point().name == RAW["default_operating_point"]
    with pytest.raises(ModelError, match="no operating point 'fpr50'; the model has fpr1, fpr5, balanced"):
        card.operating_point("fpr50")


def test_the_figures_of_the_test_split_are_found_by_point_and_condition() -> None:
    card = parse(RAW, "here")
    for condition, measured in RAW["test"]["conditions"].items():
        for point, figures in measured["operating_points"].items():
            expected = {"n_ai": measured["n_ai"], "n_real": measured["n_real"]} | figures
            assert card.test_point(point, condition) == expected
    assert card.test_point("fpr1") == card.test_point("fpr1", "clean")
    assert card.test_point("fpr50") is None
    assert card.test_point("fpr1", "no such condition") is None
    assert parse(RAW | {"test": None}, "here").test_point("fpr1") is None
