"""What a race may say: ratios paired by round, beside their control, and no time of a disturbed row."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import figures, report
from benchmarks.figures import CONTROL, LEAST_ROUNDS, OURS, Race, Row, Scope
from fauxto import system
from fauxto.errors import FauxtoError

README = f"# Title\n\nbefore\n\n{report.BEGIN}\n\nold\n\n{report.END}\n\nafter\n"
FRONT = f"# Title\n\n{report.WORDS_BEGIN}\n\nold\n\n{report.WORDS_END}\n"


def row(peer: str, seconds: list[list[float]], scope: Scope = "model", name: str = "one crop") -> Row:
    return {
        "peer": peer, "scope": scope, "input": name, "crops": None if scope == "model" else "all", "difference": 0.0,
        "start_s": 1.0, "peak_memory_mb": 200.0, "wall_s": seconds, "cpu_s": seconds,
    }  # fmt: skip


def drawn(slower: float, rounds: int = 20, disturbed: bool = True, control: float = 1.0) -> Race:
    """A race of ours, its control, and one that is `slower` times as slow, on a machine that is `disturbed`."""
    rng = np.random.default_rng(0)
    disturbance = rng.uniform(1, 5, rounds) if disturbed else np.ones(rounds)

    def calls(factor: float) -> list[list[float]]:
        return [[0.01 * factor * load * grain for grain in rng.uniform(0.99, 1.01, 4)] for load in disturbance]

    rows = [row(OURS, calls(1)), row(CONTROL, calls(control)), row("abacus", calls(slower))]
    return {
        "schema": figures.SCHEMA, "machine": system.record() | {"load_after": [0.0, 0.0, 0.0]}, "packages": {},
        "busy": False, "rounds": rounds, "model": "fauxto-r18-v6", "files": {}, "crops_per_picture": 5, "rows": rows,
        "skipped": {"LiteRT": "No module named 'litert_torch'"},
    }  # fmt: skip


def test_a_ratio_is_made_within_a_round() -> None:
    base, other = row(OURS, [[1.0, 1.2, 1.1], [10.0, 10.0, 99.0]]), row("abacus", [[2.2], [25.0], [7.0]])
    assert figures.by_round(other, base, [0, 1, 2]) == pytest.approx([2.0, 2.5])  # the third round has no reference
    assert figures.by_round(other, base, [1]) == pytest.approx([2.5])
    assert figures.ratio(other, base, [0, 1, 2]) == figures.Ratio(2.25, 2.125, 2.375, 2)
    assert figures.ratio(other, base, []) is None


def test_the_quiet_half_of_the_rounds_counts_and_the_choice_favours_nobody() -> None:
    race, loud = drawn(2.0, rounds=40, disturbed=False), set(range(0, 40, 3))
    for own in race["rows"]:
        own["wall_s"] = [[s * 4 if i in loud else s for s in turn] for i, turn in enumerate(own["wall_s"])]
    lucky = race["rows"][0]["wall_s"]
    lucky[1] = [second / 1.02 for second in lucky[1]]  # one fast turn of one contender is no quiet round
    (cell,) = figures.cells(race)
    assert len(cell.rounds) == 20
    assert not loud & set(cell.rounds)
    ours, control, _ = (found for _, _, found in cell.rows)
    assert not ours["noisy"]
    assert ours["n"] == control["n"] == 80


@pytest.mark.parametrize(("control", "rounds", "noisy"), [(1.2, 20, True), (1.0, 20, False), (1.2, 9, False)])
def test_a_cell_whose_control_is_off_is_worth_more_rounds(control: float, rounds: int, noisy: bool) -> None:
    (cell,) = figures.cells(drawn(2.0, control=control, rounds=rounds))
    assert cell.is_noisy is noisy


def test_what_disturbs_everybody_is_not_in_the_ratio() -> None:
    (cell,) = figures.cells(drawn(2.0))
    assert cell.doubt is None
    assert [entry[0]["peer"] for entry in cell.rows][-1] == "abacus"
    _, ratio, found = cell.rows[-1]
    assert found["noisy"]
    assert ratio is not None
    assert ratio.median == pytest.approx(2, abs=0.02)
    assert 1.98 < ratio.low <= ratio.median <= ratio.high < 2.02
    assert cell.control is not None
    assert cell.control.median == pytest.approx(1, abs=0.02)


def test_times_are_those_of_quiet_rows_alone() -> None:
    disturbed, quiet = (report.as_markdown(drawn(2.0, disturbed=noise)) for noise in (True, False))
    assert "| abacus | 2.0" in disturbed
    assert "| abacus | 2.0" in quiet
    assert "p50 ms" not in disturbed
    assert "0 of 3 rows here" in disturbed
    assert "| p50 ms |" in quiet
    assert "| 20.0 |" in quiet
    assert "3 of 3 rows here" in quiet


@pytest.mark.parametrize(
    ("race", "reason"),
    [
        (drawn(2.0, control=1.2), "the control's ratio is 1.20"),
        (drawn(2.0, rounds=LEAST_ROUNDS - 1), "9 rounds, 10 are needed"),
        (drawn(2.0) | {"rows": drawn(2.0)["rows"][::2]}, "no control ran"),
    ],
)
def test_without_a_control_near_1_nothing_is_quoted(race: Race, reason: str) -> None:
    text = report.as_markdown(race)
    assert f"Not quoted: {reason}" in text
    assert "| abacus" not in text
    assert report.plot(race) is None


def test_the_files_and_the_readme_hold_the_figures(tmp_path: Path) -> None:
    race = drawn(2.0)
    paths = report.write(race, tmp_path)
    assert [path.suffix for path in paths] == [".json", ".md", ".png"]
    assert json.loads(paths[0].read_text()) == race
    assert race["machine"]["date"][:10] in paths[0].name
    assert "LiteRT was left out: No module named 'litert_torch'." in paths[1].read_text()
    (tmp_path / "bench-this-cpu.json").write_text('{"rows": []}')  # of fauxto bench, which writes there too
    readme, front = tmp_path / "README.md", tmp_path / "front.md"
    readme.write_text(README)
    front.write_text(FRONT)
    report.update_readme(report.newest(report.read_all(tmp_path)), readme, front)
    first = readme.read_text()
    assert first.startswith("# Title\n\nbefore\n")
    assert first.endswith("\n\nafter\n")
    assert "old" not in first
    assert "| abacus | 2.0" in first
    report.update_readme(report.newest(report.read_all(tmp_path)), readme, front)
    assert readme.read_text() == first
    for page in (front, readme):
        page.write_text("nothing")
        with pytest.raises(FauxtoError, match="is missing"):
            report.update_readme(race, readme, front)


def test_the_front_page_says_in_words_how_long_a_picture_takes() -> None:
    race = drawn(2.0)
    seconds = [[0.163, 0.161, 0.159]] * 20
    race["rows"] = [row(peer, seconds, "picture", "12 MP JPEG") for peer in (OURS, CONTROL)]
    lines = report.in_words(race).splitlines()
    assert [line for line in lines if line.startswith("-")] == ["- 12 MP JPEG: 0.2 s"]
    assert "`python -m benchmarks`" in lines[-1]


def test_the_readme_shows_the_newest_quiet_race_of_enough_rounds(tmp_path: Path) -> None:
    for date, busy, rounds in (("2026-01-02", False, 20), ("2026-01-01", False, 20), ("2026-01-03", True, 20),
                               ("2026-01-04", False, LEAST_ROUNDS - 1)):  # fmt: skip
        race = drawn(2.0, rounds)
        race["machine"]["date"], race["busy"] = date, busy
        report.write(race, tmp_path)
    assert report.newest(report.read_all(tmp_path))["machine"]["date"] == "2026-01-02"
    with pytest.raises(FauxtoError, match="run python -m benchmarks first"):
        report.newest([])


def test_results_of_another_schema_are_named(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"schema": 1}')
    with pytest.raises(FauxtoError, match=r"old\.json: schema 1 is not 2"):
        report.read_all(tmp_path)


def test_the_readme_s_tables_are_those_of_the_newest_results() -> None:
    text = (report.FOLDER / "README.md").read_text(encoding="utf-8")
    table = report.as_markdown(report.newest(report.read_all()), report.README_SCOPES)
    assert f"{report.BEGIN}\n\n{table}\n\n{report.END}" in text
    assert "noisy" not in table


def test_the_front_page_s_words_are_those_of_the_newest_results() -> None:
    text = (report.FOLDER.parent / "README.md").read_text(encoding="utf-8")
    words = report.in_words(report.newest(report.read_all()))
    assert f"{report.WORDS_BEGIN}\n\n{words}\n\n{report.WORDS_END}" in text
