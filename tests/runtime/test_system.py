"""The record of the machine: nothing is guessed, and asking for it costs no heavy import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fauxto import system


def test_the_record_names_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(system, "_read", lambda _: None)
    found = system.record()
    assert (found["gpu"], found["governor"], found["temperature_c"]) == (None, None, None)
    assert found["cpu_features"] == []
    assert 1 <= found["usable_cpus"] <= (found["cores"] or 1)
    assert {"fauxto", "python", "numpy", "pillow", "onnxruntime"} <= found["versions"].keys()


def test_a_processor_s_name_becomes_a_piece_of_a_file_name() -> None:
    assert system.slug("AMD EPYC (R) 9B14, 2x") == "amd-epyc-r-9b14-2x"
    intel = "Intel(R) Xeon(R) Processor (family 6, model 207)"
    assert system.slug(intel) == "intel-r-xeon-r-processor-family-6-model-207"


def test_a_brand_without_a_number_gets_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    told = "model\t\t: 2\nmodel name\t: AMD EPYC\ncpu family\t: 26\nflags\t\t: fma avx2 bmi\n"
    monkeypatch.setattr(system, "_read", lambda _: told)
    assert system.cpu() == "AMD EPYC (family 26, model 2)"
    assert system.cpu_features() == ["avx2", "fma"]


@pytest.mark.parametrize(("quota", "cpus"), [(None, 8), (1.5, 2), (0.2, 1), (64.0, 8)])
def test_a_quota_counts_as_cpus_rounded_up(quota: float | None, cpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(system, "cpu_quota", lambda: quota)
    assert system.usable_cpus() == cpus


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5), ("nonsense", None)]
)
def test_a_quota_is_read_from_the_cgroup(text: str, quota: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert system.cpu_quota() == quota


def test_its_peak_of_memory_is_this_process_s() -> None:
    held = bytearray(64 * 2**20)
    for page in range(0, len(held), 4096):
        held[page] = 1
    assert 64 < (system.peak_memory_mb() or 0) < 100_000


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, fauxto.system; print(sorted({'numpy', 'PIL', 'onnxruntime'} & sys.modules.keys()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
