"""python -m export RUN --out models/NAME"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from export import golden_vectors
from export.errors import ExportError
from export.package import export
from fauxto.errors import FauxtoError


def main(argv: list[str] | None = None) -> int:
    """Export a run. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Turn RUN/model.pt into a model's folder: ONNX in every variant, Core ML, the card, each file "
        "compared with torch or with the fp32 file on real pictures.",
        epilog="examples: python -m export runs/first --out models/mine --formats onnx,coreml; "
        "python -m export models/mine --golden vectors",
    )
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="folder that `python -m train` wrote; for --golden alone, a model's folder",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder, named as the model")
    parser.add_argument("--formats", default="onnx", metavar="LIST", help="onnx, or onnx,coreml (default: onnx)")
    parser.add_argument(
        "--precisions", default="fp16", metavar="LIST", help="of Core ML: fp16, 8bit, 6bit (default: fp16)"
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="real pictures to compare on (default: DATA/val, or DATA)"
    )
    parser.add_argument("--sample", type=int, default=64, metavar="N", help="pictures to compare on (default: 64)")
    parser.add_argument("--golden", type=Path, metavar="DIR", help="also write golden vectors for other languages")
    args = parser.parse_args(argv)
    if not (args.out or args.golden):
        parser.error("nothing to do: name --out, --golden, or both")
    try:
        if args.out:
            formats, precisions = args.formats.split(","), args.precisions.split(",")
            export(args.run, args.out, args.pictures, args.sample, formats, precisions)
        if args.golden:
            golden_vectors.write(args.out or args.run, args.golden)
            print(f"written: {args.golden}", file=sys.stderr)
    except (ExportError, FauxtoError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
