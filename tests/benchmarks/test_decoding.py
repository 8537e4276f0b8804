"""python -m benchmarks.decoding: what libjpeg's own scaling would change, on a folder of large pictures."""

import json
from pathlib import Path

import pytest

from benchmarks import decoding
from fauxto.bench.images import picture, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photograph that is large enough, one that is not, and a small AI picture."""
    for name, size, kind in (("real/large.jpg", (3000, 2600), "JPEG"), ("real/small.jpg", (900, 700), "JPEG"),
                             ("ai/small.png", (600, 500), "PNG")):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        save(picture(*size), path, kind)
    return tmp_path


def test_both_ways_of_decoding_are_compared_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = folder / "rows.jsonl"
    assert decoding.main([str(folder), "--rows", str(kept)]) == 0
    printed = capsys.readouterr().out
    rows = [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
    assert [(row["path"], row["is_ai"]) for row in rows] == [("real/large.jpg", False), ("ai/small.png", True)]
    assert [row["megapixels"] for row in rows] == [7.8, 12.0]
    for row in rows:
        mean, largest = row["grey"]
        assert 0 < mean < 1
        assert largest < 64
        assert 0 < abs(row["logits"][0] - row["logits"][1]) < 0.5
    assert "| photographs | 1 |" in printed
    assert "Verdicts that change, of 2: " in printed
    assert decoding.main([str(folder), "--rows", str(kept)]) == 0
    assert capsys.readouterr().out == printed
    assert len(kept.read_text("utf-8").splitlines()) == 2  # none was done again


def test_without_large_pictures_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decoding.main([str(tmp_path)]) == 2
    assert "no large pictures of one of the classes" in capsys.readouterr().err
