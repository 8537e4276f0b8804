"""What the command line names -> items, one a picture: folders, globs, lists and tar shards, here or in a store."""

from __future__ import annotations

import glob
import heapq
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import PurePath, PurePosixPath
from typing import Any

from fauxto.errors import FauxtoError, ImageError
from fauxto.files import images_in, is_image
from fauxto.image.source import MAX_BYTES, explain_os_error, read_bytes, too_many_bytes
from fauxto.scan.stores import StoreError, is_remote, open_file, patiently, store_of


@dataclass(frozen=True, order=True)
class Item:
    """A picture to read.

    Attributes:
        path: its name in the results: a path, a URL, or for a member of a tar "tar://MEMBER::TAR", as fsspec opens it.
        file: the file to open: `path` made absolute, as a later run may begin elsewhere; for a member, its tar.
        offset: where in the file it begins, bytes; None: the file is the picture.
        size: bytes, where known.
        mtime: seconds since 1970, where known.
        error: why it cannot be read, where the listing knows already.
    """

    path: str
    file: str
    offset: int | None = None
    size: int | None = None
    mtime: float | None = None
    error: str | None = None

    @property
    def text(self) -> str:
        """`path` as text: what is no valid text in a file's name is escaped."""
        return self.path.encode(errors="surrogateescape").decode("utf-8", "backslashreplace")


def find(sources: Iterable[str]) -> Iterator[Item]:
    """All pictures, in the order of `sources`, each source in a fixed order. What cannot be listed is an item too.

    Raises:
        StoreError: a store does not answer.
        FauxtoError: a package that a store needs is missing, or a list of paths cannot be read.
    """
    for source in sources:
        yield from _remote(source) if is_remote(source) else _local(source)


def sample(items: Iterable[Item], count: int, seed: int = 0) -> list[Item]:
    """`count` of the items, the same for the same seed and paths in whatever order; in the order of their paths."""

    def draw(item: Item) -> bytes:
        return blake2b(f"{seed}:{item.path}".encode(errors="surrogateescape"), digest_size=16).digest()

    return sorted(heapq.nsmallest(count, items, key=draw))


def absolute(name: str) -> str:
    """A path that means the same in every working directory; a URL does already."""
    return name if is_remote(name) else os.path.abspath(name)


def fetch(item: Item) -> bytes:
    """The bytes of an item.

    Raises:
        ImageError: the file is not there, may not be read, is no file, or is too large.
        StoreError: its store does not answer.
    """
    if item.offset is None and not is_remote(item.file):
        return read_bytes(item.file)

    def whole() -> bytes:
        with open_file(item.file) as file:
            file.seek(item.offset or 0)
            return file.read(MAX_BYTES + 1 if item.size is None else min(item.size, MAX_BYTES + 1))

    try:
        data = patiently(item.file, whole)
    except OSError as error:
        raise ImageError(explain_os_error(error)) from None
    if len(data) > MAX_BYTES:
        raise ImageError(too_many_bytes())
    return data


def _local(source: str) -> Iterator[Item]:
    if os.path.isdir(source):
        failed: list[OSError] = []
        for path in images_in(source, failed.append):
            yield named(path)
        yield from (Item(str(e.filename), str(e.filename), error=f"cannot be listed ({e.strerror})") for e in failed)
    elif glob.has_magic(source) and not os.path.exists(source):
        found = sorted(glob.iglob(source, recursive=True))
        if not found:
            yield Item(source, source, error="no file of that pattern")
        folders = {os.path.normpath(path) for path in found if os.path.isdir(path)}
        for path in found:
            plain = os.path.normpath(path)
            if _is_inside(PurePath(plain), folders) and (is_image(plain) or plain in folders):
                continue  # found in its folder
            yield from [named(path)] if _is_note(path, source) else _local(path)
    elif source.endswith(".txt"):
        yield from _listed(source)
    elif _is_tar(source):
        yield from _members(source)
    else:
        yield named(source)


def _is_inside(path: PurePath, folders: Set[str]) -> bool:
    """Whether a path lies in one of the folders, however deep."""
    return bool(folders) and not folders.isdisjoint(map(str, path.parents))


def _is_note(name: str, pattern: str) -> bool:
    """Whether a text file that a pattern matched is no list: only a pattern of text files means lists."""
    return name.endswith(".txt") and not pattern.endswith(".txt")


def named(path: str) -> Item:
    """The picture at a path or URL."""
    if not is_remote(path):
        with suppress(OSError):  # reading it says why
            state = os.stat(path)
            return Item(path, absolute(path), size=state.st_size, mtime=state.st_mtime)
    return Item(path, absolute(path))


