"""fauxto doctor: what can run the model here, and what is wrong with the rest."""

from __future__ import annotations

import argparse

from fauxto.cli.output import as_json
from fauxto.cli.parser import add_model
from fauxto.cli.streams import Output
from fauxto.reporting.text import visible_lines


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Try every execution provider: does it load, run the whole model, answer rightly, and how fast. Exit status 1 "
        "where a file of the model is not as its card says."
    )
    parser.epilog = "example: fauxto doctor --json"
    parser.add_argument("--json", action="store_true", help="print everything that was found, as JSON")
    add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Print what can run the model here."""
    from fauxto.doctor import as_text, examine, intact

    with Output(None) as output:
        found = examine(args.model)
        output.write((as_json(found) if args.json else visible_lines(as_text(found))) + "\n")
    return 0 if intact(found) else 1
