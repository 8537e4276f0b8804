"""Types of command line arguments, for every program of the project."""

from __future__ import annotations


def positive(word: str) -> int:
    """A whole number of at least 1."""
    number = int(word)
    if number < 1:
        raise ValueError
    return number


def port(word: str) -> int:
    """A TCP port."""
    number = positive(word)
    if number > 65535:
        raise ValueError
    return number


def share(word: str) -> float:
    """A number between 0 and 1, both excluded."""
    number = float(word)
    if not 0 < number < 1:
        raise ValueError
    return number
