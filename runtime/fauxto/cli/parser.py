"""The command line's words: the verbs, and the options that several of them share. Each verb module adds its own."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from fauxto.argument_types import positive, share
from fauxto.reporting.text import visible
from fauxto.verdict import PRIOR
from fauxto.version import __version__

VERBS = {
    "predict": "look for signs of AI in pictures",
    "explain": "draw where in a picture the signs of AI lie",
    "web": "serve a page to drop pictures on, and an HTTP API",
    "eval": "measure the model on labelled pictures of your own",
    "calibrate": "set a threshold that is proved on photographs of your own",
    "scan": "look through a million pictures, into Parquet files",
    "report": "summarise what a scan found",
    "second-opinion": "install, check or remove what a second opinion needs",
    "doctor": "check what can run the model on this machine",
    "bench": "measure latency and throughput on this machine",
    "info": "print the model's card, file hashes and versions",
    "completion": "print a script that completes verbs and options",
}
"""Each verb is a module of this package, "_" for "-", with `add(parser)` for its options and `run(args)`, which returns
the exit status."""

OPTIONS = ("-h", "--help", "--version")

STATUS = """\
exit status:
  0    all went well
  1    some input could not be read
  2    wrong usage, or a model, provider or output that cannot be used
  3    a verdict named by --fail-on was given
  130  stopped by Ctrl-C
  141  the reader of the output closed it (| head)

`fauxto PATH` means `fauxto predict PATH`."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors do nothing to a terminal."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, exit with 2."""
        super().error(visible(message))


def module(verb: str) -> ModuleType:
    """The module of a verb."""
    return import_module(f"fauxto.cli.{verb.replace('-', '_')}")


def build_parser(asked: str | None = None) -> Parser:
    """The parser of all verbs; with the options of only the one that was asked for, if that is a verb.

    Args:
        asked: the first word of the command line; None: the options of every verb.
    """
    parser = Parser(
        prog="fauxto",
        description="Look for signs of AI in pictures, on this machine. A hint, never proof.",
        epilog=STATUS,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"fauxto {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    for verb, summary in VERBS.items():
        own = verbs.add_parser(verb, help=summary)
        if asked in (None, verb):
            module(verb).add(own)
    return parser


def similar(word: str) -> str | None:
    """The verb or option that somebody may have meant by a word that is none; None for what looks like a path."""
    from difflib import get_close_matches  # seldom needed

    is_word = all(part.isalpha() for part in word.replace("_", "-").split("-"))
    close = get_close_matches(word, [*VERBS, *OPTIONS[1:]], n=1) if is_word else []
    return close[0] if close else None


def add_model(parser: argparse.ArgumentParser) -> None:
    """--model."""
    parser.add_argument("--model", metavar="DIR", help="folder of another model (default: the released one)")


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """--output, of the verbs that write piece by piece, with `Output(partial=True)`."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"write the {what} to FILE, which is replaced at the end; a run that is stopped leaves what it has in "
        "FILE.partial",
    )


def add_running(parser: argparse.ArgumentParser) -> None:
    """--model, --provider and --variant."""
    from fauxto.inference.providers import AUTO, CHOICES, VARIABLE

    add_model(parser)
    parser.add_argument(
        "--provider",
        choices=CHOICES,
        help=f"execution provider to run the model on, see fauxto doctor (default: ${VARIABLE}, else {AUTO})",
    )
    parser.add_argument("--variant", metavar="NAME", help="model variant to run (default: the best for the provider)")


def add_second_opinion(parser: argparse.ArgumentParser, does: str = "also ask the larger network") -> None:
    """--second-opinion, and in words what it does."""
    parser.add_argument(
        "--second-opinion",
        action="store_true",
        help=f"{does} that fauxto second-opinion install gets; it sees the whole picture and takes several times as "
        "long",
    )


def add_verdict(parser: argparse.ArgumentParser) -> None:
    """--operating-point and --prior."""
    parser.add_argument(
        "--operating-point",
        metavar="NAME",
        help="rule that turns probabilities into verdicts: fpr1, fpr5, balanced, or one that fauxto calibrate has "
        "saved, by its name or file (default: the model's)",
    )
    add_prior(parser)


def add_prior(parser: argparse.ArgumentParser) -> None:
    """--prior."""
    parser.add_argument(
        "--prior",
        type=share,
        default=PRIOR,
        metavar="P",
        help="share of AI pictures where yours come from, between 0 and 1; it moves probabilities, never verdicts "
        f"(default: {PRIOR})",
    )


def add_batch_size(parser: argparse.ArgumentParser) -> None:
    """--batch-size."""
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=1,
        metavar="N",
        help="pictures in one run of the model; more than 1 pays on a GPU only (default: 1)",
    )
