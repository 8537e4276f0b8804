"""What can be scanned, and what is wrong with it."""

import functools
import http.server
import io
import re
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto.cli import main
from fauxto.errors import FauxtoError
from fauxto.scan import stores
from fauxto.scan.sources import Item, find, sample
from tests.helpers import encode, make_photo
from tests.runtime.scan.helpers import Many, table, without_times

JPEG = encode(make_photo(64, 48), "JPEG")


def shard(path: Path, count: int = 4) -> Path:
    """A WebDataset shard: key.jpg beside key.json."""
    with tarfile.open(path, "w") as tar:
        for i in range(count):
            for suffix, data in (("jpg", JPEG), ("json", b"{}")):
                member = tarfile.TarInfo(f"{i:04}.{suffix}")
                member.size, member.mtime = len(data), 1_700_000_000
                tar.addfile(member, io.BytesIO(data))
    return path


def test_folders_globs_lists_and_files(tmp_path: Path) -> None:
    for name in ("a/x.jpg", "a/b/y.PNG", "a/notes.md", "z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/z.jpg\n\n{tmp_path}/gone.jpg\r\n")

    def names(source: str) -> list[str]:
        return [str(Path(item.path).relative_to(tmp_path)) for item in find([str(tmp_path / source)])]

    assert names("a") == ["a/x.jpg", "a/b/y.PNG"]
    assert names("*/*.jpg") == ["a/x.jpg"]
    assert names("**/*.jpg") == ["a/x.jpg", "z.jpg"]
    assert names("list.txt") == ["z.jpg", "gone.jpg"]
    assert names("a/notes.md") == ["a/notes.md"]  # named outright: tried
    assert names("a/*") == ["a/b/y.PNG", "a/notes.md", "a/x.jpg"]
    assert names("a/**") == ["a/x.jpg", "a/b/y.PNG", "a/notes.md"]  # each once
    assert names("**/b") == names("**/b/") == ["a/b/y.PNG"]
    assert names("*.txt") == ["z.jpg", "gone.jpg"]
    (tmp_path / "a" / "b" / "about.txt").write_text("z.jpg")
    assert names("a/b/*") == ["a/b/about.txt", "a/b/y.PNG"]  # a note is no list
    (tmp_path / "list.txt").write_text(f"{tmp_path}/z.jpg\r\n", encoding="utf-8-sig")
    assert names("list.txt") == ["z.jpg"]
    (tmp_path / "list.txt").write_text(f"{tmp_path}/z.jpg\r\n", encoding="utf-16")
    with pytest.raises(FauxtoError, match=r"list\.txt: is no text in UTF-8"):
        names("list.txt")
    nothing = list(find([str(tmp_path / "*.gif")]))
    assert [item.error for item in nothing] == ["no file of that pattern"]
    with pytest.raises(FauxtoError, match=r"no\.txt: cannot be read"):
        list(find([str(tmp_path / "no.txt")]))


def test_folders_that_a_pattern_finds_in_a_store_are_searched() -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    for name in ("x.jpg", "notes.txt", "b/y.jpg", "b/notes.md"):
        store.pipe(f"/found/{name}", JPEG)

    def names(source: str) -> list[str]:
        return [item.path.rpartition("found/")[2] for item in find([f"memory://found/{source}"])]

    assert names("*") == ["b/y.jpg", "notes.txt", "x.jpg"]
    assert names("**") == ["b/notes.md", "b/y.jpg", "notes.txt", "x.jpg"]
    assert names("**/b") == ["b/y.jpg"]


