"""Device and precision: named, timed, and the same for all processes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from tests.helpers import ROOT, SMALL_RUN
from train import device
from train.errors import TrainError


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (torch.backends.mps, torch.cuda):
        monkeypatch.setattr(module, "is_available", lambda: False)
    assert device.choose_device("auto") == device.choose_device("cpu") == "cpu"
    with pytest.raises(TrainError, match="--device cuda: not usable here; try --device auto"):
        device.choose_device("cuda")


def test_both_precisions_are_timed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = device.faster_precision("cpu", batch=2, crop=32)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "timing 3 steps in fp32 and in bf16 on cpu, to choose the faster"
    seconds = {name: float(value) for name, value in (part.split()[:2] for part in second.split(", "))}
    assert set(seconds) == {"fp32", "bf16"}
    assert seconds[chosen] == min(seconds.values())


def test_a_device_without_bf16_takes_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    autocast = torch.autocast

    def refuse(kind: str, dtype: torch.dtype, enabled: bool) -> torch.autocast:
        if enabled:
            raise RuntimeError("no bf16 here")
        return autocast(kind, dtype, enabled=enabled)

    monkeypatch.setattr(torch, "autocast", refuse)
    assert device.faster_precision("cpu", batch=2, crop=32) == "fp32"


def test_a_named_precision_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "faster_precision", lambda *_: pytest.fail("timed"))
    assert device.choose_precision("bf16", "cpu", 8, 64) == "bf16"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_train_in_the_precision_of_the_first(data: Path, tmp_path: Path) -> None:
    words = [word if word != "fp32" else "auto" for word in SMALL_RUN]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = [str(Path(__file__).with_name("two_processes.py")), str(data), "--out", str(tmp_path / "run"), *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "runtime"), str(ROOT)))}
    answer = subprocess.run(
        [*launch, *script], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stderr
    told = sorted(line for line in answer.stdout.splitlines() if line.startswith("process"))
    assert told == ["process 0 of 2: no", "process 1 of 2: no"]
    stored = torch.load(tmp_path / "run" / "model.pt", weights_only=True)["config"]
    assert stored == tomllib.loads((tmp_path / "run" / "config.toml").read_text("utf-8"))
    assert stored["precision"] == "fp32"
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3
