"""fauxto info: the model's card, and what it runs on."""

from __future__ import annotations

import argparse

from fauxto.cli.output import as_json
from fauxto.cli.parser import add_model
from fauxto.cli.streams import Output


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Print the model's card, the checked hash of the file that runs, and versions, as JSON."
    parser.epilog = "example: fauxto info --model models/mine"
    add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Print the model's card."""
    from fauxto.inference.providers import CPU
    from fauxto.model.model import Model
    from fauxto.system import versions

    with Output(None) as output:
        model = Model.open(args.model)
        variant = model.variant(CPU)
        _, digest = model.file(variant.file)
        checked = {"variant": variant.name, "file": variant.file, "sha256": digest}
        found = {"folder": str(model.folder), "checked": checked, "versions": versions(), "card": model.card.raw}
        output.write(as_json(found) + "\n")
    return 0
