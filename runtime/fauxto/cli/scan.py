"""fauxto scan: any number of pictures into Parquet files."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

from fauxto.argument_types import positive
from fauxto.cli.output import tally
from fauxto.cli.parser import add_batch_size, add_running, add_second_opinion, add_verdict
from fauxto.cli.streams import say
from fauxto.errors import FauxtoError
from fauxto.progress import tell
from fauxto.scan.defaults import ENGINES, PART_ROWS, TIMEOUT


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Look through any number of pictures, into Parquet files. It can be stopped; the same command then goes on."
    )
    parser.epilog = "example: fauxto scan ~/archive shards/*.tar s3://bucket/photos --out verdicts"
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SRC",
        help="folders, globs, .txt files with a path a line, .tar shards, pictures, URLs of stores that fsspec knows; "
        "none: go on with the scan in DIR, with the same options",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--sample", type=positive, metavar="N", help="scan a random sample of N pictures")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed of the sample (default: 0)")
    add_verdict(parser)
    add_running(parser)
    add_second_opinion(parser)
    parser.add_argument(
        "--part-rows",
        type=positive,
        default=PART_ROWS,
        metavar="N",
        help=f"maximum number of pictures in one Parquet file (default: {PART_ROWS})",
    )
    add_batch_size(parser)
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes that decode (default: the usable CPUs)")
    parser.add_argument(
        "--timeout",
        type=positive,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"time in which a picture must be fetched and decoded, else it is an error (default: {TIMEOUT:.0f})",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="run on this machine (local) or on a Ray cluster (ray) (default: local)",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="maximum number of Ray workers (default: the cluster's CPUs)"
    )
    parser.add_argument(
        "--num-gpus", type=float, default=0, metavar="N", help="GPUs that each Ray worker reserves (default: 0)"
    )


def run(args: argparse.Namespace) -> int:
    """Scan, or go on with a scan."""
    try:
        from fauxto.scan.run import Plan, scan
    except ImportError:
        raise FauxtoError('scan needs more packages: pip install "fauxto[scan]"') from None
    plan = Plan(**{field.name: getattr(args, field.name) for field in fields(Plan)})
    seen: Counter[str] = Counter()
    try:
        before = scan(replace(plan, sources=tuple(args.sources)), seen)
    except KeyboardInterrupt:
        say(f"stopped after {seen.total()} pictures; the same command goes on")
        return 130
    done = f" ({before} were done before)" if before else ""
    tell(f"{seen.total()} pictures{done}: {tally(seen)}; fauxto report {args.out} says more")
    return 1 if seen["error"] else 0
