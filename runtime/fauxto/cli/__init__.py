"""The command line: parse, run, exit status."""

from __future__ import annotations

import os
import sys
import warnings

from fauxto.cli import streams
from fauxto.cli.parser import OPTIONS, VERBS, build_parser, module, similar
from fauxto.cli.streams import ClosedPipeError, say
from fauxto.errors import FauxtoError, ImageError


def main(argv: list[str] | None = None) -> int:
    """Run a command line. Returns the exit status, see `fauxto --help`; like argparse, exits on wrong usage."""
    streams.mend()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if not words:
            build_parser("").print_help(sys.stderr)
            return 2
        if words[0] not in VERBS and words[0] not in OPTIONS:
            meant = similar(words[0])
            if meant and not os.path.lexists(words[0]):
                say(f"no such file or verb '{words[0]}'; did you mean {meant}?")
                return 2
            words.insert(0, "predict")
        args = build_parser(words[0]).parse_args(words)
        # What Pillow warns of, a large or slightly damaged picture, it names no file for; errors do.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        status: int = module(args.verb).run(args)
        return status
    except ImageError as error:
        say(str(error))
        return 1
    except FauxtoError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except ClosedPipeError:
        return 141
    except OSError as error:  # none of ours: output that cannot be written is an OutputError
        say(f"{error.filename}: {error.strerror}" if error.filename is not None else str(error))
        return 2
    finally:
        streams.finish()
