"""python -m benchmarks.scale"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.scale.measure import FULL, QUICK, SECTIONS, measure
from benchmarks.scale.page import as_markdown, plot
from fauxto.errors import FauxtoError
from fauxto.files import replacing
from fauxto.progress import tell


def main(argv: list[str] | None = None) -> int:
    """Measure, and write scale.md, scale.json and scale.png. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="What scans cost here. Half an hour, on an idle machine.",
        epilog="example: python -m benchmarks.scale --quick --output-dir /tmp/scale",
    )
    parser.add_argument("--quick", action="store_true", help="measure few pictures, to see that everything runs")
    parser.add_argument(
        "--output-dir", type=Path, default=Path(__file__).parents[1], metavar="DIR",
        help="folder of the page and its figures (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", choices=SECTIONS,
        help="section to measure anew; may be repeated, and keeps the others (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--page", action="store_true", help="measure nothing: write scale.md and scale.png from DIR/scale.json"
    )
    args = parser.parse_args(argv)
    folder: Path = args.output_dir
    raw = folder / "scale.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = json.loads(raw.read_text("utf-8")) if raw.exists() else {}
        sections = [] if args.page else args.only or SECTIONS
        for section, found in measure(sections, QUICK if args.quick else FULL):
            kept[section] = found
            with replacing(raw) as file:
                file.write(json.dumps(kept, indent=1) + "\n")
        with replacing(folder / "scale.md") as file:
            file.write(as_markdown(kept))
        if "growth" in kept:
            with replacing(folder / "scale.png", "wb") as file:
                plot(kept["growth"]["found"]).savefig(file, format="png", dpi=120)
    except (FauxtoError, OSError) as error:
        tell(f"benchmarks.scale: {error}")
        return 2
    tell(f"written: {folder / 'scale.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
