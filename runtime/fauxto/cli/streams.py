"""Standard input, output and error, and files in the place of standard output."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from fauxto.errors import FauxtoError, ImageError, OutputError
from fauxto.files import replacing
from fauxto.progress import tell

MAX_INPUT = 256 << 20
"""Bytes of standard input that are taken as one picture."""

OWN_STREAMS = ("/dev/std", "/dev/fd/", "/proc/")
"""How names begin that lead to what this process has open."""


class ClosedPipeError(Exception):
    """Whoever read the standard output has closed it: `| head`."""


def mend() -> None:
    """Make the best of streams that the caller has closed (<&-, >&-, 2>&-), before a file takes their number.

    Messages go nowhere then. Standard output stays None: results that cannot be printed are an error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # not every encoding has every character


def say(text: str) -> None:
    """A line about a problem, on stderr."""
    tell(f"fauxto: {text}")


def read_input() -> bytes:
    """The picture on standard input. Raises ImageError where there is none, or too much."""
    if sys.stdin is None:
        raise ImageError("standard input is closed; name a file, or send a picture: fauxto - < photo.jpg")
    try:
        data = sys.stdin.buffer.read(MAX_INPUT + 1)
    except OSError as error:
        raise ImageError(f"standard input cannot be read ({error.strerror})") from None
    if len(data) > MAX_INPUT:
        raise ImageError(f"more than {MAX_INPUT >> 20} MiB on standard input; save it to a file and name that")
    return data


class Output:
    """Where results go: standard output, or a file that gets them whole or not at all.

    A device or a pipe named as file (/dev/stdout, a FIFO) is written to as it is. Used as a context manager; only
    errors of the writing itself become OutputErrors, not those of the work in the block.

    Attributes:
        name: of it, in messages.
        isatty: whether a person reads along.
    """

    def __init__(
        self, path: Path | None, *, binary: bool = False, partial: bool = False, outlive_reader: bool = False
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: the file; None: standard output.
            binary: it gets bytes.
            partial: where the block ends with an exception, leave what was written in FILE.partial, and say so.
            outlive_reader: go on where the reader of standard output has closed it; else ClosedPipeError is raised.
        """
        self.name, self.isatty = "standard output" if path is None else str(path), False
        self._path, self._binary, self._outlive_reader = path, binary, outlive_reader
        self._partial = path.with_name(f"{path.name}.partial") if path and partial and not is_special(path) else None
        self._stack = ExitStack()
        self._gone = self._wrote = False

    def __enter__(self) -> Output:
        """Raises OutputError where it cannot be written."""
        with self._told():
            self._stream = self._stack.enter_context(self._open())
        self.isatty = self._stream.isatty()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._told():
                self._stack.close()
            return
        with suppress(OSError):
            self._stack.__exit__(kind, error, trace)
        if self._partial and self._wrote:
            say(f"{self.name} is as it was; the results until now are in {self._partial}")

    def write(self, data: str | bytes) -> None:
        """Write and flush. Raises OutputError, or ClosedPipeError."""
        if self._gone:
            return
        with self._told():
            self._stream.write(data)
            self._stream.flush()
            self._wrote = True

    @contextmanager
    def _open(self) -> Iterator[IO[Any]]:
        if self._path is None:
            if sys.stdout is None:
                raise OutputError("standard output is closed; nothing can be printed there")
            yield sys.stdout
            return
        mode = "b" if self._binary else ""
        text: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
        options = {} if self._binary else text
        if self._path.as_posix().startswith(OWN_STREAMS):
            with open(self._path, "a" + mode, **options) as stream:  # it may lead to a file that is open already
                yield stream
        else:
            with replacing(self._path, "w" + mode, keep=self._partial, **options) as stream:
                yield stream

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of writing, by their name."""
        try:
            yield
        except OSError as error:
            if self._path is None:
                self._gone = True
                silence_output()
                # Windows has no SIGPIPE, and says EINVAL of a pipe that is closed.
                if isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL):
                    if self._outlive_reader:
                        return
                    raise ClosedPipeError from None
            advice = "" if self._path is None else "; choose another file"
            raise OutputError(f"{self.name}: cannot be written ({error.strerror or error}){advice}") from None


def refuse_overwriting(output: Path | None, inputs: Iterable[str]) -> None:
    """Raise OutputError where the file to write is one of the pictures to read."""
    if output is None or is_special(output):
        return
    for path in inputs:
        with suppress(OSError):
            if os.path.samefile(output, path):
                raise OutputError(f"{output}: is a picture to be read, and would be lost; choose another file")


def refuse_same(output: Path | None, html: Path | None, plot: Path | None = None) -> None:
    """Raise FauxtoError where two of -o, --html and --plot name the same file."""
    named: dict[Path, str] = {}
    for option, path in (("-o", output), ("--html", html), ("--plot", plot)):
        if path is not None and (other := named.setdefault(path.resolve(), option)) != option:
            raise FauxtoError(f"{path}: named by both {other} and {option}; choose two files")


def is_special(path: Path) -> bool:
    """Whether a path is a stream of this process, a device or a pipe: it cannot be replaced by a file."""
    return path.as_posix().startswith(OWN_STREAMS) or (os.path.exists(path) and not os.path.isfile(path))


def finish() -> None:
    """Flush standard output, as Python would at its exit, but without a traceback where nobody takes it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        silence_output()


def silence_output() -> None:
    """Send what is left in standard output's buffer nowhere: Python would complain of it once more at its exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
