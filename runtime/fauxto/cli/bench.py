"""fauxto bench: latency and throughput on this machine."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from fauxto.argument_types import positive
from fauxto.bench.plan import QUICK, SCOPES, Plan, parse_batches
from fauxto.cli.parser import add_model, add_output, add_second_opinion
from fauxto.cli.streams import Output
from fauxto.inference.providers import NAMES
from fauxto.progress import tell


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Measure every provider and variant, each in a fresh process, and how right it answers."
    parser.epilog = "example: fauxto bench --quick; fauxto bench --output-dir results"
    parser.add_argument(
        "--provider",
        action="append",
        choices=tuple(NAMES),
        help="execution provider to measure; may be repeated (default: all that are here)",
    )
    parser.add_argument(
        "--variant", action="append", metavar="NAME", help="model variant to measure; may be repeated (default: all)"
    )
    parser.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help="measure the network alone (model), or from file to verdict (end_to_end); may be repeated (default: both)",
    )
    parser.add_argument(
        "--batch-sizes", metavar="LIST", help="crops in one run of the model, as 1,5 (default: 1, and a picture's)"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="inference threads (default: the usable CPUs)")
    parser.add_argument(
        "--duration", type=positive, metavar="SECONDS", help="duration of each measurement (default: 10)"
    )
    parser.add_argument(
        "--count", type=positive, metavar="N", help="maximum number of samples per measurement (default: 5000)"
    )
    parser.add_argument("--quick", action="store_true", help="measure each for one second")
    parser.add_argument(
        "--format", choices=("text", "markdown", "csv", "json"), default="text", help="output format (default: text)"
    )
    add_output(parser, "results")
    parser.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="also write every format and a plot to DIR, named by device"
    )
    add_model(parser)
    add_second_opinion(parser)


def run(args: argparse.Namespace) -> int:
    """Measure latency and throughput."""
    from fauxto.bench.report import FORMATS, write_all
    from fauxto.bench.run import run as measure

    plan = Plan(
        args.model,
        tuple(args.provider or ()),
        tuple(args.variant or ()),
        tuple(args.scope or SCOPES),
        parse_batches(args.batch_sizes),
        args.threads,
        second_opinion=args.second_opinion,
    )
    bounds: dict[str, Any] = dict(QUICK) if args.quick else {}
    bounds |= {"seconds": float(args.duration)} if args.duration else {}
    bounds |= {"most": args.count} if args.count else {}
    with Output(args.output, partial=True) as output:
        report = measure(replace(plan, **bounds))
        output.write(FORMATS[args.format](report) + "\n")
        if not report["complete"]:
            raise KeyboardInterrupt  # an earlier, complete FILE stays
    for path in write_all(report, args.output_dir) if args.output_dir else ():
        tell(f"written: {path}")
    return 0