def test_a_time_that_no_calendar_holds_is_left_out(tiny: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.tar", "w") as tar:
        member = tarfile.TarInfo("0.jpg")
        member.size, member.mtime = len(JPEG), 300_000_000_000
        tar.addfile(member, io.BytesIO(JPEG))
    assert main(["scan", str(tmp_path / "old.tar"), "--out", str(tmp_path / "out"), "--model", str(tiny)]) == 0
    assert [(row["status"], row["mtime"]) for row in table(tmp_path / "out")] == [("ok", None)]


def test_a_name_that_is_no_text_is_read_all_the_same(tiny: Path, tmp_path: Path) -> None:
    try:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "f\udcff.jpg").write_bytes(JPEG)
    except (OSError, UnicodeError):
        pytest.skip("no such names on this file system")
    assert main(["scan", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model", str(tiny)]) == 0
    assert [Path(row["path"]).name for row in table(tmp_path / "out")] == ["f\\xff.jpg"]


def test_a_shard_gives_its_pictures_and_their_names_open_with_fsspec(tiny: Path, tmp_path: Path) -> None:
    import fsspec

    tar = shard(tmp_path / "shard.tar")
    assert main(["scan", str(tar), "--out", str(tmp_path / "out"), "--model", str(tiny)]) == 0
    rows = table(tmp_path / "out")
    assert [row["path"] for row in rows] == [f"tar://000{i}.jpg::{tar}" for i in range(4)]
    assert {row["size"] for row in rows} == {len(JPEG)}
    assert {row["mtime"].timestamp() for row in rows} == {1_700_000_000}
    with fsspec.open(rows[2]["path"]) as file:
        assert file.read() == JPEG


def test_a_damaged_shard_gives_what_it_has_and_an_error(tiny: Path, tmp_path: Path) -> None:
    whole = shard(tmp_path / "whole.tar", 10)
    cut = tmp_path / "cut.tar"
    with tarfile.open(whole) as tar:
        inside = tar.getmembers()[6].offset_data + 100
    cut.write_bytes(whole.read_bytes()[:inside])
    zipped = tmp_path / "shard.tar.gz"
    zipped.write_bytes(b"")
    main(["scan", str(cut), str(zipped), "--out", str(tmp_path / "out"), "--model", str(tiny)])
    rows = table(tmp_path / "out")
    assert rows[0]["status"] == "ok"
    assert [row["error"] for row in rows if row["path"] == str(cut)] == [
        "the tar cannot be read to its end (unexpected end of data)"
    ]
    assert "compressed tar" in rows[-1]["error"]


@given(st.sets(st.text("abc/", min_size=1)), st.integers(1, 20), st.randoms())
def test_a_sample_depends_on_the_names_alone(names: set[str], count: int, random: object) -> None:
    items = [Item(name, name) for name in sorted(names)]
    chosen = sample(items, count, seed=3)
    assert len(chosen) == min(count, len(items))
    random.shuffle(items)  # type: ignore[attr-defined]
    assert sample(items, count, seed=3) == chosen
    assert chosen == sorted(chosen)


def test_another_seed_is_another_sample() -> None:
    items = [Item(str(i), str(i)) for i in range(1000)]
    assert len({tuple(sample(items, 10, seed)) for seed in range(5)}) == 5


class Flaky(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the first two times that it is asked for flaky.jpg it fails."""

    failures = 0

    def do_GET(self) -> None:
        if self.path.endswith("flaky.jpg") and Flaky.failures < 2:
            Flaky.failures += 1
            self.send_error(503)
        elif self.path == "/secret.jpg":
            self.send_error(403)
        elif wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            data = Path(self.translate_path(self.path)).read_bytes()
            first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            self.wfile.write(data[first : last + 1])
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, http.server.ThreadingHTTPServer]]:
    pytest.importorskip("aiohttp")
    served = tmp_path / "served"
    served.mkdir()
    for name in ("a.jpg", "flaky.jpg", "b.jpg"):
        (served / name).write_bytes(JPEG)
    shard(served / "shard.tar", 2)
    handler = functools.partial(Flaky, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}", found
        found.shutdown()


def test_a_store_that_stumbles_is_asked_again(
    server: tuple[str, http.server.ThreadingHTTPServer], tiny: Path, tmp_path: Path
) -> None:
    url = server[0]
    names = [f"{url}/{name}" for name in ("a.jpg", "flaky.jpg", "gone.jpg", "secret.jpg", "shard.tar")]
    assert main(["scan", *names, "--out", str(tmp_path / "out"), "--model", str(tiny)]) == 1
    rows = table(tmp_path / "out")
    shards = [f"tar://0000.jpg::{url}/shard.tar", f"tar://0001.jpg::{url}/shard.tar"]
    assert [row["path"] for row in rows] == [*names[:4], *shards]
    refused = ["no such file; check the path", "no permission to read it"]
    assert [row["error"] for row in rows] == [None, None, *refused, None, None]
    assert Flaky.failures == 2


def test_a_store_that_is_gone_ends_the_scan_and_is_named(
    server: tuple[str, http.server.ThreadingHTTPServer],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = tmp_path / "good"
    good.mkdir()
    (good / "a.jpg").write_bytes(JPEG)
    words = [str(good), "http://127.0.0.1:9/b.jpg"]
    (tmp_path / "list.txt").write_text(f"{good}/a.jpg\n{words[1]}\n")
    line = ["scan", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out"), "--model", str(tiny)]
    assert main(line) == 2
    assert "http://127.0.0.1:9/b.jpg: no answer after 4 tries (" in capsys.readouterr().err
    assert [row["path"] for row in table(tmp_path / "out")] == [f"{good}/a.jpg"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(FauxtoError, match=r"s3://bucket/x: .*s3fs"):
        list(find(["s3://bucket/x"]))


def test_an_unknown_protocol_is_a_row_and_stops_nothing(many: Many, tiny: Path, tmp_path: Path) -> None:
    picture = many(1) / "0" / "0000.jpg"
    (tmp_path / "list.txt").write_text(f"htp://here/a.jpg\n{picture}\n")
    words = ["scan", "htps://here", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out"), "--model", str(tiny)]
    assert main(words) == 1
    first, second, third = table(tmp_path / "out")
    assert (first["path"], second["path"]) == ("htps://here", "htp://here/a.jpg")
    assert first["error"] == "cannot be read (htps:// is no store that fauxto reads)"
    assert second["error"] == "cannot be read (htp:// is no store that fauxto reads)"
    assert third["status"] == "ok"


def test_a_scan_goes_on_from_another_folder(
    many: Many, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shard(many(12).parent / "shard.tar")
    words = ["--out", str(tmp_path / "out"), "--model", str(tiny), "--part-rows", "2"]
    monkeypatch.chdir(tmp_path)
    main(["scan", "pictures", "shard.tar", *words])
    rows = table(tmp_path / "out")
    assert rows[0]["path"] == str(Path("pictures/0/0000.jpg"))  # named as it was asked for
    for part in ("part-000000002-000000004.parquet", "part-000000014-000000016.parquet"):
        (tmp_path / "out" / part).unlink()
    monkeypatch.chdir("/")
    main(["scan", *words])
    assert without_times(table(tmp_path / "out")) == without_times(rows)
    assert main(["scan", "pictures", "shard.tar", *words]) == 2  # the same words, another folder
    assert "a scan with sources" in capsys.readouterr().err


def test_patience_ends_at_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSE", 0)
    tries = []

    def refuse() -> None:
        tries.append(1)
        raise PermissionError(13, "Permission denied")

    with pytest.raises(PermissionError):
        stores.patiently("s3://bucket/x.jpg", refuse)
    assert len(tries) == 1
