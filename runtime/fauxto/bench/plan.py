"""What to measure, and for how long. Standard library only: the command line reads it before anything heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fauxto.errors import FauxtoError

SCOPES = ("model", "end_to_end")
"""What is measured: the network alone, or everything from file to verdict."""


@dataclass(frozen=True)
class Plan:
    """What to measure, and for how long.

    Attributes:
        model: folder of the model; None: the released one.
        providers: keys of fauxto.inference.providers.NAMES; none: all that are compiled in.
        variants: names from the card; none: all whose files are there.
        scopes: of SCOPES.
        batches: crops in one run of the model, for the scope "model"; none: 1, and as many as a picture has.
        threads: inference threads; None: the usable CPUs.
        seconds: that each cell is measured for, and up to three times as long until it has its samples.
        least: samples of a single-stream cell; an offline cell has its rate from fewer.
        most: samples of any cell.
        warm_up: calls before the first sample.
        second_opinion: measure each provider and variant with the second opinion too, after it was measured without;
            a folder: with that one instead of the released.
    """

    model: str | None = None
    providers: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    batches: tuple[int, ...] = ()
    threads: int | None = None
    seconds: float = 10.0
    least: int = 50
    most: int = 5000
    warm_up: int = 3
    second_opinion: bool | str = False


QUICK = {"seconds": 1.0, "least": 5, "most": 200, "warm_up": 1}
"""What differs in a plan for a quick look."""


def parse_batches(text: str | None) -> tuple[int, ...]:
    """The numbers of "1,5". Raises FauxtoError for anything else."""
    try:
        numbers: Sequence[int] = [int(word) for word in text.split(",")] if text else ()
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise FauxtoError(f"--batch-sizes '{text}' is not a list of whole numbers such as 1,5,16")
    return tuple(numbers)
