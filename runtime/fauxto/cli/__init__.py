"""The command line: verbs, and nothing but verbs."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from fauxto.cli.output import Writer
from fauxto.cli.parser import build_parser
from fauxto.errors import FauxtoError, ImageError
from fauxto.progress import Progress

if TYPE_CHECKING:
    from fauxto.image.source import Source


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
        status = VERBS[args.verb](args)
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


def run_predict(args: argparse.Namespace) -> int:
    """Print a verdict for each picture."""
    from fauxto.detector import Detector
    from fauxto.image.decode import keep_memory

    keep_memory()
    detector = Detector(
        args.model,
        provider=args.provider,
        operating_point=args.operating_point,
        provenance=args.provenance,
        variant=args.variant,
    )
    seen: Counter[str] = Counter()
    empty: list[str] = []
    pictures = expand(args.paths, args.recursive, empty)
    with open_output(args.output) as stream:
        progress = Progress(sys.stderr.isatty() and not stream.isatty())
        try:
            with Writer(stream, args.format) as writer:
                for record in detector.predict_many(pictures, batch_size=args.batch_size, jobs=args.jobs):
                    writer.write(replace(record, path="-") if record.path is None else record)
                    seen[record.verdict or "error"] += 1
                    progress.update(seen.total())
        except KeyboardInterrupt:
            progress.clear()
            print(f"fauxto: stopped after {seen.total()} pictures; what was written is whole", file=sys.stderr)
            return 130
        progress.clear()
    if seen.total() != 1:
        counts = ", ".join(f"{seen[word]} {word}" for word in ("no_sign", "unsure", "ai", "error"))
        print(f"{seen.total()} pictures: {counts}", file=sys.stderr)
    if args.fail_on and seen[args.fail_on]:
        return 3
    return 1 if seen["error"] or empty else 0


def run_explain(args: argparse.Namespace) -> int:
    """Write the heat map of one picture."""
    import numpy as np

    from fauxto.detector import Detector
    from fauxto.explain import bare, overlay
    from fauxto.image.decode import load

    try:
        image = load(sys.stdin.buffer.read() if args.path == "-" else args.path)
    except ImageError as error:
        raise FauxtoError(f"{args.path}: {error}") from None
    heat = Detector(args.model, provider=args.provider, variant=args.variant).explain(image)
    try:
        if args.kind == "array":
            with args.output.open("wb") as file:
                np.save(file, heat)
        else:
            (overlay(image, heat) if args.kind == "overlay" else bare(heat)).save(args.output)
    except (OSError, ValueError) as error:  # ValueError: a suffix that names no format
        raise FauxtoError(f"{args.output}: cannot be written ({error}); choose another -o") from None
    return 0


def run_web(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    try:
        from fauxto.web import serve
    except ImportError:
        raise FauxtoError('the page needs more packages: pip install "fauxto[web]"') from None
    serve(args.host, args.port, args.model, args.provider, args.variant)
    return 0


def expand(paths: Iterable[str], recursive: bool, empty: list[str]) -> Iterator[Source]:
    """The pictures that the command line names, found while they are asked for, in a fixed order.

    A folder without pictures, or one that cannot be listed, is said on stderr and added to `empty`.
    """
    from fauxto.files import images_in

    def unlisted(error: OSError) -> None:
        print(f"{error.filename}: cannot be listed ({error.strerror})", file=sys.stderr)
        empty.append(str(error.filename))

    for path in paths:
        if path == "-":
            yield sys.stdin.buffer.read()
        elif not (recursive and os.path.isdir(path)):
            yield path
        else:
            count = 0
            for count, picture in enumerate(images_in(path, unlisted), 1):  # noqa: B007
                yield picture
            if not count:
                print(f"{path}: no pictures in it; files named outright are always tried", file=sys.stderr)
                empty.append(path)


def open_output(path: Path | None, mode: Literal["w", "a"] = "w") -> nullcontext[TextIO] | TextIO:
    """Standard output, or the file of -o. Raises FauxtoError where it cannot be written."""
    if path is None:
        return nullcontext(sys.stdout)
    try:
        return path.open(mode, encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise FauxtoError(f"{path}: cannot be written ({error.strerror}); choose another -o") from None


def refuse_unwritable(*paths: Path | None) -> None:
    """Raise FauxtoError now, before long work, for a file that cannot be written. What it holds stays in it."""
    for path in paths:
        with open_output(path, "a"):
            pass


def run_info(args: argparse.Namespace) -> int:
    """Print the model's card, and what it runs on, as JSON."""
    from fauxto.inference.providers import CPU
    from fauxto.model.model import Model
    from fauxto.system import versions

    model = Model.open(args.model)
    variant = model.variant(CPU)
    _, digest = model.file(variant.file)
    checked = {"variant": variant.name, "file": variant.file, "sha256": digest}
    print(
        json.dumps(
            {"folder": str(model.folder), "checked": checked, "versions": versions(), "card": model.card.raw}, indent=2
        )
    )
    return 0


