"""Files are written whole or not at all, and folders are walked once, wherever links lead."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from fauxto.files import files_in, images_in, is_image, new_folder, replacing

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def found(folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in images_in(folder)]


@pytest.mark.parametrize("sync", [False, True])
def test_a_new_file_takes_the_old_ones_place(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path, sync=sync) as file:
        file.write("né")
        assert path.read_text() == "old"
    assert path.read_bytes() == "né".encode()
    assert names(tmp_path) == ["a.txt"]


def test_bytes_and_options_of_open_are_taken(tmp_path: Path) -> None:
    with replacing(tmp_path / "a", "wb") as file:
        file.write(b"\0\xff")
    with replacing(tmp_path / "b", encoding="latin-1", newline="\r\n") as file:
        file.write("é\n")
    assert (tmp_path / "a").read_bytes() == b"\0\xff"
    assert (tmp_path / "b").read_bytes() == b"\xe9\r\n"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_stops_the_writing_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as file:
            file.write("half of the ne")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(PermissionError), replacing(tmp_path / "a.txt") as file:
        file.write("new")
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_or_is_in_the_way_is_an_os_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "a.txt", tmp_path):
        with pytest.raises(OSError), replacing(path) as file:  # noqa: PT011
            file.write("new")
    assert names(tmp_path) == []


def test_the_longest_name_that_a_file_may_have_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    with replacing(path) as file:
        file.write("new")
    assert names(tmp_path) == [path.name]


def test_two_threads_do_not_write_over_each_other(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=20)

    def write(text: str) -> None:
        with replacing(tmp_path / "a.txt") as file:
            both.wait()
            file.write(text * 1000)

    threads = [threading.Thread(target=write, args=(text,)) for text in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a.txt").read_text() in ("a" * 1000, "b" * 1000)
    assert names(tmp_path) == ["a.txt"]


@needs_links
def test_a_link_stays_and_its_file_is_replaced_with_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    path = tmp_path / "kept" / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    (tmp_path / "link.txt").symlink_to(path)
    with replacing(tmp_path / "link.txt") as file:
        file.write("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name there")
def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with replacing(pipe) as file:
        file.write("new")
    reader.join(20)
    assert read == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="it is no file there")
def test_the_null_device_is_written_and_not_replaced() -> None:
    before = os.stat(os.devnull)
    with replacing(os.devnull) as file:
        file.write("gone")
    after = os.stat(os.devnull)
    assert (stat.S_IFMT(after.st_mode), after.st_ino) == (stat.S_IFMT(before.st_mode), before.st_ino)


def test_a_folder_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a" / "b") as folder:
        (folder / "1.txt").write_text("1")
        assert not (tmp_path / "a" / "b").exists()
    assert names(tmp_path / "a") == ["b"]
    assert names(tmp_path / "a" / "b") == ["1.txt"]


def test_a_folder_that_fails_leaves_nothing_and_a_used_one_is_kept(tmp_path: Path) -> None:
    def fill(path: Path, error: Exception | None = None) -> None:
        with new_folder(path) as folder:
            (folder / "1.txt").write_text("1")
            if error:
                raise error

    with pytest.raises(ValueError, match="half way"):
        fill(tmp_path / "a", ValueError("half way"))
    assert names(tmp_path) == []
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "own.txt").touch()
    with pytest.raises(OSError):  # noqa: PT011
        fill(tmp_path / "used")
    assert names(tmp_path) == ["used"]
    assert names(tmp_path / "used") == ["own.txt"]
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty")
    assert names(tmp_path / "empty") == ["1.txt"]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.jpg", True),
        ("a.JPEG", True),
        ("DSC0001.HIF", True),
        ("a.heic", True),
        ("a.tiff", True),
        ("a.b.webp", True),
        ("folder/a.avif", True),
        ("._a.jpg", False),
        ("folder/._a.jpg", False),
        ("a.txt", False),
        ("jpg", False),
        (".jpg", False),
        ("a.jpg.part", False),
    ],
)
def test_a_picture_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert is_image(name) is is_one


def test_a_folder_is_walked_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "a/9.HIF", "a/10.png", "z.jpg", "a/notes.txt", "a/._9.HIF", "c/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path) == ["z.jpg", "a/10.png", "a/9.HIF", "b/2.jpg"]
    assert found(tmp_path / "c") == []
    every = [Path(path).relative_to(tmp_path).as_posix() for path in files_in(tmp_path)]
    assert every == ["z.jpg", "a/._9.HIF", "a/10.png", "a/9.HIF", "a/notes.txt", "b/2.jpg", "c/.DS_Store"]


@needs_links
def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    album, top = tmp_path / "album", tmp_path / "top"
    (album / "inner").mkdir(parents=True)
    (album / "inner" / "1.jpg").touch()
    top.mkdir()
    (top / "0.jpg").touch()
    (top / "linked").symlink_to(album)
    (top / "linked again").symlink_to(album)
    (album / "inner" / "up").symlink_to(top)
    (album / "inner" / "self").symlink_to(album / "inner")
    (top / "nowhere").symlink_to(tmp_path / "nothing")
    assert found(top) == ["0.jpg", "linked/inner/1.jpg"]
    (tmp_path / "start").symlink_to(top)
    assert found(tmp_path / "start") == ["0.jpg", "linked/inner/1.jpg"]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "locked").mkdir()
    (tmp_path / "open" / "1.jpg").touch()
    scandir = os.scandir

    def refuse(path: str | int) -> object:
        if isinstance(path, str) and os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)  # root may list everything, so the refusal is made
    told: list[OSError] = []
    assert [os.path.basename(path) for path in images_in(tmp_path, told.append)] == ["1.jpg"]
    assert [os.path.basename(str(error.filename)) for error in told] == ["locked"]
    told.clear()
    assert list(images_in(tmp_path / "nothing", told.append)) == []
    assert isinstance(told[0], FileNotFoundError)
