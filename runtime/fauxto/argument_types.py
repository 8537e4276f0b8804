"""Types of command line arguments, for every program of the project. Each says what it wants instead."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

HOST = r"(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)"
"""A host as in a URL, lower case."""


def positive(word: str) -> int:
    """A whole number of at least 1."""
    return _at_least(1, word)


def natural(word: str) -> int:
    """A whole number of at least 0."""
    return _at_least(0, word)


def _at_least(least: int, word: str) -> int:
    try:
        number = int(word)
    except ValueError:
        number = least - 1
    if number < least:
        raise ArgumentTypeError(f"{word!r} is not a whole number of at least {least}")
    return number


def port(word: str) -> int:
    """A TCP port."""
    if not word.isdecimal() or not 1 <= int(word) <= 65535:
        raise ArgumentTypeError(f"{word!r} is not a port, 1 to 65535")
    return int(word)


def share(word: str) -> float:
    """A number between 0 and 1, both excluded."""
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < 1:
        raise ArgumentTypeError(f"{word!r} is not a number between 0 and 1")
    return number


def host_name(word: str) -> str:
    """The name or address of a host, without a port; lower case, an IPv6 address without its brackets."""
    name = word.lower()
    if not re.fullmatch(HOST, name) and not re.fullmatch(r"[0-9a-f:.]+", name):
        raise ArgumentTypeError(f"{word!r} is not a host, such as pictures.example.org, without a port")
    return name.strip("[]")


def origin(word: str) -> str:
    """An origin as browsers send it, lower case."""
    if not re.fullmatch(f"https?://{HOST}(:[0-9]{{1,5}})?", word.lower()):
        raise ArgumentTypeError(f"{word!r} is not an origin, such as https://example.org or http://localhost:3000")
    return word.lower()
