"""fauxto completion: verbs and options, completed by a shell.

The scripts for bash, zsh and tcsh were made by shtab (tests/runtime/cli/test_completion.py writes them anew). It has
none for fish: `fish` makes that one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fauxto.cli.parser import VERBS, build_parser
from fauxto.cli.streams import Output

SHELLS = ("bash", "zsh", "fish", "tcsh")
PLACES = ("PATH", "SRC", "DIR", "FILE", "WHEEL")
"""What stands for a file or folder in the help."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Print a script that teaches a shell to complete fauxto's verbs and options."
    parser.epilog = (
        "example: fauxto completion bash > ~/.local/share/bash-completion/completions/fauxto; "
        "fauxto completion fish > ~/.config/fish/completions/fauxto.fish"
    )
    parser.add_argument("shell", choices=SHELLS, help="shell to print the script for")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    with Output(None) as output:
        if args.shell == "fish":
            output.write(fish())
        else:
            output.write((files("fauxto.cli") / "completions" / f"fauxto.{args.shell}").read_text("utf-8"))
    return 0


def fish() -> str:
    """The script for fish, made of the present parser. `fauxto PATH` is completed as `fauxto predict PATH`."""
    parser = build_parser()
    verbs = _choices(parser)
    none = "not __fish_seen_subcommand_from " + " ".join(VERBS)
    lines = ["# fish completion of fauxto, printed by: fauxto completion fish"]
    lines += [_line("__fish_use_subcommand", f"-a {verb} -d {_quoted(summary)}") for verb, summary in VERBS.items()]
    lines += [_line(none, rest) for action in parser._actions for rest in _words(action)]
    for verb, own in verbs.items():
        lines += _lines(own, _in(verb))
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the words one of which must follow: of the verbs, of what a verb can do, or none."""
    found = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0]) if found else {}


def _lines(parser: argparse.ArgumentParser, condition: str) -> list[str]:
    """What a verb, or one of the words that must follow a verb, is completed with; `condition`: it was given."""
    inner = _choices(parser)
    positional = [action for own in (parser, *inner.values()) for action in own._get_positional_actions()]
    lines = [] if any(action.metavar in PLACES for action in positional) else [_line(condition, "-f")]
    lines += [_line(condition, rest) for action in parser._actions for rest in _words(action)]
    if inner:
        none = f"{condition}; and not __fish_seen_subcommand_from {' '.join(inner)}"
        lines.append(_line(none, f"-f -a {_quoted(' '.join(inner))}"))
    for word, own in inner.items():
        lines += _lines(own, f"{condition}; and __fish_seen_subcommand_from {word}")
    return lines


def _in(verb: str) -> str:
    """The condition that the words until now are of `verb`, which for "predict" need not be among them."""
    if verb != "predict":
        return f"__fish_seen_subcommand_from {verb}"
    return "not __fish_seen_subcommand_from " + " ".join(other for other in VERBS if other != "predict")


def _words(action: argparse.Action) -> Iterator[str]:
    """What `complete` must be told of an option, or of a choice that stands alone."""
    if isinstance(action, argparse._SubParsersAction):
        return
    choices = f"-a {_quoted(' '.join(map(str, action.choices)))}" if action.choices else ""
    if not action.option_strings:
        if choices:
            yield choices
        return
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in action.option_strings]
    value = [] if action.nargs == 0 else ["-r", "-F"] if action.metavar in PLACES else ["-x"]
    yield " ".join([*names, *value, *([choices] if choices else []), f"-d {_quoted(action.help or '')}"])


def _line(condition: str, rest: str) -> str:
    return f"complete -c fauxto -n {_quoted(condition)} {rest}"


def _quoted(text: Any) -> str:
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"
