"""Types of command line arguments, for every program of the project. Each says what it wants instead."""

from __future__ import annotations

from argparse import ArgumentTypeError


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
