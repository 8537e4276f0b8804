"""python -m train DATA --out RUN"""

from __future__ import annotations

import sys

from fauxto.progress import tell
from train.config import parse
from train.errors import exit_status


def main(argv: list[str] | None = None) -> int:
    """Train, calibrate and report. Returns the exit status."""
    config, run, resume = parse(argv)
    from train.run import train  # PyTorch takes seconds to load, which --help and a mistyped option need not wait for

    try:
        return exit_status("train", lambda: train(config, run, resume))
    except KeyboardInterrupt:
        tell(f"stopped; --resume continues after the last finished epoch in {run}")
        return 130


if __name__ == "__main__":
    sys.exit(main())
