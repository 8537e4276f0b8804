"""A scan that is killed, stopped or crashes: nothing is lost, and nothing is there twice."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import make_photo
from tests.runtime.scan.helpers import Many, start, stop_after, table, wait_for_parts

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@posix
def test_killed_three_times_no_row_is_lost_and_none_is_there_twice(many: Many, tiny: Path, tmp_path: Path) -> None:
    pictures, out = many(1000), tmp_path / "out"
    words = (pictures, "--out", out, "--model", tiny, "--part-rows", "40")
    for parts in (3, 8, 13):
        stop_after(start(*words), out, parts)
    kept = {path: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert 13 <= len(kept) < 25
    last = start(*words)
    said = last.communicate()[1]
    assert last.returncode == 1
    assert f"({40 * len(kept)} were done before)" in said
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # what was done was not done again
    rows = table(out)
    assert sorted(row["path"] for row in rows) == sorted(str(path) for path in pictures.rglob("*.jpg"))
    assert sum(row["status"] == "error" for row in rows) == 100
    assert not list(out.glob(".*"))


@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_politely_every_answer_is_kept(how: int, many: Many, tiny: Path, tmp_path: Path) -> None:
    pictures, out = many(600), tmp_path / "out"
    words = (pictures, "--out", out, "--model", tiny, "--part-rows", "100")
    process = start(*words)
    said = stop_after(process, out, 1, how)
    assert process.returncode == 130
    count = int(said.split("stopped after ")[1].split()[0])
    assert abs(len(table(out)) - count) <= 1
    assert start(*words).wait() == 1
    assert sorted(row["path"] for row in table(out)) == sorted(str(path) for path in pictures.rglob("*.jpg"))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_killed_it_leaves_no_process_behind(many: Many, tiny: Path, tmp_path: Path) -> None:
    process = start(many(2000), "--out", tmp_path / "out", "--model", tiny, "--part-rows", "20", "--jobs", "3")
    wait_for_parts(process, tmp_path / "out", 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 3
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(_runs(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if _runs(pid)]


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@posix
def test_a_picture_that_crashes_the_decoder_is_a_row(many: Many, tiny: Path, tmp_path: Path) -> None:
    pictures = many(60)
    for name in ("0/killer.jpg", "3/killer.jpg"):
        make_photo(99, 99).save(pictures / name)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os\nimport PIL.Image\nreal = PIL.Image.open\n"
        "def fake(source, *rest, **named):\n"
        "    image = real(source, *rest, **named)\n"
        "    if image.size == (99, 99):\n        os.abort()\n"
        "    return image\n"
        "PIL.Image.open = fake\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    process = start(pictures, "--out", tmp_path / "out", "--model", tiny, env={"PYTHONPATH": path})
    process.communicate()
    rows = {row["path"]: row["error"] for row in table(tmp_path / "out")}
    assert len(rows) == 62
    assert [name for name, error in rows.items() if error == "its decoder crashed"] == [
        str(pictures / "0/killer.jpg"), str(pictures / "3/killer.jpg"),
    ]  # fmt: skip


@posix
def test_killed_while_it_lists_it_can_go_on(many: Many, tiny: Path, tmp_path: Path) -> None:
    """Killed at any moment of the beginning, the same command goes on: nothing there is half written."""
    out = tmp_path / "out"
    words = (many(300), "--out", out, "--model", tiny, "--part-rows", "50")
    for name in ("list.parquet", "settings.json"):
        process, deadline = start(*words), time.monotonic() + 120
        while not (out / "_scan" / name).exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        process.kill()
        process.communicate()
        assert (out / "_scan" / name).exists()
    assert start(*words).wait() == 1
    assert len(table(out)) == 300