def _listed(source: str) -> Iterator[Item]:
    """The pictures, one path or URL a line, of a text file."""
    try:
        with open_file(source) as file:
            for line in io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape"):
                name = line.rstrip("\r\n")
                if "\0" in name:
                    raise FauxtoError(f"{source}: is no text in UTF-8; it must list a path a line")
                if name:
                    yield named(name)
    except OSError as error:
        raise FauxtoError(f"{source}: cannot be read ({error.strerror}); it must list a path a line") from None


def _is_tar(name: str) -> bool:
    return name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def _members(source: str) -> Iterator[Item]:
    """The pictures in a tar, by where they lie in it. One that is damaged ends with an item that says so."""
    if not source.endswith(".tar"):
        yield Item(source, source, error="a compressed tar cannot be read from the middle; unpack it to a .tar")
        return
    try:
        with open_file(source) as file, tarfile.open(fileobj=file, mode="r:") as shard:
            targets: dict[str, tuple[int, int]] | None = None
            for member in shard:
                shard.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                if member.isdir() or not is_image(member.name):
                    continue
                item = Item(f"tar://{member.name}::{source}", absolute(source), mtime=float(member.mtime))
                if member.islnk():
                    targets = _regular_members(source) if targets is None else targets
                    place = targets.get(member.linkname)
                else:
                    place = (member.offset_data, member.size) if member.isreg() and not member.issparse() else None
                if place:
                    yield replace(item, offset=place[0], size=place[1])
                else:
                    yield replace(item, error=f"{_kind(member)} in a tar; unpack it first")
    except (tarfile.TarError, OSError) as error:
        told = " ".join(str(getattr(error, "strerror", None) or error).split())
        if is_remote(source) and not isinstance(error, (tarfile.TarError, FileNotFoundError, PermissionError)):
            raise StoreError(f"{source}: it stopped answering ({told})") from None
        yield Item(source, source, error=f"the tar cannot be read to its end ({told})")


def _regular_members(source: str) -> dict[str, tuple[int, int]]:
    """Name -> (offset, size) of a tar's plain files: where its hard links lead. Read only for a tar that has some."""
    with open_file(source) as file, tarfile.open(fileobj=file, mode="r:") as shard:
        found = {}
        for member in shard:
            shard.members.clear()  # type: ignore[attr-defined]
            if member.isreg() and not member.issparse():
                found[member.name] = member.offset_data, member.size
        return found


def _kind(member: tarfile.TarInfo) -> str:
    if member.issparse():
        return "is a sparse file"
    return "is a link to nothing" if member.islnk() else "is a symbolic link" if member.issym() else "is no file"


def _remote(source: str) -> Iterator[Item]:
    try:
        store, path = store_of(source)
        if glob.has_magic(path):
            matched = patiently(source, lambda: store.glob(path, detail=True))
            found = {name: entry for name, entry in matched.items() if entry.get("type") != "directory"}
            folders = matched.keys() - found.keys()
            for folder in folders:
                if not _is_inside(PurePosixPath(folder), folders):
                    found |= _below(source, store, folder)
        elif not _is_tar(path) and patiently(source, lambda: store.isdir(path)):
            found = _below(source, store, path)
        else:
            yield from _stored(source, _info(source, store, path))
            return
    except OSError as error:
        yield Item(source, source, error=explain_os_error(error))
        return
    if not found:
        yield Item(source, source, error="no pictures there")
    for name, entry in sorted(found.items()):
        yield from _stored(store.unstrip_protocol(name), entry, _is_note(name, path))


def _below(source: str, store: Any, folder: str) -> dict[str, dict[str, Any]]:
    """The pictures below a folder of a store, and what it says of them."""
    every = patiently(source, lambda: store.find(folder, detail=True))
    return {name: entry for name, entry in every.items() if is_image(name)}


def _stored(url: str, entry: dict[str, Any], is_note: bool = False) -> Iterator[Item]:
    if url.endswith(".txt") and not is_note:
        yield from _listed(url)
    elif _is_tar(url):
        yield from _members(url)
    else:
        yield Item(url, url, size=entry.get("size"), mtime=_seconds(entry))


def _info(source: str, store: Any, path: str) -> dict[str, Any]:
    """What a store knows of a file; nothing of one that it does not give: reading it says why."""
    try:
        found: dict[str, Any] = patiently(source, lambda: store.info(path))
    except OSError:
        return {}
    return found


def _seconds(entry: dict[str, Any]) -> float | None:
    """A file's time: each store has its own name for it."""
    found = next((entry[name] for name in ("mtime", "LastModified", "last_modified", "updated", "created")
                  if entry.get(name) is not None), None)  # fmt: skip
    if isinstance(found, datetime):
        return found.timestamp()
    return float(found) if isinstance(found, (int, float)) else None