def run_completion(args: argparse.Namespace) -> int:
    """Print the completion script, which shtab made when fauxto was built (tests/runtime/test_completion.py)."""
    from importlib.resources import files

    print((files("fauxto.cli") / "completion" / f"fauxto.{args.shell}").read_text("utf-8"), end="")
    return 0


def run_eval(args: argparse.Namespace) -> int:
    """Measure the model on a labelled folder."""
    try:
        from fauxto.evaluate.report import as_html, as_markdown, as_text
        from fauxto.evaluate.run import evaluate
    except ImportError:
        raise FauxtoError('eval needs more packages: pip install "fauxto[eval]"') from None
    refuse_unwritable(args.output, args.html)
    conditions = args.conditions.split(",")
    found = evaluate(
        args.folder, args.model, conditions, args.sample, args.grid, provider=args.provider, variant=args.variant
    )
    with open_output(args.output) as stream:
        if args.format == "json":
            print(json.dumps(found.report, indent=2), file=stream)
        else:
            print((as_markdown if args.format == "markdown" else as_text)(found.report), file=stream)
    if args.html:
        with open_output(args.html) as page:
            page.write(as_html(found, thumbnails=not args.no_thumbnails))
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Print what can run the model here. Exit status 1 where a file is not as the card says."""
    from fauxto.doctor import as_text, examine, intact

    found = examine(args.model)
    print(json.dumps(found, indent=2) if args.json else as_text(found))
    return 0 if intact(found) else 1


def run_bench(args: argparse.Namespace) -> int:
    """Measure latency and throughput."""
    from fauxto.bench.plan import QUICK, SCOPES, Plan, parse_batches
    from fauxto.bench.report import FORMATS, write_all
    from fauxto.bench.run import run

    plan = Plan(
        args.model,
        tuple(args.provider or ()),
        tuple(args.variant or ()),
        tuple(args.scope or SCOPES),
        parse_batches(args.batch_sizes),
        args.threads,
    )
    bounds: dict[str, Any] = dict(QUICK) if args.quick else {}
    bounds |= {"seconds": float(args.duration)} if args.duration else {}
    bounds |= {"most": args.count} if args.count else {}
    refuse_unwritable(args.output)
    report = run(replace(plan, **bounds))
    with open_output(args.output) as stream:
        print(FORMATS[args.format](report), file=stream)
    for path in write_all(report, args.out) if args.out else ():
        print(f"written: {path}", file=sys.stderr)
    return 0 if report["complete"] else 130


def run_scan(args: argparse.Namespace) -> int:
    """Scan into Parquet files, or report on them."""
    try:
        from fauxto.scan import report, run
    except ImportError:
        raise FauxtoError('scan needs more packages: pip install "fauxto[scan]"') from None
    if args.report:
        refuse_unwritable(args.output, args.html)
        found = report.summarise(args.report)
        with open_output(args.output) as stream:
            print(json.dumps(found, indent=2) if args.format == "json" else report.as_text(found), file=stream)
        if args.html:
            from fauxto.scan.page import as_html

            with open_output(args.html) as page:
                page.write(as_html(found))
        return 0
    if args.out is None:
        raise FauxtoError("scan needs --out DIR, a folder for the results, or --report DIR")
    plan = run.Plan(**{field.name: getattr(args, field.name) for field in fields(run.Plan)})
    seen: Counter[str] = Counter()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # saved as after Ctrl-C
    try:
        before = run.scan(replace(plan, sources=tuple(args.sources)), seen)
    except KeyboardInterrupt:
        print(f"fauxto: stopped after {seen.total()} pictures; the same command goes on", file=sys.stderr)
        return 130
    counts = ", ".join(f"{seen[word]} {word}" for word in ("no_sign", "unsure", "ai", "error"))
    done = f" ({before} were done before)" if before else ""
    print(f"{seen.total()} pictures{done}: {counts}; fauxto scan --report {args.out}", file=sys.stderr)
    return 1 if seen["error"] else 0


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "predict": run_predict,
    "explain": run_explain,
    "web": run_web,
    "eval": run_eval,
    "doctor": run_doctor,
    "bench": run_bench,
    "scan": run_scan,
    "info": run_info,
    "completion": run_completion,
}
