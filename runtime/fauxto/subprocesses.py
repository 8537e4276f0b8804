"""A job in a fresh process, which answers in lines of JSON: what it does to itself, a crash included, stays there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any


class Child:
    """`python -m module` with a job on its standard input; iterating gives its messages as they come.

    Attributes:
        died: how the process ended, if not well; None until the last message is read.
    """

    def __init__(self, module: str, job: Mapping[str, Any]) -> None:
        self.died: str | None = None
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads yet would fill up
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job))
        self._process.stdin.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # without effect on one that has ended
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()
        self._complaints.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # the chatter of a library
                continue
            if isinstance(message, dict):
                yield message
        status = self._process.wait()
        self._complaints.seek(0)
        told = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        if status:
            self.died = f"its process ended with status {status}" + (f" ({told[-1]})" if told else "")


def job() -> dict[str, Any]:
    """The job, in the child."""
    found: dict[str, Any] = json.load(sys.stdin)
    return found


def answer(message: Mapping[str, Any]) -> None:
    """Send a message, from the child."""
    print(json.dumps(dict(message)), flush=True)
