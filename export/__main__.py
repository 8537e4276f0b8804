"""python -m export RUN --out models/NAME"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from export.package import export
from fauxto.argument_types import positive
from train.errors import exit_status


def main(argv: list[str] | None = None) -> int:
    """Export a run. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Turn RUN/model.pt into a model's folder: ONNX in every variant, Core ML, the card, each file "
        "compared with torch or with the fp32 file on real pictures.",
        epilog="example: python -m export runs/first --int8 runs/first-int8 --out models/mine --formats onnx,coreml",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that `python -m train` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write, not there yet, named as the model"
    )
    parser.add_argument(
        "--int8",
        type=Path,
        metavar="RUN",
        help="run with --quantise of RUN's network, for the int8 file (default: none)",
    )
    parser.add_argument(
        "--formats", default="onnx", metavar="LIST", help="file formats: onnx, or onnx,coreml (default: onnx)"
    )
    parser.add_argument(
        "--precisions",
        default="fp16",
        metavar="LIST",
        help="precisions of the Core ML packages: fp16, 8bit, 6bit (default: fp16)",
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="real pictures to compare on (default: DATA/val, or DATA)"
    )
    parser.add_argument(
        "--sample", type=positive, default=64, metavar="N", help="number of pictures to compare on (default: 64)"
    )
    parser.add_argument("--version", type=positive, default=0, metavar="N", help="release number (default: none)")
    parser.add_argument(
        "--test",
        type=Path,
        metavar="JSON",
        help="report of `fauxto eval --format json` for the card, measured with an earlier export of the same weights",
    )
    args = parser.parse_args(argv)
    return exit_status(
        "export",
        lambda: export(
            args.run,
            args.out,
            int8=args.int8,
            images=args.pictures,
            sample=args.sample,
            formats=args.formats.split(","),
            precisions=args.precisions.split(","),
            version=args.version,
            test=args.test,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
