"""A scan: every picture once, however it was stopped."""

import errno
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.model.model import Model
from fauxto.prediction import SCHEMA, Prediction
from fauxto.scan import Predictor, folder, run
from fauxto.scan.report import summarise
from fauxto.scan.table import ROWS
from tests.helpers import encode, make_photo
from tests.runtime.scan.helpers import Many, table, without_times

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_the_rows_are_the_records_of_the_command_line(detector: Detector, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, name in enumerate(("a.jpg", "b.png", "c.webp")):
        make_photo(300, 240, seed=i).save(pictures / name)
    (pictures / "d.jpg").write_bytes(b"")
    (pictures / "e.jpg").write_bytes(encode(make_photo(), "JPEG")[:2000])
    (pictures / "f.png").write_text("no picture")
    assert main(["scan", str(pictures), "--out", str(tmp_path / "out"), "--part-rows", "4"]) == 1
    rows = table(tmp_path / "out")
    assert [row["format"] for row in rows] == ["JPEG", "PNG", "WEBP", None, "JPEG", None]
    expected = [answer.to_dict() for answer in detector.predict_many(sorted(pictures.iterdir()))]
    told = ("declared", "declared_by", "signature", "elapsed_ms")
    for row, record in zip(rows, expected, strict=True):
        assert row["size"] == (Path(row["path"]).stat().st_size)
        assert abs(row["mtime"].timestamp() - Path(row["path"]).stat().st_mtime) < 1e-3
        assert {k: row[k] for k in record if k not in told} == {k: v for k, v in record.items() if k not in told}
    assert rows[0]["declared"] == "nothing"


def test_the_schema_is_the_record_and_the_file() -> None:
    assert ROWS.names == [*Prediction.__dataclass_fields__, "size", "format", "mtime"]
    kinds = {"int": "int32", "float": "double", "float | None": "double", "int | None": "int32"}
    for name, field in Prediction.__dataclass_fields__.items():
        assert str(ROWS.field(name).type) == kinds.get(str(field.type), "string")


def test_a_damaged_part_is_found_and_made_anew(
    many: Many, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(many(90)), "--out", str(tmp_path / "out"), "--model", str(tiny), "--part-rows", "30"]
    main(words)
    before, part = table(tmp_path / "out"), sorted((tmp_path / "out").glob("part-*"))[1]
    part.write_bytes(part.read_bytes()[:-9])
    capsys.readouterr()
    main(words)
    said = capsys.readouterr().err
    assert f"{part}: damaged" in said
    assert "30 pictures (60 were done before)" in said
    assert without_times(table(tmp_path / "out")) == without_times(before)


def test_any_changed_byte_is_found_or_changes_no_row(many: Many, tiny: Path, tmp_path: Path) -> None:
    main(["scan", str(many(20)), "--out", str(tmp_path / "out"), "--model", str(tiny)])
    scan = folder.Folder(tmp_path / "out")
    (part,) = scan.parts()
    path, random = scan.path / part.name, Random(0)
    data, rows, found = path.read_bytes(), pq.read_table(path), 0
    for place in random.sample(range(len(data)), 500):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :])
        if scan.is_whole(part):
            assert pq.read_table(path).equals(rows)
        else:
            found += 1
    assert found > 250


def test_another_model_point_or_source_is_refused(
    many: Many, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, out = str(many(5)), str(tmp_path / "out")
    words = ["scan", pictures, "--out", out, "--model", str(tiny)]
    main(words)
    for more, reason in (
        (["--operating-point", "balanced"], 'a scan with operating point "fpr1" is there, not "balanced"'),
        (["--sample", "3"], "a scan with sample null is there, not 3"),
        ([str(tmp_path)], "a scan with sources"),
    ):
        assert main([*words[:2], *more, *words[2:]]) == 2
        assert reason in capsys.readouterr().err
    assert main(words[:4]) == 2
    assert f'a scan with model "tiny" is there, not "{Model.open().card.release}"' in capsys.readouterr().err
    assert main(["scan", "--out", out, "--model", str(tiny)]) == 0  # without a source it goes on with the old ones


def test_a_folder_in_use_or_without_a_scan_is_refused(many: Many, tiny: Path, tmp_path: Path) -> None:
    plan = run.Plan((str(many(3)),), tmp_path / "out", model=str(tiny))
    other = folder.Folder(tmp_path / "out")
    with other.hold(), pytest.raises(FauxtoError, match="another scan writes there"):
        run.scan(plan, run.Counter())
    with pytest.raises(FauxtoError, match="no scan there to go on with"):
        run.scan(run.Plan((), tmp_path / "new", model=str(tiny)), run.Counter())


@pytest.mark.parametrize(("parts", "fix"), [(0, "delete {own}, then run the same again"), (1, "scan into another")])
def test_settings_that_were_cut_off_are_named_with_the_fix(
    parts: int, fix: str, many: Many, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(many(3)), "--out", str(tmp_path / "out"), "--model", str(tiny)]
    main(words)
    own = tmp_path / "out" / "_scan"
    (own / "settings.json").write_text((own / "settings.json").read_text()[:40])
    if not parts:
        for part in (tmp_path / "out").glob("part-*"):
            part.unlink()
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"fauxto: {own / 'settings.json'}: damaged (")
    assert fix.format(own=own) in said
    assert said.count("\n") == 1


