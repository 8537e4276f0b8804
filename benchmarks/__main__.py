"""python -m benchmarks"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.race import SCOPES, contenders, race
from benchmarks.report import RESULTS, as_markdown, newest, read_all, update_readme, write, write_tables
from fauxto.argument_types import positive
from fauxto.errors import FauxtoError
from fauxto.progress import tell


def main(argv: list[str] | None = None) -> int:
    """Race, write the tables of earlier races, or compare detectors. Returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["detectors"]:
        from benchmarks.detectors.command import main as compare

        return compare(words[1:])
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="This runtime beside its peers, turn by turn in one run, on the same weights and pictures.",
        epilog="example: python -m benchmarks && python -m benchmarks --readme; "
        "python -m benchmarks detectors DIR compares other detectors with ours",
    )
    parser.add_argument(
        "--rounds", type=positive, default=40, metavar="N", help="rounds in which everybody has a turn (default: 40)"
    )
    parser.add_argument("--quick", action="store_true", help="race two rounds, to see that everything runs")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="contender to race; may be repeated (default: all)"
    )
    parser.add_argument("--scope", action="append", choices=SCOPES, help="what to time; may be repeated (default: all)")
    parser.add_argument("--busy", action="store_true", help="keep every CPU busy with other work during the race")
    parser.add_argument(
        "--output-dir", type=Path, default=RESULTS, metavar="DIR", help="folder of the results (default: %(default)s)"
    )
    parser.add_argument(
        "--readme", action="store_true", help="race nothing: write the tables of the results in DIR and of this README"
    )
    args = parser.parse_args(words)
    try:
        if args.readme:
            races = read_all(args.output_dir)
            update_readme(newest(races))
            for earlier in races:
                write_tables(earlier, args.output_dir)
            return 0
        names = contenders()
        if unknown := [name for name in args.only or () if name not in names]:
            raise FauxtoError(f"no contender '{unknown[0]}'; there are {', '.join(names)}")
        found = race(
            [name for name in names if not args.only or name in args.only],
            2 if args.quick else args.rounds,
            args.busy,
            args.scope or SCOPES,
        )
        print(as_markdown(found))
        for path in write(found, args.output_dir):
            tell(f"written: {path}")
    except (FauxtoError, OSError) as error:
        tell(f"benchmarks: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
