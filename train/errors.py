"""What training refuses, in one line that names the fix."""

from collections.abc import Callable

from fauxto.errors import FauxtoError
from fauxto.progress import tell


class TrainError(Exception):
    """A data set, device or run folder that training cannot work with."""


def exit_status(program: str, work: Callable[[], None]) -> int:
    """Do `work` for a command line: 0, or 2 with one line on stderr for what it refuses."""
    try:
        work()
    except (TrainError, FauxtoError, OSError) as error:
        tell(f"{program}: {error}")
        return 2
    return 0
