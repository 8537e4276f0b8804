"""fauxto doctor: what works here and what does not, and nothing is called usable that did not run."""

import json
from pathlib import Path

import pytest

from fauxto import cache, doctor
from fauxto.cli import main
from fauxto.model.card import find_model
from fauxto.subprocesses import Child
from tests.helpers import GOLDEN_TOLERANCE

RELEASED = find_model(None)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_CACHE", str(tmp_path_factory.mktemp("cache")))
        return doctor.examine()


def test_the_cpu_is_usable_and_every_other_has_a_verdict(found: dict) -> None:
    rows = {row["provider"]: row for row in found["providers"]}
    assert list(rows) == ["cpu", "coreml", "cuda", "tensorrt", "openvino"]
    cpu = rows["cpu"]
    assert (cpu["verdict"], cpu["loads"], cpu["reason"]) == ("use", True, None)
    assert cpu["nodes"][0] == cpu["nodes"][1]
    assert cpu["difference"] < GOLDEN_TOLERANCE
    assert cpu["latency_ms"] > 0
    for row in rows.values():
        if not row["loads"]:
            assert row["verdict"] == "refuse"
            assert row["reason"]
            assert row["latency_ms"] is None
    assert found["auto"]["provider"]


def test_the_text_holds_the_table(found: dict) -> None:
    text = doctor.as_text(found)
    for word in ("compiled in", "max |Δlogit|", "auto takes", found["cache"]["folder"], found["machine"]["cpu"]):
        assert word in text
    assert found["files"][0]["sha256"][:16] in text
    for row in found["providers"]:
        assert any(line.startswith(row["provider"]) and row["verdict"] in line for line in text.splitlines())


def test_json_and_a_damaged_file(released_copy: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    copy, file = released_copy
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert main(["doctor", "--json", "--model", str(copy)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {entry["file"]: entry["state"] for entry in told["files"]}[file.name] == "damaged or changed"
    assert all(row["verdict"] == "refuse" for row in told["providers"])
    assert "sha256 is not the card's" in told["providers"][0]["reason"]


def test_it_makes_auto_look_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("providers", {"old": 1}, {"provider": "cpu"})
    monkeypatch.setattr(doctor, "_answers", lambda _: {"reason": "not tried"})
    doctor.examine()
    assert cache.read("providers", {"old": 1}) is None


def test_a_slower_provider_is_refused_and_a_crash_is_a_reason() -> None:
    row = {"provider": "cuda", "latency_ms": 30.0, "reason": None}
    doctor._judge(row, 20.0)
    assert (row["verdict"], row["reason"]) == ("refuse", "slower than the CPU (30.0 ms a picture, CPU 20.0 ms)")
    row = {"provider": "cuda", "latency_ms": 5.0, "reason": None}
    doctor._judge(row, 20.0)
    assert (row["verdict"], row["reason"]) == ("use", None)


def test_a_process_that_dies_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(
        "import os, sys\nprint('{\"loads\": true}', flush=True)\nsys.stderr.write('MPSGraph abort')\n"
        "sys.stderr.flush()\nos._exit(6)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Child("crashing", {}) as child:
        assert list(child) == [{"loads": True}]
    assert child.died == "its process ended with status 6 (MPSGraph abort)"


def test_a_process_that_complains_at_length_in_any_encoding_is_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(
        "import sys\nsys.stderr.buffer.write(b'x' * 200_000 + b'\\nC:\\\\Jos\\xe9')\nsys.stderr.flush()\n"
        "sys.stdout.buffer.write(b'd\\xe9marrage\\n')\nsys.stdout.flush()\n"
        "print('{chatter}\\n[1]\\n{}', flush=True)\nsys.exit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Child("noisy", {}) as child:
        assert list(child) == [{}]
    assert child.died == "its process ended with status 1 (C:\\Jos\ufffd)"
