"""fauxto report: what a scan found."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from fauxto.cli.output import as_json
from fauxto.cli.streams import Output, refuse_same
from fauxto.errors import FauxtoError
from fauxto.reporting.text import visible_lines


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Summarise the scan in DIR as far as it has come: verdicts by source and format, errors, speed."
    )
    parser.epilog = "example: fauxto report verdicts --html report.html"
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that fauxto scan --out wrote to")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default: text)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report to FILE, which is replaced at the end"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write a page with plots and the most certain finds to FILE"
    )


def run(args: argparse.Namespace) -> int:
    """Summarise a scan."""
    try:
        from fauxto.scan.report import as_text, summarise

        if args.html:
            from fauxto.scan.page import as_html
    except ImportError:
        raise FauxtoError('report needs more packages: pip install "fauxto[scan]"') from None
    refuse_same(args.output, args.html)
    with Output(args.html) if args.html else nullcontext() as page:
        with Output(args.output) as output:
            found = summarise(args.folder)
            output.write((as_json(found) if args.format == "json" else visible_lines(as_text(found))) + "\n")
        if page:
            page.write(as_html(found))
    return 0
