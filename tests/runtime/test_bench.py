"""fauxto bench: figures that are those of the raw samples, files that hold them, and no row for what cannot run."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.bench.images import SIZES, write_pictures
from fauxto.bench.plan import parse_batches
from fauxto.bench.report import as_csv, as_markdown, as_text, write_all
from fauxto.bench.statistics import BEYOND, PERCENTILES, needed, summary
from fauxto.cli import main
from fauxto.errors import FauxtoError
from fauxto.image.decode import load

SHORT = [
    "bench",
    "--provider",
    "cpu",
    "--variant",
    "fp32",
    "--scope",
    "model",
    "--batch-sizes",
    "1,2",
    "--count",
    "12",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = tmp_path_factory.mktemp("bench") / "report.json"
    assert main([*SHORT, "--format", "json", "-o", str(path)]) == 0
    return json.loads(path.read_text())


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=1200))
def test_figures_are_those_of_the_samples(samples: list[float]) -> None:
    found = summary(samples, 3)
    assert found["n"] == len(samples)
    for percentile in PERCENTILES:
        value = found[f"p{percentile}_ms"]
        if len(samples) < needed(percentile):
            assert value is None
        else:
            assert value == pytest.approx(np.percentile(samples, percentile) * 1000)
    assert found["per_second"] == pytest.approx(3 * len(samples) / sum(samples))
    assert found["noisy"] == (found["cv"] > 0.1)


@pytest.mark.parametrize(("percentile", "least"), [(50, 10), (90, 50), (95, 100), (99, 500)])
def test_a_percentile_needs_samples_beyond_it(percentile: int, least: int) -> None:
    assert needed(percentile) == least
    assert summary([1.0] * (least - 1), 1)[f"p{percentile}_ms"] is None
    assert summary([1.0] * least, 1)[f"p{percentile}_ms"] == 1000
    assert least * (100 - percentile) / 100 == pytest.approx(BEYOND)


def test_an_outlier_is_not_left_out() -> None:
    found = summary([0.01] * 99 + [1.0], 1)
    assert found["mean_ms"] == pytest.approx(19.9)
    assert found["noisy"]


def test_a_run_measures_what_it_says(report: dict) -> None:
    assert report["complete"]
    assert [(row["scope"], row["batch"]) for row in report["rows"]] == [("model", 1), ("model", 2)]
    for row in report["rows"]:
        assert row["ran_on"] == "CPUExecutionProvider"
        assert row["nodes"][0] == row["nodes"][1] > 0
        assert 0 <= row["max_dp"] < 1e-3
        assert row["n"] == len(row["samples_s"]) <= 12
        assert row["p50_ms"] == pytest.approx(np.percentile(row["samples_s"], 50) * 1000)
        assert row["p99_ms"] is None
        assert 0 < row["peak_memory_mb"] < 4000
        assert row["file_sha256"] in report["files"].values()
    host = report["machine"]
    assert host["usable_cpus"] <= host["cores"]
    assert host["versions"]["onnxruntime"]


def test_every_form_says_the_same(report: dict, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [float(row["p50_ms"]) for row in rows] == [row["p50_ms"] for row in report["rows"]]
    shown = f"{report['rows'][0]['p50_ms']:.3g}"
    for text in (as_text(report), as_markdown(report)):
        assert shown in text
        assert "p99 needs 500" in text
    written = write_all(report, tmp_path / "results")
    assert {path.suffix for path in written} >= {".txt", ".md", ".csv", ".json"}
    assert all(report["machine"]["versions"]["onnxruntime"] in path.name for path in written)
    assert json.loads(next(path for path in written if path.suffix == ".json").read_text()) == report
    (tmp_path / "file").touch()
    with pytest.raises(FauxtoError, match="choose another --out"):
        write_all(report, tmp_path / "file")


def test_one_that_cannot_load_has_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert main([*SHORT, "--provider", "coreml", "--format", "json", "-o", str(path)]) == 0
    report = json.loads(path.read_text())
    if sys.platform != "darwin":
        assert {row["provider"] for row in report["rows"]} == {"cpu"}
        assert "CoreMLExecutionProvider is not in the installed" in report["skipped"][0]["reason"]
        assert "skipped coreml fp32: CoreMLExecutionProvider is not" in as_text(report)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    words = [sys.executable, "-m", "fauxto", "bench", "--provider", "cpu", "--scope", "model", "--batch-sizes",
             "1,2,3,4,5,6,7,8", "--duration", "1", "--format", "json", "-o", str(path)]  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(6)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    report = json.loads(path.read_text())
    assert not report["complete"]
    assert len(report["rows"]) < 8
    assert all(row["n"] > 0 for row in report["rows"])
    assert as_text(report).endswith("stopped before the end")


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


def test_the_machine_record_names_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(system, "_read", lambda _: None)
    found = system.record()
    assert (found["gpu"], found["governor"], found["temperature_c"]) == (None, None, None)
    assert system.slug("AMD EPYC (R) 9B14, 2x") == "amd-epyc-r-9b14-2x"
    intel = "Intel(R) Xeon(R) Processor (family 6, model 207)"
    assert system.slug(intel) == "intel-r-xeon-r-processor-family-6-model-207"
