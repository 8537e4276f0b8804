"""What each word is worth: how many of the pictures that get it are AI, by how common AI pictures are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fauxto.evaluate.records import Word
from fauxto.prediction import WORDS
from fauxto.reporting.text import columns, percent

BASE_RATES = (1, 20, 100)
"""Photographs for each AI picture."""


def words(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, Word]:
    """The share of each class that gets a word, and the share of AI among all that get it, at each base rate.

    By Bayes's rule; `confusion` is truth -> word -> pictures, none of the truths without any.
    """
    ai, real = (
        {word: count / sum(confusion[truth].values()) for word, count in confusion[truth].items()}
        for truth in ("ai", "real")
    )
    return {
        word: {
            "of_ai": ai[word],
            "of_real": real[word],
            "ai_among": {f"1:{rate}": _among(ai[word], rate * real[word]) for rate in BASE_RATES},
        }
        for word in WORDS
    }


def _among(ai: float, real: float) -> float | None:
    """The share of AI; None where no picture gets the word."""
    return ai / (ai + real) if ai + real else None


def as_lines(found: Mapping[str, Word]) -> Iterator[str]:
    """For a terminal."""
    yield from (f"  {line}" for line in columns([head(), *table_rows(found)]))


def head() -> list[str]:
    """The columns' names."""
    rates = [f"{'AI among them, ' if rate == 1 else ''}1:{rate}" for rate in BASE_RATES]
    return ["what it says", "of AI pictures", "of photographs", *rates]


def table_rows(found: Mapping[str, Word]) -> list[list[str]]:
    """A row a word."""
    return [
        [
            told,
            percent(found[word]["of_ai"]),
            percent(found[word]["of_real"]),
            *("" if share is None else percent(share) for share in found[word]["ai_among"].values()),
        ]
        for word, told in WORDS.items()
    ]
