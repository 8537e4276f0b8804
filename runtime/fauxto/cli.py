"""The command line: verbs, and nothing but verbs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import fauxto
from fauxto.errors import FauxtoError, ImageError
from fauxto.output import FORMATS, Progress, Writer

if TYPE_CHECKING:
    from fauxto.image import Source

VERBS = ("predict", "explain", "info", "eval")


def main(argv: list[str] | None = None) -> int:
    """Run a command line. Returns the exit status: 0, 1 (an input failed), 2 (usage), 3 (--fail-on)."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not words:
        parser.print_help(sys.stderr)
        return 2
    if words[0] not in (*VERBS, "-h", "--help", "--version"):
        words.insert(0, "predict")
    args = parser.parse_args(words)
    # What Pillow warns of, a large or slightly damaged picture, it names no file for; errors do.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not be valid text
    try:
        status: int = args.run(args)
    except FauxtoError as error:
        print(f"fauxto: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fauxto: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has seen enough (| head). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, say
        print(f"fauxto: the results cannot be written ({error.strerror or error})", file=sys.stderr)
        return 2
    return status


def build_parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    parser = argparse.ArgumentParser(
        prog="fauxto",
        description="Tell AI-generated pictures from photographs, on this machine. A hint, never proof.",
        epilog="`fauxto PATH` means `fauxto predict PATH`.",
    )
    parser.add_argument("--version", action="version", version=f"fauxto {fauxto.__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--model", metavar="DIR", help="folder of another model (default: the released one)")

    predict = verbs.add_parser(
        "predict",
        parents=[model],
        help="a verdict for each picture",
        description="A verdict for each picture: photo, unsure or ai.",
        epilog="example: fauxto predict -r ~/Pictures --format jsonl -o verdicts.jsonl",
    )
    predict.add_argument("paths", nargs="+", metavar="PATH", help="pictures, folders with -r, or - for standard input")
    predict.add_argument("-r", "--recursive", action="store_true", help="search folders for pictures")
    predict.add_argument("--format", choices=FORMATS, default="text", help="of the results (default: text)")
    predict.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the results there")
    predict.add_argument("--operating-point", metavar="NAME", help="fpr1, fpr5 or balanced (default: the model's own)")
    predict.add_argument("--batch-size", type=positive, default=1, metavar="N", help="pictures in one run of the model")
    predict.add_argument("--jobs", type=positive, metavar="N", help="threads that decode (default: the usable CPUs)")
    predict.add_argument(
        "--provenance", action="store_true", help="also say what the file declares of itself (C2PA, XMP, EXIF, texts)"
    )
    predict.add_argument("--fail-on", choices=("ai",), help="exit with 3 if a picture gets this verdict")
    predict.set_defaults(run=run_predict)

    explain = verbs.add_parser(
        "explain",
        parents=[model],
        help="a heat map of where the evidence lies",
        description="Draw where the evidence lies: red speaks for ai, blue for a photograph. A hint, not proof.",
        epilog="example: fauxto explain photo.jpg -o heat.png",
    )
    explain.add_argument("path", metavar="PATH", help="one picture, or - for standard input")
    explain.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="heat map to write")
    explain.add_argument(
        "--as", dest="kind", choices=("overlay", "map", "array"), default="overlay",
        help="over the picture, alone, or log-odds as .npy, (H, W) float32 (default: overlay)",
    )  # fmt: skip
    explain.set_defaults(run=run_explain)

    info = verbs.add_parser("info", parents=[model], help="the model, its card, hashes and versions")
    info.set_defaults(run=run_info)

    evaluate = verbs.add_parser(
        "eval",
        parents=[model],
        help="measure the model on your own labelled folder",
        description="Measure the model on DIR/{ai,real}, beside a baseline of trivial features.",
        epilog="example: fauxto eval ~/labelled --conditions clean,web,hard --grid 200 --html report.html",
    )
    evaluate.add_argument("folder", type=Path, metavar="DIR", help="folder with the sub-folders ai and real")
    evaluate.add_argument("--conditions", default="clean", metavar="LIST", help="of clean,web,hard (default: clean)")
    evaluate.add_argument("--sample", type=positive, metavar="N", help="only N pictures of each class, seeded")
    evaluate.add_argument(
        "--grid", type=positive, default=0, metavar="N", help="also JPEG, WebP, scale, blur, noise on N of each class"
    )
    evaluate.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="(default: text)")
    evaluate.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures there")
    evaluate.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots and the worst mistakes")
    evaluate.add_argument("--no-thumbnails", action="store_true", help="leave the pictures out of the page")
    evaluate.set_defaults(run=run_eval)
    return parser


def positive(word: str) -> int:
    """An argument that is a whole number of at least 1."""
    number = int(word)
    if number < 1:
        raise ValueError
    return number


