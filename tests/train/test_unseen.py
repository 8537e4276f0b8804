"""Runs that leave sources out, and the calibration that is moved by what they make of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFilter

from fauxto.evaluate.dataset import LabelledImage
from tests.helpers import SMALL_RUN, make_photo
from train.__main__ import main as train
from train.average import main as average
from train.calibrate import fit_bias, probability, read_unseen
from train.data import leave_out
from train.errors import TrainError
from train.unseen import OF_A_SOURCE, LeftOut, bias_of, few_of_each_source, main


def of(source: str, is_ai: bool, count: int) -> list[LabelledImage]:
    return [LabelledImage(Path(source, f"{is_ai}{i}.png"), is_ai, source) for i in range(count)]


def test_a_source_that_is_named_is_left_out(tmp_path: Path) -> None:
    pictures = [*of("a", True, 3), *of("b c", True, 2), *of("b c", False, 1), *of("d", False, 2)]
    file = tmp_path / "left.txt"
    file.write_text("b c\n\n")
    kept, left = leave_out(pictures, str(file))
    assert kept == [*of("a", True, 3), *of("d", False, 2)]
    assert left == [*of("b c", True, 2), *of("b c", False, 1)]
    assert leave_out(pictures, "") == (pictures, [])
    for names, reason in (("b c\nB\n", "of the source 'B'"), ("b c\nd\n", "leaves no 'real' picture")):
        file.write_text(names)
        with pytest.raises(TrainError, match=rf"left\.txt: .*{reason}"):
            leave_out(pictures, str(file))


def test_a_large_source_gives_a_few_of_each_class() -> None:
    few = few_of_each_source([*of("a", True, 99), *of("a", False, 99), *of("b", True, 3)], seed=1)
    assert len(set(few)) == len(few) == 2 * OF_A_SOURCE + 3


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=2), st.floats(-5, 5))
def test_the_bias_makes_p_right_in_the_mean(pairs: list[tuple[float, bool]], off: float) -> None:
    logits = np.array([logit for logit, _ in pairs] + [1.0, -1.0])
    is_ai = np.array([ai for _, ai in pairs] + [True, False])
    found = probability(logits, 1, fit_bias(logits, is_ai))
    assert found[is_ai].mean() + found[~is_ai].mean() == pytest.approx(1)
    assert fit_bias(logits - off, is_ai) == pytest.approx(fit_bias(logits, is_ai) + off, abs=1e-6)


def test_runs_count_by_their_pictures() -> None:
    parts = [LeftOut("run", np.array([1.0, -1.0]) - off, np.array([True, False]), 1) for off in (0.0, 1.0)]
    assert bias_of(parts[:1]) == pytest.approx(0)
    assert bias_of(parts) == pytest.approx(0.5)
    assert bias_of([]) == 0


def test_runs_that_leave_sources_out_move_the_calibration_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sharp pictures are "real", blurred ones "ai"; one source is the other way round."""
    for part, sources in (("train", ("a", "b", "turned")), ("val", ("c",))):
        for source in sources:
            for i in range(8):
                sharp = make_photo(220, 210, seed=i)
                pair = (sharp.filter(ImageFilter.GaussianBlur(3)), sharp)
                for label, picture in zip(("ai", "real"), pair[:: -1 if source == "turned" else 1], strict=True):
                    place = tmp_path / "data" / part / label / source
                    place.mkdir(parents=True, exist_ok=True)
                    picture.save(place / f"{i}.png")
    data, whole, out = str(tmp_path / "data"), str(tmp_path / "whole"), str(tmp_path / "unseen.json")
    assert train([data, "--out", whole, *SMALL_RUN]) == 0
    assert main([whole, "--out", out]) == 2
    assert "whole: left out no sources of both classes" in capsys.readouterr().err
    for source in ("b", "turned"):
        (tmp_path / f"{source}.txt").write_text(source)
        words = ["--out", str(tmp_path / source), *SMALL_RUN, "--leave-out", str(tmp_path / f"{source}.txt")]
        assert train([data, *words]) == 0
        assert torch.load(tmp_path / source / "model.pt", weights_only=True)["data"]["train"] == {"ai": 16, "real": 16}
    b, turned = (torch.load(tmp_path / source / "model.pt", weights_only=True) for source in ("b", "turned"))
    torch.save(turned | {"model": b["model"]}, tmp_path / "turned" / "model.pt")  # one network for both
    capsys.readouterr()
    assert main([str(tmp_path / "b"), str(tmp_path / "turned"), "--out", out, "--pictures", "8"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [["| b", "1", "16"], ["| turned", "1", "16"]]
    assert float(rows[1].split(" | ")[3]) == pytest.approx(1 - float(rows[0].split(" | ")[3]), abs=0.001)

    moved = {"bias": 0.5, "sources": 2, "n": 96}
    assert json.loads(Path(out).read_text()).keys() == moved.keys()
    Path(out).write_text(json.dumps(moved))
    assert train([data, "--out", str(tmp_path / "early"), *SMALL_RUN, "--unseen", str(tmp_path / "b.txt")]) == 2
    assert not (tmp_path / "early").exists()  # before anything starts
    assert average([whole, "--out", str(tmp_path / "plain")]) == 0
    assert average([whole, "--out", str(tmp_path / "new"), "--unseen", out]) == 0
    plain, new = (torch.load(tmp_path / run / "model.pt", weights_only=True) for run in ("plain", "new"))
    before, after = plain["calibration"], new["calibration"]
    assert after["unseen"] == moved
    assert after["temperature"] == pytest.approx(before["temperature"])
    assert after["bias"] == pytest.approx(before["bias"] + 0.5)
    for name in ("fpr1", "fpr5"):  # the words stay, only p moves
        logits = [
            (np.log(p) - np.log1p(-p) - c["bias"]) * c["temperature"]
            for p, c in ((kept["operating_points"][name]["threshold"], kept["calibration"]) for kept in (plain, new))
        ]
        assert logits[0] == pytest.approx(logits[1], abs=1e-6)


@pytest.mark.parametrize("content", ["", "[]", '{"bias": 1}', '{"bias": "x", "sources": 1, "n": 1}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(TrainError, match=r"other\.json: not a file of train\.unseen"):
        read_unseen(str(tmp_path / "other.json"))
