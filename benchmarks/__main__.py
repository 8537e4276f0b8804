"""python -m benchmarks"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.race import RUNS, race, racers
from benchmarks.report import RESULTS, as_markdown, newest, update_readme, write
from fauxto.argument_types import positive
from fauxto.errors import FauxtoError


def main(argv: list[str] | None = None) -> int:
    """Race, or write the README's table from the last race. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="This runtime beside its peers, turn by turn in one run, on the same weights and pictures.",
        epilog="example: python -m benchmarks && python -m benchmarks --busy && python -m benchmarks --readme",
    )
    parser.add_argument("--rounds", type=positive, default=40, metavar="N", help="turns of every peer (default: 40)")
    parser.add_argument("--quick", action="store_true", help="two rounds, to see that everything runs")
    parser.add_argument("--only", action="append", metavar="NAME", help="of the peers; may be repeated (default: all)")
    parser.add_argument("--scope", action="append", choices=RUNS, help="may be repeated (default: all)")
    parser.add_argument("--busy", action="store_true", help="keep every CPU busy meanwhile: who stays calm under load")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="(default: benchmarks/results)")
    parser.add_argument("--readme", action="store_true", help="only write README.md's table from the newest results")
    args = parser.parse_args(argv)
    try:
        if args.readme:
            update_readme(newest(args.out))
            return 0
        names = racers()
        if unknown := [name for name in args.only or () if name not in names]:
            raise FauxtoError(f"no peer '{unknown[0]}'; there are {', '.join(names)}")
        report = race([name for name in names if not args.only or name in args.only], 2 if args.quick else args.rounds,
                      args.busy, args.scope or tuple(RUNS))  # fmt: skip
        print(as_markdown(report))
        for path in write(report, args.out):
            print(f"written: {path}", file=sys.stderr)
    except (FauxtoError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
