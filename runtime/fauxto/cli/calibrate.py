"""fauxto calibrate: a threshold that is proved on photographs of one's own."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from fauxto.argument_types import share
from fauxto.cli.output import as_json
from fauxto.cli.parser import add_running, add_second_opinion
from fauxto.cli.streams import Output, refuse_same
from fauxto.errors import FauxtoError
from fauxto.progress import tell
from fauxto.reporting.text import visible_lines


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Find the threshold at which few photographs of yours are called ai, beside the model's own: 299 or more for "
        "1 %. Pictures that were scored before are not scored again."
    )
    parser.epilog = "example: fauxto calibrate ~/archive --save press; fauxto predict --operating-point press photo.jpg"
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="folder of photographs, or with the sub-folders real (photographs) and ai (AI pictures)",
    )
    parser.add_argument(
        "--fpr",
        type=share,
        default=0.01,
        metavar="RATE",
        help="largest share of photographs that may be called ai, with 95 %% confidence (default: 0.01)",
    )
    parser.add_argument(
        "--save",
        metavar="NAME|FILE",
        help="save the threshold for --operating-point: by a name, or as a .json file; one that is there is replaced",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default: text)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the figures to FILE, which is replaced at the end"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with a plot to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also write the plot to FILE, as PNG")
    add_running(parser)
    add_second_opinion(parser)


def run(args: argparse.Namespace) -> int:
    """Calibrate on a folder."""
    try:
        from fauxto.evaluate.calibrate import Plan, calibrate
        from fauxto.evaluate.calibration_report import as_html, as_text, figure
        from fauxto.reporting.html import png
    except ImportError:
        raise FauxtoError('calibrate needs more packages: pip install "fauxto[eval]"') from None
    from fauxto.image.decode import keep_memory
    from fauxto.model import own_points
    from fauxto.model.model import Model

    refuse_same(args.output, args.html, args.plot)
    if args.save:  # a name that cannot be is refused before long work, not after it
        own_points.name_of(args.save, Model.open(args.model).card)
    keep_memory()
    plan = Plan(
        folder=args.folder,
        fpr=args.fpr,
        model=args.model,
        provider=args.provider,
        variant=args.variant,
        second_opinion=args.second_opinion,
    )
    # All files are opened first, likewise.
    with (
        Output(args.html) if args.html else nullcontext() as page,
        Output(args.plot, binary=True) if args.plot else nullcontext() as plot,
        Output(args.output) as output,
    ):
        found = calibrate(plan)
        text = as_json(found.report) if args.format == "json" else visible_lines(as_text(found.report))
        output.write(text + "\n")
        if page:
            page.write(as_html(found))
        if plot:
            plot.write(png(figure(found)))
    if args.save:
        second = "--second-opinion " if args.second_opinion else ""
        tell(f"saved: {found.save(args.save)}; use it with {second}--operating-point {args.save}")
    return 1 if found.report["unreadable"] else 0
