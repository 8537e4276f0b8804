"""fauxto eval: how well the model does on a labelled folder."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from fauxto.argument_types import positive
from fauxto.cli.output import as_json
from fauxto.cli.parser import add_output, add_running, add_second_opinion
from fauxto.cli.streams import Output, refuse_same
from fauxto.errors import FauxtoError
from fauxto.reporting.text import visible_lines


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Measure the model on DIR/{ai,real}, beside what trivial features alone tell of the pictures."
    parser.epilog = "example: fauxto eval ~/labelled --grid 200 --html report.html"
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with the sub-folders ai and real")
    parser.add_argument(
        "--conditions",
        default="clean,web,hard",
        metavar="LIST",
        help="corruptions to measure under: clean, web, hard, divided by commas (default: all three)",
    )
    parser.add_argument("--sample", type=positive, metavar="N", help="measure a random sample of N pictures per class")
    parser.add_argument(
        "--grid",
        type=positive,
        default=0,
        metavar="N",
        help="also measure JPEG, WebP, scaling, blur and noise, one at a time, and how much one picture's answer "
        "moves, on N pictures per class",
    )
    parser.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="output format (default: text)"
    )
    add_output(parser, "figures")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write a page with plots and the worst mistakes to FILE"
    )
    parser.add_argument("--no-thumbnails", action="store_true", help="leave the pictures out of the page")
    add_running(parser)
    add_second_opinion(parser)


def run(args: argparse.Namespace) -> int:
    """Measure the model on a labelled folder."""
    try:
        from fauxto.evaluate.report import as_html, as_markdown, as_text
        from fauxto.evaluate.run import Plan, measure
    except ImportError:
        raise FauxtoError('eval needs more packages: pip install "fauxto[eval]"') from None
    plan = Plan(
        folder=args.folder,
        conditions=args.conditions.split(","),
        sample=args.sample,
        grid=args.grid,
        model=args.model,
        provider=args.provider,
        variant=args.variant,
        second_opinion=args.second_opinion,
    )
    forms = {"json": as_json, "markdown": as_markdown, "text": as_text}
    refuse_same(args.output, args.html)
    # Both files are opened first: a place that cannot be written is told before long work, not after it.
    with Output(args.html) if args.html else nullcontext() as page:
        with Output(args.output, partial=True) as output:
            written = 0
            for found in measure(plan):
                if args.format == "text":  # each condition as soon as it is known
                    text = as_text(found.report)
                    output.write(visible_lines(text[written:]))
                    written = len(text)
            rest = forms[args.format](found.report)[written:]
            output.write((rest if args.format == "json" else visible_lines(rest)) + "\n")
        if page:
            page.write(as_html(found, thumbnails=not args.no_thumbnails))
    return 0
