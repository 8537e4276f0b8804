"""Whatever a caller passes as an image -> its bytes: read once, wholly, and never without an end."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from fauxto.errors import ImageError

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[np.uint8]

MAX_BYTES = 1 << 30
"""Largest file that is read, bytes."""

PIPE_SECONDS, IDLE_SECONDS = 2.0, 60.0
"""How long a pipe may have nobody who writes to it, and how long a writer may be silent."""

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFDIR: "is a folder, not a picture; fauxto -r searches folders",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
}


def path_of(source: Source) -> str | None:
    """The path that a source is named by, where it is one."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else None


def read_bytes(source: Source) -> bytes:
    """The bytes of a path, a bytes-like object or a binary file, which is rewound first where it can be.

    Raises:
        ImageError: it cannot be read, or is larger than MAX_BYTES. The message does not name it.
    """
    if isinstance(source, (str, os.PathLike)):
        return _read_path(os.fspath(source))
    if isinstance(source, bytes):
        return source
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, io.TextIOBase):
        raise ImageError('the file is open as text; open it with mode "rb"')
    if isinstance(source, (Image.Image, np.ndarray)) or not hasattr(source, "read"):
        raise ImageError(f"a {type(source).__name__} is no picture; pass a path, bytes, file, PIL image or array")
    return read_stream(source)


def read_stream(file: BinaryIO) -> bytes:
    """All of a binary file, from its beginning where it can be rewound. Raises ImageError beyond MAX_BYTES."""
    try:
        if file.seekable():
            file.seek(0)
    except (AttributeError, OSError, ValueError):
        pass  # what cannot be rewound is read from where it is
    parts, total = [], 0
    try:
        while part := file.read(_CHUNK):
            parts.append(part)
            total += len(part)
            if total > MAX_BYTES:
                raise ImageError(too_many_bytes())
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        raise ImageError(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    return b"".join(parts)


def too_many_bytes() -> str:
    """What is said of an input that has no end, or too late a one."""
    return f"more than {MAX_BYTES >> 20} MiB; scale the picture down first"


def explain_os_error(error: OSError) -> str:
    """Why a file cannot be read, in one line, with the fix where there is one."""
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if isinstance(error, IsADirectoryError):
        return _KINDS[stat.S_IFDIR]
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"cannot be read ({error.strerror or error})"


def _read_path(path: str) -> bytes:
    try:
        # Without O_NONBLOCK the very opening of a pipe waits for somebody to write to it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ImageError(_KINDS[stat.S_IFSOCK]) from None
        if os.path.isdir(path):
            raise ImageError(_KINDS[stat.S_IFDIR]) from None
        raise ImageError(explain_os_error(error)) from None
    except ValueError as error:  # a NUL in the path
        raise ImageError(f"not a path ({error})") from None
    try:
        state = os.fstat(handle)
        if refused := _KINDS.get(stat.S_IFMT(state.st_mode)):
            raise ImageError(refused)
        if state.st_size > MAX_BYTES:
            raise ImageError(too_many_bytes())
        return _read_pipe(handle) if stat.S_ISFIFO(state.st_mode) else _read_handle(handle, state.st_size)
    except OSError as error:
        raise ImageError(explain_os_error(error)) from None
    finally:
        os.close(handle)


def _read_handle(handle: int, size: int) -> bytes:
    """All of a regular file. It may have grown or shrunk since it was looked at."""
    parts, total = [], 0
    while part := os.read(handle, max(_CHUNK, size + 1 - total)):
        parts.append(part)
        total += len(part)
        if total > MAX_BYTES:
            raise ImageError(too_many_bytes())
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_pipe(handle: int) -> bytes:
    """All that is written to a pipe until it is closed. Raises ImageError where nobody writes for PIPE_SECONDS."""
    parts, total, deadline = [], 0, time.monotonic() + PIPE_SECONDS
    while True:
        try:
            part = os.read(handle, _CHUNK)
        except BlockingIOError:  # there is a writer, who takes their time
            if not select.select([handle], [], [], IDLE_SECONDS)[0]:
                raise ImageError(f"is a pipe that sent nothing for {IDLE_SECONDS:.0f} seconds") from None
            continue
        if part:
            parts.append(part)
            total += len(part)
            if total > MAX_BYTES:
                raise ImageError(too_many_bytes())
        elif parts:
            return b"".join(parts)
        elif time.monotonic() > deadline:
            raise ImageError("is a pipe that nobody writes to, not a file")
        else:
            time.sleep(0.01)
