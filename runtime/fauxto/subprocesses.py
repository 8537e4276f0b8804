"""Run a job in a child process that reports JSON lines, so that a crash stays in the child.

`Child` is the end that starts it; `Parent` is the other end, inside of the child. `follow_parent` is for the processes
of a pool.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from fauxto.errors import FauxtoError

Message = Mapping[str, Any]


def follow_parent() -> None:
    """In a process of multiprocessing: leave Ctrl-C to the parent, and end with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class Child:
    """`python -m module` with a job; iterating gives its messages as they come, until it ends.

    Args:
        module: what to run.
        job: its first message.
        python: the interpreter; default: this one.
        environment: its variables; default: those of this process.

    Attributes:
        died: how the process ended, if not well; None until the last message is read.
    """

    def __init__(
        self, module: str, job: Message, *, python: str = sys.executable, environment: Mapping[str, str] | None = None
    ) -> None:
        self.died: str | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads yet would fill up
        self._process = subprocess.Popen(
            [python, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            text=True, encoding="utf-8", errors="replace", env=environment,
        )  # fmt: skip
        self._send(job)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # what a library prints
                continue
            if isinstance(message, dict):
                yield message
        status = self._process.wait()
        self._errors.seek(0)
        told = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        if status:
            self.died = f"its process ended with status {status}" + (f" ({told[-1]})" if told else "")

    def hear(self) -> dict[str, Any]:
        """The next message. Raises FauxtoError, with `died` in words, where the process has ended instead."""
        for message in self:
            return message
        raise FauxtoError(self.died or "its process ended without an answer")

    def greeting(self) -> tuple[dict[str, Any], str | None]:
        """Its first message, and why it takes no part: its "skip", or how it ended before that; None where it does."""
        try:
            hello = self.hear()
        except FauxtoError as error:
            return {}, str(error)
        return hello, hello.get("skip")

    def ask(self, question: Message) -> dict[str, Any]:
        """Send one message more, and wait for its answer. Raises what `hear` raises."""
        self._send(question)
        return self.hear()

    def kill(self) -> None:
        """End the process at once, whatever it does; without effect on one that has ended."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it was not told any more stays in the buffer
                if stream is not None:
                    stream.close()
        self._process.wait()
        self._errors.close()

    def _send(self, message: Message) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: the next message that is waited for says how
            self._process.stdin.write(json.dumps(dict(message)) + "\n")
            self._process.stdin.flush()


class Parent:
    """The process that started this one as a Child. From here on standard output is for answers alone.

    What a library prints there, in Python or below it, goes to standard error.
    """

    def __init__(self) -> None:
        self._channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def job(self) -> dict[str, Any]:
        """The job; later messages are questions."""
        return next(self.questions())

    def questions(self) -> Iterator[dict[str, Any]]:
        """What the parent sends, until it closes its end or is gone."""
        for line in sys.stdin:
            question: dict[str, Any] = json.loads(line)
            yield question

    def answer(self, message: Message) -> None:
        """Send a message."""
        print(json.dumps(dict(message)), file=self._channel, flush=True)
