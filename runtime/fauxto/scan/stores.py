"""Fsspec's stores, which are opened by URL and do not always answer at once."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from fauxto.errors import FauxtoError

PROTOCOLS = frozenset(
    "abfs abfss adl az file gcs gs hdfs hf http https local memory oss s3 s3a sftp smb ssh webhdfs".split()  # noqa: SIM905
)
"""What a URL may begin with: plain stores of files. Fsspec has more (reference, simplecache, zip, ...), which read
addresses and templates out of files, and so would do what a stranger's picture says."""

TRIES, PAUSE = 4, 0.5  # of a store that does not answer; seconds before the second try, doubled each time

T = TypeVar("T")


class StoreError(FauxtoError):
    """A store that did not answer, however often it was asked."""


def is_remote(name: str) -> bool:
    """Whether fsspec is to open it."""
    return "://" in name


def patiently(name: str, work: Callable[[], T]) -> T:
    """`work` on a store, tried again for as long as the store itself is what fails. A local file is tried once."""
    for turn in range(TRIES):
        try:
            return work()
        except Exception as error:  # each store has its own kinds
            if not is_remote(name) or isinstance(error, FauxtoError):
                raise
            if answer := _answer(error):
                raise answer from None  # it will be the same again
            if turn == TRIES - 1:
                told = " ".join(str(error).split()) or type(error).__name__
                raise StoreError(f"{name}: no answer after {TRIES} tries ({told})") from None
            time.sleep(PAUSE * 2**turn)
    raise AssertionError


def _answer(error: BaseException) -> OSError | None:
    """What a store says of the one file that was asked for; None where it is the store itself that failed."""
    while error.__cause__ is not None:  # fsspec calls a server that is not there a file that is not there
        error = error.__cause__
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return error
    if isinstance(error, OSError) and error.errno == errno.EPROTONOSUPPORT:
        return error
    status = getattr(error, "status", None)  # of HTTP
    if status in (404, 410):
        return FileNotFoundError(errno.ENOENT, "not found")
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):  # too slow, too many
        return PermissionError(errno.EACCES, f"HTTP status {status}")
    return None


def open_file(name: str) -> BinaryIO:
    """A local file or one of a store, to read; raises as `store_of` does, and what opening it does."""
    if not is_remote(name):
        return open(name, "rb")
    store, path = store_of(name)
    opened: BinaryIO = store.open(path, "rb")
    return opened


def store_of(url: str) -> tuple[Any, str]:
    """Fsspec's file system for a URL, and the path in it. A chain ("a::b") is no more than an odd file name here.

    Raises:
        FauxtoError: a package is missing, which stops a scan: with it the picture could be read.
        OSError: the protocol is none of PROTOCOLS, which is this URL's own fault.
    """
    import fsspec

    protocol = url.partition("://")[0].lower()
    if protocol not in PROTOCOLS:
        raise OSError(errno.EPROTONOSUPPORT, f"{protocol}:// is no store that fauxto reads")
    try:
        kind = fsspec.get_filesystem_class(protocol)
        store = fsspec.filesystem(protocol, **kind._get_kwargs_from_urls(url))
    except ImportError as error:  # fsspec's words: which package to install
        raise FauxtoError(f"{url}: {error}") from None
    except ValueError as error:
        raise OSError(errno.EPROTONOSUPPORT, str(error)) from None
    return store, kind._strip_protocol(url)
