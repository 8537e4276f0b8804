"""The golden vectors: not stale, rebuilt by a port that knows nothing but their index, and whole."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fauxto import golden
from fauxto.detector import Detector
from fauxto.image.cases import CASES
from fauxto.image.decode import load
from fauxto.model.card import REFERENCE
from fauxto.model.model import Model
from fauxto.verdict import decide, probability
from tests.helpers import ROOT

VECTORS = ROOT / "tests" / "vectors"
INDEX: dict[str, Any] = json.loads((VECTORS / golden.INDEX).read_text("utf-8"))
TOLERANCES = INDEX["tolerances"]
STALE = "stale: run python -m fauxto.golden tests/vectors"

Pixels = npt.NDArray[np.int64]
each_case = pytest.mark.parametrize("case", INDEX["cases"], ids=lambda case: case["name"])


def pixels(folder: Path, entry: dict[str, Any]) -> Pixels:
    return np.asarray(Image.open(folder / entry["file"])).reshape(entry["shape"]).astype(int)


def logit_tolerance(case: dict[str, Any], precision: str = REFERENCE) -> float:
    """Of a case that was decoded here: another decoder may have read the JPEG, or another library the profile."""
    own: float = TOLERANCES["logit"][precision]
    return own if case["rgb"]["tolerance"] == 0 else max(own, TOLERANCES["logit_from_jpeg"])


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The vectors as the command makes them, from the pictures that are committed; and what it says and loads."""
    folder = tmp_path_factory.mktemp("vectors")
    for case in INDEX["cases"]:
        shutil.copy(VECTORS / case["file"], folder)
    script = (
        "import sys; from fauxto.golden import main; status = main(sys.argv[1:]); "
        "print(status, [n for n in ('torch', 'onnx', 'jinja2', 'sklearn', 'matplotlib', 'train', 'export') "
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    return folder, done.stdout


def test_the_command_needs_neither_torch_nor_anything_of_an_extra(command: tuple[Path, str]) -> None:
    folder, said = command
    assert said == "0 []\n"
    assert {path.name for path in folder.iterdir()} | {"README.md"} == {path.name for path in VECTORS.iterdir()}


def test_the_vectors_are_those_of_the_released_model(released: Model) -> None:
    card = released.card
    assert INDEX["schema"] == golden.SCHEMA, STALE
    assert INDEX["model"] == card.release, STALE
    assert INDEX["model_sha256"] == card.files[card.variants[REFERENCE].file], STALE


def test_the_vectors_are_not_stale(command: tuple[Path, str]) -> None:
    anew, _ = command
    made: dict[str, Any] = json.loads((anew / golden.INDEX).read_text("utf-8"))
    assert {key: value for key, value in made.items() if key != "cases"} == {
        key: value for key, value in INDEX.items() if key != "cases"
    }, STALE
    assert [case["name"] for case in made["cases"]] == [case["name"] for case in INDEX["cases"]], STALE
    for new, old in zip(made["cases"], INDEX["cases"], strict=True):
        moving = ("rgb", "crops", "logits", "logit", "p_ai", "p_ai_at_prior")
        assert {k: v for k, v in new.items() if k not in moving} == {k: v for k, v in old.items() if k not in moving}, (
            STALE
        )
        for step in ("rgb", "crops"):
            difference = np.abs(pixels(anew, new[step]) - pixels(VECTORS, old[step]))
            assert difference.max() <= old["rgb"]["tolerance"], f"{old['name']}, {step}: {STALE}"
        assert new["logits"] == pytest.approx(old["logits"], abs=logit_tolerance(old)), f"{old['name']}: {STALE}"
        assert new["logit"] == pytest.approx(old["logit"], abs=logit_tolerance(old)), f"{old['name']}: {STALE}"


@each_case
def test_every_file_is_what_the_index_says(case: dict[str, Any]) -> None:
    assert hashlib.sha256((VECTORS / case["file"]).read_bytes()).hexdigest() == case["sha256"]
    for step in ("rgb", "crops"):
        raw = pixels(VECTORS, case[step]).astype(np.uint8).tobytes()
        assert hashlib.sha256(raw).hexdigest() == case[step]["pixels_sha256"]
    assert case["rgb"]["shape"] == [case["height"], case["width"], 3]
    size = INDEX["input"]["crop_size"]
    assert case["crops"]["shape"] == [len(INDEX["input"]["positions"]), size, size, 3]


def test_the_folder_holds_what_the_index_names_and_stays_small() -> None:
    named = {entry["file"] for case in INDEX["cases"] for entry in (case, case["rgb"], case["crops"])}
    here = {path.name for path in VECTORS.iterdir()}
    assert here == named | {golden.INDEX, "README.md"}
    assert sum(path.stat().st_size for path in VECTORS.iterdir()) <= 3_000_000


def test_a_picture_that_is_made_anew_is_the_same() -> None:
    for case, entry in zip(CASES, INDEX["cases"], strict=True):
        difference = np.abs(np.asarray(load(case.make())).astype(int) - pixels(VECTORS, entry["rgb"]))
        assert difference.max() <= entry["rgb"]["tolerance"], case.name


@each_case
def test_the_index_is_enough_for_a_port(case: dict[str, Any]) -> None:
    """What models/README.md describes, written again; only the scaling of large pictures is left to Pillow."""
    rule, size = INDEX["input"], INDEX["input"]["crop_size"]
    picture = pixels(VECTORS, case["rgb"]).astype(np.uint8)
    height, width = picture.shape[:2]
    short, most = min(width, height), rule["max_short_side"]
    scaled = [width, height]
    if short > most:
        scaled = [math.floor(side * most / short + 0.5) for side in scaled]
        once = Image.fromarray(picture).resize((scaled[0], height), Image.Resampling.BICUBIC)
        picture = np.asarray(once.resize((scaled[0], scaled[1]), Image.Resampling.BICUBIC))
    assert case["scaled"] == scaled
    offsets = [
        [math.floor(place[i] * max(0, scaled[i] - size) + 0.5) for i in (0, 1)] for place in rule["positions"]
    ]  # fmt: skip
    assert case["offsets"] == offsets
    gaps = [max(0, size - scaled[1]), max(0, size - scaled[0])]
    padded = np.pad(picture, [*((gap // 2, gap - gap // 2) for gap in gaps), (0, 0)], "symmetric")
    crops = np.stack([padded[top : top + size, left : left + size] for left, top in offsets])
    stored = pixels(VECTORS, case["crops"])
    kind = "scaled" if short > most else "unscaled"
    assert np.abs(crops.astype(int) - stored).max() <= TOLERANCES["crops"][kind]
    ordered = sorted(case["logits"], reverse=True)[: rule["pooled_crops"]]
    assert sum(ordered) / len(ordered) == pytest.approx(case["logit"], abs=1e-9)
    p_ai = 1 / (1 + math.exp(-(case["logit"] / INDEX["temperature"] + INDEX["bias"])))
    assert p_ai == pytest.approx(case["p_ai"], abs=TOLERANCES["p_ai_from_logit"])
    prior = INDEX["prior"]
    moved = p_ai * prior / (p_ai * prior + (1 - p_ai) * (1 - prior))
    assert moved == pytest.approx(case["p_ai_at_prior"], abs=TOLERANCES["p_ai_from_logit"])
    for name, point in INDEX["operating_points"].items():
        if short < INDEX["minimum_short_side"]:
            expected: dict[str, str | None] = {"verdict": "unsure", "lean": None, "reason": "too_small"}
        elif p_ai >= point["threshold"]:
            expected = {"verdict": "ai", "lean": None, "reason": "threshold"}
        elif p_ai < point["no_sign_below"]:
            expected = {"verdict": "no_sign", "lean": None, "reason": "threshold"}
        else:
            expected = {"verdict": "unsure", "lean": "ai" if p_ai >= 0.5 else "no_sign", "reason": "band"}
        assert case["verdicts"][name] == expected


@pytest.mark.parametrize("variant", ["fp32", "int8-weights"])
def test_the_detector_gives_the_vectors_answers(variant: str) -> None:
    detector = Detector(provider="cpu", variant=variant, prior=INDEX["prior"])
    card = detector.card
    for case in INDEX["cases"]:
        answer = detector.predict(VECTORS / case["file"], strict=True)
        tolerance = logit_tolerance(case, variant)
        assert answer.logit == pytest.approx(case["logit"], abs=tolerance), case["name"]
        assert answer.p_ai == pytest.approx(case["p_ai_at_prior"], abs=tolerance / (4 * INDEX["temperature"]))
        assert (answer.width, answer.height) == (case["width"], case["height"])
        said = (answer.verdict, answer.lean, answer.reason)
        assert said == tuple(case["verdicts"][INDEX["default_operating_point"]].values()), case["name"]
        p_ai, short_side = probability(answer.logit or 0.0, card.temperature, card.bias), min(case["rgb"]["shape"][:2])
        for name, expected in case["verdicts"].items():
            words = decide(p_ai, short_side, card.minimum_short_side, card.operating_point(name))
            assert words == tuple(expected.values()), (case["name"], name)


def test_every_word_and_every_geometry_is_among_the_cases() -> None:
    point, rule = INDEX["default_operating_point"], INDEX["input"]
    words = {tuple(case["verdicts"][point].values()) for case in INDEX["cases"]}
    assert words == {
        ("ai", None, "threshold"),
        ("unsure", "ai", "band"),
        ("unsure", "no_sign", "band"),
        ("no_sign", None, "threshold"),
        ("unsure", None, "too_small"),
    }
    sizes = [(case["width"], case["height"]) for case in INDEX["cases"]]
    assert {rule["crop_size"], rule["crop_size"] - 1} <= {min(size) for size in sizes}
    assert {rule["max_short_side"], rule["max_short_side"] + 1} <= {min(size) for size in sizes}
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)


def test_no_word_hangs_on_a_tolerance() -> None:
    """A port within the tolerances says the same words, in every precision that is anybody's default."""
    widest = max(value for name, value in TOLERANCES["logit"].items() if name != "bf16")
    for case in INDEX["cases"]:
        for point in INDEX["operating_points"].values():
            for threshold in point.values():
                z = math.log(threshold / (1 - threshold))
                logit = (z - INDEX["bias"]) * INDEX["temperature"]
                assert abs(case["logit"] - logit) > max(widest, logit_tolerance(case)), case["name"]


def test_what_is_in_the_way_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert golden.main([str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("python -m fauxto.golden: ")
    broken = tmp_path / "new" / INDEX["cases"][0]["file"]
    broken.parent.mkdir()
    broken.write_bytes(b"no picture")
    assert golden.main([str(broken.parent)]) == 1
    err = capsys.readouterr().err
    assert f"{broken}: " in err
    assert err.endswith("delete it, and it is made anew\n")
    assert golden.main([str(tmp_path / "new"), "--model", str(tmp_path)]) == 1
    assert "card.json" in capsys.readouterr().err
