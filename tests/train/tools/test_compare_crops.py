"""Ways of cropping, compared on val."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.tools.compare_crops import main


def test_crops_are_compared_on_val_of_any_layout(
    data: Path, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.tools.compare_crops.WAYS", {"2 x 64": (64, ((0.5, 0.5), (0, 0)), 640)})
    for folder in (data, data / "train"):
        assert main([str(run), "--data", str(folder), "--pictures", "4", "--conditions", "clean,hard"]) == 0
        rows = [row.strip("| ").split(" | ") for row in capsys.readouterr().out.splitlines()[2:]]
        assert [(row[1], row[2]) for row in rows] == [("1", "clean"), ("2", "clean"), ("1", "hard"), ("2", "hard")]
        assert all(0 <= float(row[3]) <= 1 for row in rows)
    assert main([str(run), "--conditions", "clean,foggy"]) == 2
    assert "'foggy' is not one of clean, web, hard" in capsys.readouterr().err
