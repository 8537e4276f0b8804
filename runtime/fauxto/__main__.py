"""python -m fauxto, and the command fauxto."""

import os
import signal
import sys


def run() -> int:
    """The command line, started as lightly as it can be. Returns its exit status."""
    # numpy's BLAS starts a thread for each CPU as it is imported, and nothing here multiplies matrices with it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half a file is cleared away as after Ctrl-C
    from fauxto.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
