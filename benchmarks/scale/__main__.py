"""python -m benchmarks.scale"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.scale.measure import FULL, QUICK, SECTIONS, measure
from benchmarks.scale.page import as_markdown, plot
from fauxto.errors import FauxtoError


def main(argv: list[str] | None = None) -> int:
    """Measure, and write scale.md, scale.json and scale.png. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="What scans cost here. Half an hour, on an idle machine.",
        epilog="example: python -m benchmarks.scale --quick --out /tmp/scale",
    )
    parser.add_argument("--quick", action="store_true", help="a few pictures of each, to see that everything runs")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1], metavar="DIR", help="(default: benchmarks)"
    )
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="may be repeated; keeps the others (default: all)"
    )
    parser.add_argument("--page", action="store_true", help="only write scale.md and scale.png from DIR/scale.json")
    args = parser.parse_args(argv)
    raw = args.out / "scale.json"
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        kept = json.loads(raw.read_text("utf-8")) if raw.exists() else {}
        sections = [] if args.page else args.only or SECTIONS
        for section, found in measure(sections, QUICK if args.quick else FULL):
            kept[section] = found
            raw.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        (args.out / "scale.md").write_text(as_markdown(kept), encoding="utf-8")
        if "growth" in kept:
            plot(kept["growth"]["found"]).savefig(args.out / "scale.png", dpi=120)
    except (FauxtoError, OSError) as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
        return 2
    print(f"written: {args.out / 'scale.md'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
