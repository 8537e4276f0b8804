"""python -m benchmarks.scale: the figures are measured, and the page says what they are."""

import json
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

pytest.importorskip("psutil")

from benchmarks.scale import __main__ as program
from benchmarks.scale import archive, measure, page
from fauxto.errors import FauxtoError


def test_a_mixed_archive_is_what_it_says(tmp_path: Path) -> None:
    paths = archive.mixed(tmp_path / "mixed", 1100)
    assert len(set(paths)) == 1100
    assert {Path(path).parent.name for path in paths} == {"000", "001"}
    bad = []
    for path in paths[:100]:
        try:
            with Image.open(path) as image:
                image.load()
                assert 256 <= image.width <= 512
        except (UnidentifiedImageError, OSError):
            bad.append(path)
    assert len(bad) == 2


@pytest.mark.slow
def test_a_small_measurement_becomes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "KILLED_AFTER", (2.0,))
    effort = measure.Effort(turns=1, alike=2, released=(4, 2), tiny=(8, 4), growth=(20, 60), killed=60)
    monkeypatch.setattr(program, "QUICK", effort)
    for section in ("growth", "sizes", "killed"):  # Ray has tests of its own
        assert program.main(["--quick", "--only", section, "--output-dir", str(tmp_path)]) == 0
    found = {name: entry["found"] for name, entry in json.loads((tmp_path / "scale.json").read_text()).items()}
    text = (tmp_path / "scale.md").read_text()
    assert [one["pictures"] for one in found["growth"]] == [20, 60]
    assert found["killed"]["rows"] == found["killed"]["pictures"] == 60
    assert found["killed"]["missing"] == found["killed"]["twice"] == 0
    assert "Ray" not in text
    assert (tmp_path / "scale.png").stat().st_size > 1000
    for size in found["sizes"]:
        rate = page.both(size["one_cpu"])
        assert rate < min(size["one_cpu"].values())
        hours = page.PICTURES / rate / page.HOUR
        assert f"| {hours:,.0f} |" in text
        assert all(figure > 0 for figure in size["memory"].values())


def test_both_is_the_rate_of_one_after_the_other() -> None:
    assert page.both({"decode": 10.0, "infer": 2.5}) == pytest.approx(2.0)


def test_a_measurement_that_fails_is_one_line() -> None:
    with pytest.raises(FauxtoError, match=r"^the measurement 'decode' failed: .* status 1 \(.*max_workers"):
        measure._worker("decode", paths=[], jobs=0)
