"""python -m train.second CORPUS --embeddings DIR --first MODEL --version N --out MODEL"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fauxto.argument_types import positive
from train.errors import exit_status

PROGRAM = "train.second"
OUT = Path("models/fauxto-second")


def main(argv: list[str] | None = None) -> int:
    """Train the head, fuse it with the first network, report. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}",
        description="Train the second opinion's head on embeddings, and fuse it with the first network. The ten "
        "photographs that it moved most towards ai are named on standard output, and nowhere else.",
    )
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder with train/ and val/, and index.csv")
    parser.add_argument(
        "--embeddings", type=Path, required=True, metavar="DIR", help="folder that python -m train.second.embed wrote"
    )
    parser.add_argument("--first", type=Path, required=True, metavar="MODEL", help="folder of the first network")
    parser.add_argument("--version", type=positive, required=True, metavar="N", help="release number")
    parser.add_argument("--out", type=Path, default=OUT, metavar="MODEL", help=f"folder to write (default: {OUT})")
    parser.add_argument(
        "--graphs",
        type=Path,
        default=OUT,
        metavar="DIR",
        help=f"folder of the encoder's graphs, which are copied beside the head (default: {OUT})",
    )
    args = parser.parse_args(argv)
    from train.second.run import Options, make  # PyTorch takes seconds to load, which --help need not wait for

    return exit_status(PROGRAM, lambda: make(Options(**vars(args))))


if __name__ == "__main__":
    sys.exit(main())