def test_the_folder_of_another_schema_is_refused_and_stays_as_it_is(
    many: Many, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(many(3)), "--out", str(tmp_path / "out"), "--model", str(tiny)]
    main(words)
    settings = tmp_path / "out" / "_scan" / "settings.json"
    kept = json.loads(settings.read_text())
    assert kept.pop("schema") == SCHEMA
    settings.write_text(json.dumps(kept))  # as fauxto 0.1 wrote it
    (part,) = (tmp_path / "out").glob("part-*")
    old = pq.read_table(part).drop_columns(["prior"])
    pq.write_table(old, part)
    reason = f"{tmp_path / 'out'}: a scan with rows of schema 1 is there, this fauxto reads and writes {SCHEMA} and "
    for line in (words, ["scan", *words[2:]]):
        capsys.readouterr()
        assert main(line) == 2
        assert reason in capsys.readouterr().err
    with pytest.raises(FauxtoError, match="rows of schema 1"):
        summarise(tmp_path / "out")
    assert pq.read_table(part).equals(old)


def test_a_prior_moves_p_and_no_verdict(many: Many, tiny: Path, tmp_path: Path) -> None:
    plan = run.Plan((str(many(3)),), tmp_path / "even", model=str(tiny))
    run.scan(plan, run.Counter())
    run.scan(replace(plan, out=tmp_path / "rare", prior=0.01), run.Counter())
    for even, rare in zip(table(tmp_path / "even"), table(tmp_path / "rare"), strict=True):
        assert (even["verdict"], even["logit"], even["prior"]) == (rare["verdict"], rare["logit"], 0.5)
        assert rare["prior"] == 0.01
        assert 0 < rare["p_ai"] < even["p_ai"] < 1
    with pytest.raises(FauxtoError, match=r"a scan with prior 0\.5 is there, not 0\.01"):
        run.scan(replace(plan, prior=0.01), run.Counter())


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")])
def test_a_damaged_list_is_named(damage: Callable[[Path], object], many: Many, tiny: Path, tmp_path: Path) -> None:
    plan = run.Plan((str(many(3)),), tmp_path / "out", model=str(tiny))
    run.scan(plan, run.Counter())
    damage(tmp_path / "out" / "_scan" / "list.parquet")
    with pytest.raises(FauxtoError, match=r"list\.parquet: damaged .*; scan into another folder"):
        run.scan(plan, run.Counter())


def test_a_full_disk_stops_at_once_and_keeps_what_is_saved(
    many: Many, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(many(50)), "--out", str(tmp_path / "out"), "--model", str(tiny), "--part-rows", "10"]
    real, calls = folder.table.write, []

    def write(*args: object) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args)

    monkeypatch.setattr(folder.table, "write", write)
    assert main(words) == 2
    assert "out: cannot be written (No space left on device); make room" in capsys.readouterr().err
    assert len(calls) == 3
    assert len(table(tmp_path / "out")) == 20
    main(words)
    assert len(table(tmp_path / "out")) == 50


def test_an_unwritable_folder_is_named(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["scan", str(tmp_path), "--out", str(tmp_path / "file" / "out"), "--model", str(tiny)]) == 2
    assert f"{tmp_path / 'file' / 'out'}: cannot be written (" in capsys.readouterr().err
    assert main(["scan", str(tmp_path), "--out", str(tmp_path / "file"), "--model", str(tiny)]) == 2
    assert f"{tmp_path / 'file'}: is a file; --out needs a folder" in capsys.readouterr().err


def test_without_an_extra_one_line_says_so(
    many: Many, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["scan", str(many(1)), "--out", str(tmp_path / "out"), "--model", str(tiny), "--engine", "ray"]) == 2
    assert '--engine ray needs more packages: pip install "fauxto[ray]"' in capsys.readouterr().err
    for name in [name for name in sys.modules if name.startswith("fauxto.scan")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["scan", "x", "--out", "y"]) == 2
    assert capsys.readouterr().err == 'fauxto: scan needs more packages: pip install "fauxto[scan]"\n'


def test_a_predictor_answers_tables(many: Many, tiny: Path) -> None:
    import pyarrow as pa

    paths = [str(path) for path in sorted(many(12).rglob("*.jpg"))]
    answers = Predictor(tiny)(pa.table({"path": paths}))
    assert answers.schema.equals(ROWS)
    assert answers.column("path").to_pylist() == paths
    assert answers.column("status").to_pylist().count("error") == 1


@given(st.sets(st.integers(1, 400)), st.integers(1, 50))
def test_what_is_left_is_what_no_part_has(edges: set[int], size: int) -> None:
    class Kept(folder.Folder):
        def __init__(self) -> None:
            self.edges = [0, *sorted(edges)]

        def parts(self) -> list[folder.Part]:  # every second piece between the edges
            return [folder.Part(*pair) for pair in zip(self.edges[::2], self.edges[1::2], strict=False)]

        def count(self) -> int:
            return 500

    left = Kept().to_do(size)
    everything = [*left, *Kept().parts()]
    assert sorted(i for part in everything for i in range(part.start, part.stop)) == list(range(500))
    assert all(0 < part.stop - part.start <= size for part in left)