def run_predict(args: argparse.Namespace) -> int:
    """Print a verdict for each picture."""
    from fauxto.detector import Detector

    detector = Detector(args.model, operating_point=args.operating_point, provenance=args.provenance)
    seen: Counter[str] = Counter()
    empty: list[str] = []
    pictures = expand(args.paths, args.recursive, empty)
    with open_output(args.output) as stream:
        progress = Progress(sys.stderr.isatty() and not stream.isatty())
        try:
            with Writer(stream, args.format) as writer:
                for record in detector.predict_many(pictures, args.batch_size, args.jobs):
                    writer.write(replace(record, path="-") if record.path is None else record)
                    seen[record.verdict or "error"] += 1
                    progress.update(seen.total())
        except KeyboardInterrupt:
            progress.clear()
            print(f"fauxto: stopped after {seen.total()} pictures; what was written is whole", file=sys.stderr)
            return 130
        progress.clear()
    if seen.total() != 1:
        counts = ", ".join(f"{seen[word]} {word}" for word in ("photo", "unsure", "ai", "error"))
        print(f"{seen.total()} pictures: {counts}", file=sys.stderr)
    if args.fail_on and seen[args.fail_on]:
        return 3
    return 1 if seen["error"] or empty else 0


def run_explain(args: argparse.Namespace) -> int:
    """Write the heat map of one picture."""
    import numpy as np

    from fauxto.detector import Detector
    from fauxto.explain import bare, overlay
    from fauxto.image import load

    try:
        image = load(sys.stdin.buffer.read() if args.path == "-" else args.path)
    except ImageError as error:
        raise FauxtoError(f"{args.path}: {error}") from None
    heat = Detector(args.model).explain(image)
    try:
        if args.kind == "array":
            with args.output.open("wb") as file:
                np.save(file, heat)
        else:
            (overlay(image, heat) if args.kind == "overlay" else bare(heat)).save(args.output)
    except (OSError, ValueError) as error:  # ValueError: a suffix that names no format
        raise FauxtoError(f"{args.output}: cannot be written ({error}); choose another -o") from None
    return 0


def expand(paths: Iterable[str], recursive: bool, empty: list[str]) -> Iterator[Source]:
    """The pictures that the command line names, found while they are asked for, in a fixed order.

    A folder without pictures is said on stderr and added to `empty`.
    """
    from fauxto.image import SUFFIXES

    for path in paths:
        if path == "-":
            yield sys.stdin.buffer.read()
        elif not (recursive and os.path.isdir(path)):
            yield path
        else:
            count = 0
            for folder, folders, files in os.walk(path, onerror=lambda error: print(error, file=sys.stderr)):
                folders.sort()
                for name in sorted(files):
                    if os.path.splitext(name)[1].lower() in SUFFIXES:
                        count += 1
                        yield os.path.join(folder, name)
            if not count:
                print(f"{path}: no pictures in it; files named outright are always tried", file=sys.stderr)
                empty.append(path)


def open_output(path: Path | None) -> nullcontext[TextIO] | TextIO:
    """Standard output, or the file of -o. Raises FauxtoError where it cannot be written."""
    if path is None:
        return nullcontext(sys.stdout)
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise FauxtoError(f"{path}: cannot be written ({error.strerror}); choose another -o") from None


def run_info(args: argparse.Namespace) -> int:
    """Print the model's card, and what it runs on, as JSON."""
    import numpy
    import onnxruntime
    import PIL

    from fauxto import card as cards

    folder = cards.find_model(args.model)
    card = cards.read(folder)
    cards.checked_file(folder, card)
    versions = {
        "fauxto": fauxto.__version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "onnxruntime": onnxruntime.__version__,
    }
    print(json.dumps({"folder": str(folder), "sha256_checked": True, "versions": versions, "card": card.raw}, indent=2))
    return 0


def run_eval(args: argparse.Namespace) -> int:
    """Measure the model on a labelled folder."""
    try:
        from fauxto.evaluate import evaluate
        from fauxto.evaluate.report import as_html, as_markdown, as_text
    except ImportError:
        raise FauxtoError('eval needs more packages: pip install "fauxto[eval]"') from None
    from fauxto import card as cards

    with open_output(args.output) as stream, open_output(args.html) as page:
        found = evaluate(args.folder, args.model, args.conditions.split(","), args.sample, args.grid)
        if args.format == "json":
            print(json.dumps(found.report, indent=2), file=stream)
        else:
            print((as_markdown if args.format == "markdown" else as_text)(found.report), file=stream)
        if args.html:
            card = cards.read(cards.find_model(args.model))
            page.write(as_html(found, card, thumbnails=not args.no_thumbnails))
    return 0
