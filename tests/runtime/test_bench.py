"""fauxto bench: figures that are those of the raw samples, files that hold them, and no row for what cannot run."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.bench import run as bench
from fauxto.bench.images import SIZES, write_pictures
from fauxto.bench.plan import Plan, parse_batches
from fauxto.bench.report import Report, as_csv, as_markdown, as_text, write_all
from fauxto.bench.statistics import BEYOND, NOISY, PERCENTILES, needed, percentiles, summary
from fauxto.cli import main
from fauxto.errors import FauxtoError, OutputError
from fauxto.image.decode import load
from fauxto.subprocesses import Child

SHORT = "bench --provider cpu --variant fp32 --scope model --batch-sizes 1,2 --count 12".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("bench") / "report.json"
    assert main([*SHORT, "--format", "json", "-o", str(path)]) == 0
    found: Report = json.loads(path.read_text())
    return found


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=1200))
def test_figures_are_those_of_the_samples(samples: list[float]) -> None:
    found = summary(samples, 3)
    assert found["n"] == len(samples)
    assert tuple(percentiles(found)) == PERCENTILES
    for percentile, value in percentiles(found).items():
        if len(samples) < needed(percentile):
            assert value is None
        else:
            assert value == pytest.approx(np.percentile(samples, percentile) * 1000)
    assert found["per_second"] == pytest.approx(3 * len(samples) / sum(samples))
    assert found["noisy"] == (found["cv"] > NOISY)


@pytest.mark.parametrize(("percentile", "least"), [(50, 10), (90, 50), (95, 100), (99, 500)])
def test_a_percentile_needs_samples_beyond_it(percentile: int, least: int) -> None:
    assert needed(percentile) == least
    assert percentiles(summary([1.0] * (least - 1)))[percentile] is None
    assert percentiles(summary([1.0] * least))[percentile] == 1000
    assert least * (100 - percentile) / 100 == pytest.approx(BEYOND)


def test_an_outlier_is_not_left_out() -> None:
    found = summary([0.01] * 99 + [1.0])
    assert found["mean_ms"] == pytest.approx(19.9)
    assert found["noisy"]


def test_a_run_measures_what_it_says(report: Report) -> None:
    assert report["complete"]
    assert report["crops_per_picture"] == 5
    assert [(row["scope"], row["batch"]) for row in report["rows"]] == [("model", 1), ("model", 2)]
    for row in report["rows"]:
        assert row["ran_on"] == "CPUExecutionProvider"
        assert row["nodes"][0] == row["nodes"][1] > 0
        assert 0 <= row["max_dp"] < 1e-3
        assert row["n"] == len(row["samples_s"]) <= 12
        assert row["p50_ms"] == pytest.approx(np.percentile(row["samples_s"], 50) * 1000)
        assert row["p99_ms"] is None
        assert 0 < (row["peak_memory_mb"] or 0) < 4000
        assert row["file_sha256"] in report["files"].values()


def test_every_form_says_the_same(report: Report, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [float(row["p50_ms"]) for row in rows] == [row["p50_ms"] for row in report["rows"]]
    shown = f"{report['rows'][0]['p50_ms']:.3g}"
    for text in (as_text(report), as_markdown(report)):
        assert shown in text
        assert "p99 needs 500" in text
    written = write_all(report, tmp_path / "results")
    assert {path.suffix for path in written} >= {".txt", ".md", ".csv", ".json"}
    assert all(str(report["machine"]["versions"]["onnxruntime"]) in path.name for path in written)
    assert json.loads(next(path for path in written if path.suffix == ".json").read_text()) == report
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another --output-dir"):
        write_all(report, tmp_path / "file")


def test_a_file_that_cannot_be_written_leaves_the_earlier_ones(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in write_all(report, tmp_path)}
    monkeypatch.setattr("os.replace", _full)
    with pytest.raises(OutputError, match="No space left"):
        write_all({**report, "rows": []}, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_one_that_cannot_load_has_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert main([*SHORT, "--provider", "coreml", "--format", "json", "-o", str(path)]) == 0
    report = json.loads(path.read_text())
    if sys.platform != "darwin":
        assert [row["provider"] for row in report["rows"]] == ["cpu", "cpu"]
        assert "CoreMLExecutionProvider is not in the installed" in report["skipped"][0]["reason"]
        assert "skipped coreml fp32: CoreMLExecutionProvider is not" in as_text(report)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    path, partial = tmp_path / "report.json", tmp_path / "report.json.partial"
    path.write_text("of yesterday")
    sizes = ",".join(map(str, range(1, 9)))
    words = f"bench --provider cpu --scope model --batch-sizes {sizes} --duration 1 --format json -o {path}"
    command = [sys.executable, "-m", "fauxto", *words.split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        # Each cell is said as it begins: with the second one the first is in the report.
        said = any("batch 2" in line for line in iter(process.stderr.readline, ""))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        rest = process.stderr.read()
    assert said
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert path.read_text() == "of yesterday"
    report = json.loads(partial.read_text())
    assert not report["complete"]
    assert [row["batch"] for row in report["rows"]] == list(range(1, 1 + len(report["rows"])))
    assert 1 <= len(report["rows"]) < 8
    assert all(row["n"] > 0 for row in report["rows"])
    assert as_text(report).endswith("stopped before the end")


def test_a_worker_that_crashes_gives_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crashing.py").write_text("import os; os.write(2, b'illegal instruction'); os._exit(4)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(bench, "Child", lambda _, job: Child("crashing", job))
    with pytest.raises(FauxtoError, match=r"^its process ended with status 4 \(illegal instruction\)$"):
        bench.run(Plan(providers=("cpu",), variants=("fp32",), scopes=("model",)))


@pytest.mark.parametrize("text", ["0", "1,x", "1,,2", "-1"])
def test_nonsense_in_batch_sizes_is_refused(text: str) -> None:
    with pytest.raises(FauxtoError, match="is not a list of whole numbers"):
        parse_batches(text)


def test_an_unknown_variant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--variant", "fp3"]) == 2
    assert "no variant 'fp3'; the model has fp32" in capsys.readouterr().err


def test_the_pictures_are_as_named_and_always_the_same(tmp_path: Path) -> None:
    first = {name: Path(path).read_bytes() for name, path in write_pictures(tmp_path).items()}
    again = {name: Path(path).read_bytes() for name, path in write_pictures(tmp_path).items()}
    assert first == again
    assert {name: load(data).size for name, data in first.items()} == SIZES
