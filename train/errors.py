"""What training refuses, in one line that names the fix."""

import sys
from collections.abc import Callable

from fauxto.errors import FauxtoError


class TrainError(Exception):
    """A data set, device or run folder that training cannot work with."""


def exit_status(program: str, work: Callable[[], None]) -> int:
    """Do `work` for a command line: 0, or 2 with one line on stderr for what it refuses."""
    try:
        work()
    except (TrainError, FauxtoError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    return 0
