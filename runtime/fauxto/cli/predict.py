"""fauxto predict: a verdict for each picture."""

from __future__ import annotations

import argparse
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fauxto.argument_types import positive
from fauxto.cli.output import FORMATS, Writer, tally
from fauxto.cli.parser import add_batch_size, add_output, add_running, add_second_opinion, add_verdict
from fauxto.cli.streams import MAX_INPUT, Output, read_input, refuse_overwriting, say
from fauxto.errors import ImageError
from fauxto.files import images_in
from fauxto.progress import Progress, on_terminal, tell
from fauxto.reporting.text import measured

if TYPE_CHECKING:
    from fauxto.detector import Detector
    from fauxto.image.source import Source

FAILING = ("ai", "unsure")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        'A verdict for each picture: "ai" (strong signs of AI), "unsure", or "no sign" (of AI found, which is what '
        "pictures of an unknown generator get too), and the probability that it is AI-generated."
    )
    parser.epilog = "example: fauxto predict -r ~/Pictures --format jsonl -o verdicts.jsonl"
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help=f"pictures, folders with -r, or - for one picture of at most {MAX_INPUT >> 20} MiB on standard input",
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="search folders for pictures")
    parser.add_argument("--format", choices=FORMATS, default="text", help="output format (default: text)")
    add_output(parser, "results")
    parser.add_argument(
        "--provenance",
        action="store_true",
        help="also say what each file declares of its origin (C2PA, XMP, EXIF, PNG texts); it moves no verdict",
    )
    parser.add_argument(
        "--fail-on",
        action="append",
        choices=FAILING,
        help="exit with 3 if a picture gets this verdict, also where the output is no longer read; may be repeated",
    )
    add_verdict(parser)
    add_running(parser)
    add_second_opinion(parser)
    add_batch_size(parser)
    parser.add_argument("--jobs", type=positive, metavar="N", help="threads that decode (default: the usable CPUs)")


def run(args: argparse.Namespace) -> int:
    """Print a verdict for each picture."""
    from fauxto.detector import Detector
    from fauxto.image.decode import keep_memory

    refuse_overwriting(args.output, args.paths)
    if args.recursive or len(args.paths) > 1:  # else no next picture needs the memory, and the network does
        keep_memory()
    detector = Detector(
        args.model,
        provider=args.provider,
        variant=args.variant,
        operating_point=args.operating_point,
        provenance=args.provenance,
        prior=args.prior,
        second_opinion=args.second_opinion,
    )
    seen: Counter[str] = Counter()
    inputs = Inputs(args.paths, args.recursive)
    decodings = (partial(detector.decode, source, name=name) for name, source in inputs)
    output = Output(args.output, partial=True, outlive_reader=bool(args.fail_on))
    try:
        with output, Writer(output, args.format, fused=args.second_opinion) as writer:
            progress = Progress(on_terminal() and not output.isatty, unit="pictures")
            try:
                for record in detector.answer_many(decodings, batch_size=args.batch_size, jobs=args.jobs):
                    writer.write(record)
                    seen[record.verdict or "error"] += 1
                    progress.update(seen.total())
            finally:
                progress.clear()
    except KeyboardInterrupt:
        say(f"stopped after {seen.total()} pictures")
        return 130
    if seen.total() != 1:
        summarise(seen, _trust(detector))
    if any(seen[verdict] for verdict in args.fail_on or ()):
        return 3
    return 1 if seen["error"] or inputs.failed else 0


def _trust(detector: Detector) -> str:
    """What stands behind the words, in one line: the card's test, or the photographs that a user has calibrated on."""
    point = detector.operating_point
    if point.name in detector.card.operating_points:
        test = measured(detector.card.test_point(point.name))
        return f"on the model's test set, {test}" if test else ""
    return (
        f"{point.name} was set on {point.n_real} photographs; with 95 % confidence, at most "
        f"{100 * point.fpr_upper:.2f} % of such photographs are called ai"
    )


def summarise(seen: Counter[str], trust: str) -> None:
    """What several pictures got, and how far such verdicts are right, on stderr."""
    tell(f"{seen.total()} pictures: {tally(seen)}")
    if trust and seen.total() > seen["error"]:
        tell(trust)


class Inputs:
    """The pictures that the command line names, found while they are asked for, in a fixed order: (name, source).

    Attributes:
        failed: how many paths led to nothing; each was said on stderr.
    """

    def __init__(self, paths: Sequence[str], recursive: bool) -> None:
        self._paths, self._recursive, self.failed = paths, recursive, 0

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        for path in self._paths:
            if path == "-":
                yield path, self._from_input()
            elif self._recursive and os.path.isdir(path):
                count = 0
                for count, picture in enumerate(images_in(path, self._unlisted), 1):  # noqa: B007
                    yield picture, picture
                if not count:
                    self._complain(f"{path}: no pictures in it; files named outright are always tried")
            else:
                yield path, path

    def _from_input(self) -> Source:
        # Read here and not on a thread that decodes: Ctrl-C would wait for the end of the input.
        try:
            return read_input()
        except ImageError as error:
            return _Unreadable(error)

    def _unlisted(self, error: OSError) -> None:
        self._complain(f"{error.filename}: cannot be listed ({error.strerror})")

    def _complain(self, text: str) -> None:
        say(text)
        self.failed += 1


class _Unreadable(io.BytesIO):
    """A file that fails with the error that was met already, so that it becomes a record like others."""

    def __init__(self, error: ImageError) -> None:
        super().__init__()
        self._error = error

    def read(self, *_: object) -> bytes:
        """Raise the error."""
        raise self._error
