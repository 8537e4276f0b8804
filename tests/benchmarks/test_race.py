"""python -m benchmarks: the peers compute our function, and everybody gets the same turns."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers, race
from benchmarks.__main__ import main
from benchmarks.figures import CONTROL, OURS, Race
from benchmarks.worker import random_crops
from fauxto.errors import ModelError
from fauxto.model.model import Model
from tests.helpers import make_photo


@pytest.fixture(scope="module")
def result() -> Race:
    """One round of our two equal processes, and one that does not exist."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "write_pictures", _small)
        return race.race([OURS, CONTROL, "abacus"], 1)


def _small(folder: Path) -> dict[str, str]:
    path = folder / "small.jpg"
    make_photo().save(path)
    return {"small JPEG": str(path)}


def test_torch_has_our_weights(jpeg_path: Path) -> None:
    pytest.importorskip("torchvision")
    ours, torch = peers.build(OURS), peers.build("torch eager")
    for crop in random_crops(224):
        assert torch.logit(crop[None]) == pytest.approx(ours.logit(crop[None]), abs=1e-4)
    path = str(jpeg_path)
    assert torch.picture is not None
    assert ours.picture is not None
    assert torch.picture(path) == pytest.approx(ours.picture(path), abs=0.02)
    assert torch.preprocess is not None
    assert ours.preprocess is not None
    np.testing.assert_allclose(torch.preprocess(path).numpy(), ours.preprocess(path), atol=1e-5)


def test_openvino_computes_the_same() -> None:
    pytest.importorskip("openvino")
    ours, other = peers.build(OURS), peers.build("OpenVINO f32")
    for crop in random_crops(224):
        assert other.logit(crop[None]) == pytest.approx(ours.logit(crop[None]), abs=1e-4)


def test_a_race_has_its_control_and_leaves_out_with_a_word(result: Race) -> None:
    assert result["skipped"] == {"abacus": "'abacus'"}
    assert result["rounds"] == 1
    assert result["model"] == Model.open().card.release
    assert [(row["peer"], row["scope"]) for row in result["rows"]] == [
        (peer, scope) for peer in (OURS, CONTROL) for scope in race.SCOPES
    ]
    for row in result["rows"]:
        assert [len(turn) for turn in row["wall_s"]] == [race.CALLS[row["scope"]]]
        assert [len(turn) for turn in row["cpu_s"]] == [race.CALLS[row["scope"]]]
        assert all(second > 0 for second in row["wall_s"][0])
        assert row["crops"] == (None if row["scope"] == "model" else "all")
        assert row["difference"] == (None if row["scope"] == "preprocess" else 0)
        assert (row["peak_memory_mb"] or 0) > 0


def test_a_race_that_is_killed_leaves_nothing_busy_behind() -> None:
    code = "from benchmarks.race import keep_busy; kept = keep_busy(2); print('busy', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "busy\n"
        parent.kill()
        parent.communicate(timeout=30)  # ends when the last process that inherited the pipe has


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "abacus"]) == 2
    assert capsys.readouterr().err.startswith("benchmarks: no contender 'abacus'; there are fauxto fp32")
    assert main(["--readme", "--output-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "benchmarks: no results of 10 quiet rounds; run python -m benchmarks first\n"


def test_every_variant_that_is_here_races_and_one_of_them_twice() -> None:
    names = race.contenders()
    ours = [name for name in names if name.startswith("fauxto ")]
    assert ours == [f"fauxto {variant.name}" for variant in Model.open().variants_here()] + [CONTROL]
    assert OURS in ours
    assert set(names) - set(ours) == {peers.SECOND, *peers.PEERS}


def test_a_second_opinion_that_is_not_installed_is_left_out_with_the_fix() -> None:
    with pytest.raises(ModelError, match="fauxto second-opinion install"):
        peers.build(peers.SECOND)


def test_no_process_of_a_race_lets_onnxruntime_report() -> None:
    code = "import os, sys, benchmarks; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert told.stdout == "1 False\n"
