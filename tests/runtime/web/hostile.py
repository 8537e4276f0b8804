"""What a picture may make a decoding process do. They stand in for fauxto.web.decoding.crops, in that process."""

from __future__ import annotations

import os
import re
import signal

from fauxto.image.preprocess import Preprocessing


def stuck(data: bytes, rule: Preprocessing, scene: Preprocessing | None) -> None:
    """Never comes back from C, which holds the interpreter's lock."""
    re.match("(a+)+$", "a" * 60 + "b")


def crash(data: bytes, rule: Preprocessing, scene: Preprocessing | None) -> None:
    """As a fault in a decoder written in C."""
    os.kill(os.getpid(), getattr(signal, "SIGSEGV", signal.SIGTERM))


def hungry(data: bytes, rule: Preprocessing, scene: Preprocessing | None) -> int:
    """Takes 8 GiB."""
    return len(bytearray(8 << 30))
