"""Runs that hold sources out, and the calibration that is moved by what they make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFilter

from fauxto.evaluate.dataset import LabelledImage
from tests.helpers import SMALL_RUN, make_photo
from train.__main__ import main as train
from train.calibrate import fit_bias, probability, read_bias
from train.errors import TrainError
from train.tools.held_out_bias import PER_SOURCE, HeldOut, bias_of, few_of_each_source, main
from train.tools.recalibrate import main as recalibrate


def of(source: str, is_ai: bool, count: int) -> list[LabelledImage]:
    return [LabelledImage(Path(source, f"{is_ai}{i}.png"), is_ai, source) for i in range(count)]


def model_of(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "model.pt", weights_only=True)
    return state


def test_a_large_source_gives_a_few_of_each_class() -> None:
    few = few_of_each_source([*of("a", True, 99), *of("a", False, 99), *of("b", True, 3)], seed=1)
    assert len(set(few)) == len(few) == 2 * PER_SOURCE + 3


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=2), st.floats(-5, 5))
def test_the_bias_makes_p_right_in_the_mean(pairs: list[tuple[float, bool]], off: float) -> None:
    logits = np.array([logit for logit, _ in pairs] + [1.0, -1.0])
    is_ai = np.array([ai for _, ai in pairs] + [True, False])
    found = probability(logits, 1, fit_bias(logits, is_ai))
    assert found[is_ai].mean() + found[~is_ai].mean() == pytest.approx(1)
    assert fit_bias(logits - off, is_ai) == pytest.approx(fit_bias(logits, is_ai) + off, abs=1e-6)


def test_runs_count_by_their_images() -> None:
    parts = [HeldOut("run", np.array([1.0, -1.0]) - off, np.array([True, False]), 1) for off in (0.0, 1.0)]
    assert bias_of(parts[:1]) == pytest.approx(0)
    assert bias_of(parts) == pytest.approx(0.5)
    assert bias_of([]) == 0


@pytest.mark.parametrize("content", ["", "[]", '{"bias": 1}', '{"bias": "x", "sources": 1, "n": 1}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(TrainError, match=r"other\.json: not a file of train\.tools\.held_out_bias"):
        read_bias(tmp_path / "other.json")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sharp images are "real", blurred ones "ai"; one source is the other way round."""
    folder = tmp_path_factory.mktemp("sources")
    for part, names in (("train", ("a", "b", "turned")), ("val", ("c",))):
        for source in names:
            for i in range(8):
                sharp = make_photo(220, 210, seed=i)
                pair = (sharp.filter(ImageFilter.GaussianBlur(3)), sharp)
                for label, image in zip(("ai", "real"), pair[:: -1 if source == "turned" else 1], strict=True):
                    place = folder / part / label / source
                    place.mkdir(parents=True, exist_ok=True)
                    image.save(place / f"{i}.png")
    return folder


def test_runs_that_hold_sources_out_say_what_bias_is_missing(
    sources: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bias.json"
    assert main([str(run), "--out", str(out)]) == 2
    assert "held out no sources of both classes; train it with --held-out" in capsys.readouterr().err
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "turned.txt").write_text("turned")
    words = ["--out", str(tmp_path / "b"), *SMALL_RUN, "--held-out", str(tmp_path / "b.txt")]
    assert train([str(sources), *words]) == 0
    state = model_of(tmp_path / "b")
    assert state["data"]["train"] == {"ai": 16, "real": 16}
    state["config"]["held_out"] = str(tmp_path / "turned.txt")  # one network for both
    (tmp_path / "turned").mkdir()
    torch.save(state, tmp_path / "turned" / "model.pt")
    capsys.readouterr()
    assert main([str(tmp_path / "b"), str(tmp_path / "turned"), "--out", str(out), "--pictures", "8"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [["| b", "1", "16"], ["| turned", "1", "16"]]
    assert float(rows[1].split(" | ")[3]) == pytest.approx(1 - float(rows[0].split(" | ")[3]), abs=0.001)
    assert json.loads(out.read_text()).keys() == {"bias", "sources", "n"}


def test_a_bias_moves_p_and_leaves_the_words(data: Path, run: Path, tmp_path: Path) -> None:
    file, moved = tmp_path / "bias.json", {"bias": 0.5, "sources": 2, "n": 96}
    file.write_text(json.dumps(moved))
    assert recalibrate([str(run), "--out", str(tmp_path / "new"), "--bias-file", str(file)]) == 0
    plain, new = model_of(run), model_of(tmp_path / "new")
    before, after = plain["calibration"], new["calibration"]
    assert after["held_out_bias"] == moved
    assert after["temperature"] == pytest.approx(before["temperature"], rel=1e-3)
    assert after["bias"] == pytest.approx(before["bias"] + 0.5, abs=1e-3)
    for name in ("fpr1", "fpr5"):  # the threshold stands at the same logit
        logits = [
            (np.log(p) - np.log1p(-p) - c["bias"]) * c["temperature"]
            for p, c in ((kept["operating_points"][name]["threshold"], kept["calibration"]) for kept in (plain, new))
        ]
        assert logits[0] == pytest.approx(logits[1], abs=1e-3)
    words = [str(data), "--out", str(tmp_path / "early"), *SMALL_RUN, "--bias-file", str(run / "config.toml")]
    assert train(words) == 2
    assert not (tmp_path / "early").exists()  # before anything starts
