"""Writing files and folders whole or not at all, and walking folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

SUFFIXES = frozenset(
    ".avif .bmp .gif .heic .heif .hif .jfif .jpe .jpeg .jpg .mpo .png .tif .tiff .webp".split()  # noqa: SIM905
)
"""File names that a search through a folder picks up. A file named outright is always tried."""


@contextmanager
def replacing(
    path: str | os.PathLike[str],
    mode: str = "w",
    *,
    sync: bool = False,
    keep: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Iterator[IO[Any]]:
    """A new file beside `path`, which takes its place when the block ends without an exception and is gone otherwise.

    A link stays a link: the file that it leads to is replaced. What is no file (a pipe, /dev/null) is written as it is.

    Args:
        path: what to write; whatever it held stays until then, and its permissions stay.
        mode: "w" or "wb".
        sync: also wait until the disk has it.
        keep: where to leave what was written if the block ends with an exception.
        options: as `open` takes them; text is UTF-8 unless they say otherwise.

    Raises:
        OSError: it cannot be written.
    """
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open(mode, **options) as file:
            yield file
        return
    # Not named after the target, whose name may be as long as a name can be; random, as machines may share a folder.
    beside = target.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with beside.open(mode, **options) as file:
            with suppress(OSError):  # before anything is in it: a private file stays private
                os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        if keep is not None and beside.exists() and beside.stat().st_size:
            os.replace(beside, keep)
        else:
            beside.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder beside `path`, which becomes it when the block ends without an exception and is gone otherwise.

    Raises:
        OSError: it cannot be written, or `path` is there by then and is more than an empty folder.
    """
    import tempfile  # takes time to load, and seldom used

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as place:
        folder = Path(place, target.name)
        folder.mkdir()
        yield folder
        if target.exists():
            target.rmdir()
        os.replace(folder, target)


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image. macOS's companions ("._photo.jpg") are none."""
    return os.path.splitext(name)[1].lower() in SUFFIXES and not os.path.basename(name).startswith("._")


def images_in(folder: str | os.PathLike[str], on_error: Callable[[OSError], object] | None = None) -> Iterator[str]:
    """Paths of the images below `folder`, as `files_in` finds them."""
    return (path for path in files_in(folder, on_error) if is_image(path))


def files_in(folder: str | os.PathLike[str], on_error: Callable[[OSError], object] | None = None) -> Iterator[str]:
    """Paths of the files below `folder`, found while they are asked for, in a fixed order.

    Folders behind symbolic links are walked once each, however many links lead there; loops end. `on_error` is told
    of each folder that cannot be listed.
    """
    seen: set[tuple[int, int]] = set()

    def is_new(path: str) -> bool:
        try:
            state = os.stat(path)
        except OSError:
            return True  # listing it says what is wrong
        key = (state.st_dev, state.st_ino)
        return key == (0, 0) or not (key in seen or seen.add(key))  # type: ignore[func-returns-value]

    is_new(os.fspath(folder))
    for place, folders, files in os.walk(folder, onerror=on_error, followlinks=True):
        folders[:] = [name for name in sorted(folders) if is_new(os.path.join(place, name))]
        yield from (os.path.join(place, name) for name in sorted(files))
