"""What strangers write into tars, lists and results: it is listed, and never opened by its name."""

import io
import os
import tarfile
import threading
from pathlib import Path

import pytest

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.scan import sources, stores
from fauxto.scan.folder import Folder
from fauxto.scan.rows import Decoders
from fauxto.scan.sources import find, named
from tests.helpers import EXAMPLES, encode, make_photo
from tests.runtime.scan.helpers import table

FACE = (EXAMPLES / "ai-face-7.jpg").read_bytes()
CHAINS = (
    "a.jpg::reference://in.tar::tar://refs.jpg",
    "a.jpg::http://192.0.2.1/x.jpg",
    "simplecache::http://192.0.2.1/x.jpg",
)


@pytest.fixture(autouse=True)
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would open a store fails the test."""
    monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: pytest.fail("a store was opened"))
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda *_, **__: pytest.fail("a URL was taken apart by fsspec"))


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(data), kind, link
    tar.addfile(member, io.BytesIO(data))


def test_a_member_named_as_a_chain_is_a_picture_like_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for name in CHAINS:
            add(tar, name if name.endswith(".jpg") else f"{name}.jpg", FACE)
    out, page = tmp_path / "out", tmp_path / "page.html"
    assert main(["scan", str(tmp_path / "in.tar"), "--out", str(out)]) == 0
    assert [row["status"] for row in table(out)] == ["ok"] * len(CHAINS)
    assert main(["report", str(out), "--html", str(page)]) == 0
    assert page.read_text().count("data:image/jpeg") == len(CHAINS)  # by file, offset and size
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["reference://in.jpg::refs.json", "simplecache::https://192.0.2.1/x.jpg", "zip://a.jpg::b.zip"]
)
def test_a_line_that_names_no_plain_store_is_an_error_row(line: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(line + "\n")
    assert main(["scan", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out")]) == 1
    (row,) = table(tmp_path / "out")
    assert row["status"] == "error"
    assert "no store that fauxto reads" in row["error"]


def test_results_that_somebody_else_wrote_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(FACE)
    out = tmp_path / "out"
    assert main(["scan", str(tmp_path / "a.jpg"), "--out", str(out)]) == 0
    monkeypatch.setattr(Folder, "items", lambda *_: iter([named("https://192.0.2.1/a.jpg")]))
    assert main(["report", str(out), "--html", str(tmp_path / "page.html")]) == 0
    assert "data:image/jpeg" not in (tmp_path / "page.html").read_text()


def test_every_kind_of_member_has_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "a.jpg", FACE)
        add(tar, "._a.jpg", b"finder")
        add(tar, "hard.jpg", kind=tarfile.LNKTYPE, link="a.jpg")
        add(tar, "nowhere.jpg", kind=tarfile.LNKTYPE, link="b.jpg")
        add(tar, "soft.jpg", kind=tarfile.SYMTYPE, link="a.jpg")
        add(tar, "pipe.jpg", kind=tarfile.FIFOTYPE)
        add(tar, "folder.jpg", kind=tarfile.DIRTYPE)
    items = {item.path.split("::")[0].removeprefix("tar://"): item for item in find([str(path)])}
    assert sources.fetch(items.pop("a.jpg")) == sources.fetch(items.pop("hard.jpg")) == FACE
    assert {name: item.error for name, item in items.items()} == {
        "nowhere.jpg": "is a link to nothing in a tar; unpack it first",
        "soft.jpg": "is a symbolic link in a tar; unpack it first",
        "pipe.jpg": "is no file in a tar; unpack it first",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_picture_that_does_not_come_in_time_is_a_row(detector: Detector, tmp_path: Path) -> None:
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes(encode(make_photo(300, 300), "PNG"))
    os.mkfifo(tmp_path / "b.png")
    done = threading.Event()
    silent = threading.Thread(target=lambda: (os.open(tmp_path / "b.png", os.O_WRONLY), done.wait(60)))
    silent.start()
    items = [named(str(tmp_path / f"{name}.png")) for name in "abc"]
    rows = list(Decoders(1, detector.card.preprocessing, seconds=4).rows(detector, items))
    done.set()
    assert [row["error"] for row in rows] == [None, "not decoded within 4 seconds", None]


def test_a_local_address_with_colons_stays_a_path() -> None:
    assert not stores.is_remote("holiday::2.jpg")
