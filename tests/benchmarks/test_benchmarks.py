"""python -m benchmarks: the peers compute our function, and the tables say what was measured."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers, race, report
from benchmarks.__main__ import main
from benchmarks.worker import views
from fauxto import card as cards
from fauxto.errors import FauxtoError

OURS = ["fauxto fp32", "fauxto fp32 again"]
README = f"# Title\n\nbefore\n\n{report.BEGIN}\n\nold\n\n{report.END}\n\nafter\n"


@pytest.fixture(scope="module")
def result() -> dict:
    """One round of our two equal processes, and one that does not exist."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "write_pictures", _small)
        return race.race([*OURS, "abacus"], 1)


def _small(folder: Path) -> dict[str, str]:
    from tests.helpers import make_photo

    path = folder / "small.jpg"
    make_photo().save(path)
    return {"small JPEG": str(path)}


def test_torch_has_our_weights(jpeg_path: Path) -> None:
    pytest.importorskip("torchvision")
    ours, torch = peers.build("fauxto fp32"), peers.build("torch eager")
    for view in views(224):
        assert torch.logit(view[None]) == pytest.approx(ours.logit(view[None]), abs=1e-4)
    assert torch.picture(str(jpeg_path)) == pytest.approx(ours.picture(str(jpeg_path)), abs=0.02)
    np.testing.assert_allclose(torch.preprocess(str(jpeg_path)).numpy(), ours.preprocess(str(jpeg_path)), atol=1e-5)


def test_openvino_computes_the_same() -> None:
    pytest.importorskip("openvino")
    ours, other = peers.build("fauxto fp32"), peers.build("OpenVINO f32")
    for view in views(224):
        assert other.logit(view[None]) == pytest.approx(ours.logit(view[None]), abs=1e-4)


def test_a_race_has_its_control_and_leaves_out_with_a_word(result: dict) -> None:
    assert result["reference"] == "fauxto fp32"
    assert list(result["skipped"]) == ["abacus"]
    assert result["rounds"] == 1
    assert {row["peer"] for row in result["rows"]} == set(OURS)
    for row in result["rows"]:
        own = next(other for other in result["rows"] if other["peer"] == "fauxto fp32" and _cell(other) == _cell(row))
        assert row["n"] == len(row["wall_s"]) == race.RUNS[row["scope"]]
        assert row["ratio"] == pytest.approx(statistics.median(row["wall_s"]) / statistics.median(own["wall_s"]))
        assert row["difference"] == (None if row["scope"] == "preprocess" else 0)
        assert row["peak_memory_mb"] > 0


def _cell(row: dict) -> tuple[str, str]:
    return row["scope"], row["input"]


def test_the_files_and_the_readme_hold_the_figures(result: dict, tmp_path: Path) -> None:
    paths = report.write(result, tmp_path)
    assert json.loads(paths[0].read_text()) == result
    assert result["machine"]["date"][:10] in paths[0].name
    row = next(row for row in result["rows"] if row["scope"] == "picture")
    text = paths[1].read_text()
    assert f"| {row['peer']}" in text
    assert "abacus was left out: " in text
    (tmp_path / "bench-this-cpu.json").write_text('{"rows": []}')  # of fauxto bench, which writes there too
    readme = tmp_path / "README.md"
    readme.write_text(README)
    report.update_readme(report.newest(tmp_path), readme)
    first = readme.read_text()
    assert first.startswith("# Title\n\nbefore\n")
    assert first.endswith("\n\nafter\n")
    assert "old" not in first
    assert f"{row['ratio']:.2f}" in first
    assert "File to the network's input" not in first
    report.update_readme(report.newest(tmp_path), readme)
    assert readme.read_text() == first


def test_a_busy_race_is_never_the_readme_s(result: dict, tmp_path: Path) -> None:
    report.write(result | {"busy": True}, tmp_path)
    with pytest.raises(FauxtoError, match="no results; run python -m benchmarks first"):
        report.newest(tmp_path)


def test_a_race_that_is_killed_leaves_nothing_busy_behind() -> None:
    code = "from benchmarks.race import keep_busy; kept = keep_busy(2); print('busy', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "busy\n"
        parent.kill()
        parent.communicate(timeout=30)  # ends when the last process that inherited the pipe has


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "abacus"]) == 2
    assert "no peer 'abacus'; there are fauxto fp32" in capsys.readouterr().err
    assert main(["--readme", "--out", str(tmp_path)]) == 2
    assert "no results" in capsys.readouterr().err
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(FauxtoError, match="is missing"):
        report.update_readme({}, tmp_path / "README.md")


def test_every_variant_races_and_one_of_them_twice() -> None:
    names = race.racers()
    here = [name for name in names if name.startswith("fauxto ")]
    assert here == [f"fauxto {variant}" for variant in cards.read(cards.find_model(None)).variants] + [OURS[1]]
    assert set(names) - set(here) == set(peers.PEERS)


def test_the_readme_has_the_markers() -> None:
    text = (report.ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index(report.BEGIN) < text.index(report.END)
