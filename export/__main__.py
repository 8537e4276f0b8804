"""python -m export RUN --out models/NAME"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from export.onnx_file import ExportError, export


def main(argv: list[str] | None = None) -> int:
    """Export a run. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Turn RUN/model.pt into OUT/model.onnx and OUT/card.json, and prove that they agree with torch.",
        epilog="example: python -m export runs/first --out models/mine --pictures ~/pictures/val",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that `python -m train` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder, named as the model")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="real pictures to compare on (default: the run's val)"
    )
    parser.add_argument("--sample", type=int, default=64, metavar="N", help="pictures to compare on (default: 64)")
    args = parser.parse_args(argv)
    try:
        export(args.run, args.out, args.pictures, args.sample)
    except (ExportError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
