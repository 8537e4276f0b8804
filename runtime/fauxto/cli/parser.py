"""The command line's verbs and options; what they do is in cli.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import fauxto
from fauxto.cli.output import FORMATS
from fauxto.inference.providers import AUTO, CHOICES, NAMES, VARIABLE

SCOPES = ("model", "end_to_end")
SHELLS = ("bash", "zsh", "tcsh")


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

    running = argparse.ArgumentParser(add_help=False, parents=[model])
    running.add_argument(
        "--provider",
        choices=CHOICES,
        help=f"what runs the model (default: ${VARIABLE}, else {AUTO}); see fauxto doctor",
    )
    running.add_argument("--variant", metavar="NAME", help="of the model's files (default: the best for the provider)")

    predict = verbs.add_parser(
        "predict",
        parents=[running],
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
    predict.set_defaults(verb="predict")

    explain = verbs.add_parser(
        "explain",
        parents=[running],
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
    explain.set_defaults(verb="explain")

    web = verbs.add_parser(
        "web",
        parents=[running],
        help="a page to drop pictures on, and an HTTP API",
        description="Serve the page and POST /api/predict on this machine.",
        epilog="example: fauxto web --port 8000",
    )
    web.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    web.add_argument("--port", type=port, default=7860, help="(default: 7860)")
    web.set_defaults(verb="web")

    evaluate = verbs.add_parser(
        "eval",
        parents=[running],
        help="measure the model on your own labelled folder",
        description="Measure the model on DIR/{ai,real}, beside a baseline of trivial features.",
        epilog="example: fauxto eval ~/labelled --grid 200 --html report.html",
    )
    evaluate.add_argument("folder", type=Path, metavar="DIR", help="folder with the sub-folders ai and real")
    evaluate.add_argument("--conditions", default="clean,web,hard", metavar="LIST", help="(default: clean,web,hard)")
    evaluate.add_argument("--sample", type=positive, metavar="N", help="only N pictures of each class, seeded")
    evaluate.add_argument(
        "--grid", type=positive, default=0, metavar="N", help="also JPEG, WebP, scale, blur, noise on N of each class"
    )
    evaluate.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="(default: text)")
    evaluate.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures there")
    evaluate.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots and the worst mistakes")
    evaluate.add_argument("--no-thumbnails", action="store_true", help="leave the pictures out of the page")
    evaluate.set_defaults(verb="eval")

    doctor = verbs.add_parser(
        "doctor",
        parents=[model],
        help="what can run the model here, and what is wrong with the rest",
        description="Try every execution provider: does it load, run the whole model, answer rightly, and how fast.",
        epilog="example: fauxto doctor --json",
    )
    doctor.add_argument("--json", action="store_true", help="all of it, as JSON")
    doctor.set_defaults(verb="doctor")

    _add_bench(verbs, model)
    _add_scan(verbs, running)

    info = verbs.add_parser(
        "info",
        parents=[model],
        help="the model, its card, hashes and versions",
        description="Print the model's card and what it runs on, as JSON.",
        epilog="example: fauxto info | head",
    )
    info.set_defaults(verb="info")

    completion = verbs.add_parser(
        "completion",
        help="completion of verbs and options for a shell",
        description="Print a script that teaches a shell to complete fauxto's verbs and options.",
        epilog="example: fauxto completion bash > ~/.local/share/bash-completion/completions/fauxto",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(verb="completion")
    return parser


def _add_bench(verbs: Any, model: argparse.ArgumentParser) -> None:
    bench = verbs.add_parser(
        "bench",
        parents=[model],
        help="latency and throughput on this machine",
        description="Measure every provider and variant here, each in a fresh process, beside how right it answers.",
        epilog="example: fauxto bench --quick; fauxto bench --out results",
    )
    bench.add_argument("--provider", action="append", choices=tuple(NAMES), help="may be repeated (default: all here)")
    bench.add_argument("--variant", action="append", metavar="NAME", help="may be repeated (default: all there are)")
    bench.add_argument("--scope", action="append", choices=SCOPES, help="the network alone, or from file to verdict")
    bench.add_argument("--batch-sizes", metavar="LIST", help="views in one run (default: 1, and those of a picture)")
    bench.add_argument("--threads", type=positive, metavar="N", help="of the inference (default: the usable CPUs)")
    bench.add_argument("--duration", type=positive, metavar="SECONDS", help="of each measurement (default: 10)")
    bench.add_argument("--count", type=positive, metavar="N", help="at most so many samples of each (default: 5000)")
    bench.add_argument("--quick", action="store_true", help="one second for each")
    bench.add_argument("--format", choices=("text", "markdown", "csv", "json"), default="text", help="(default: text)")
    bench.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the results there")
    bench.add_argument("--out", type=Path, metavar="DIR", help="write every format and a plot, named by device, there")
    bench.set_defaults(verb="bench")


def _add_scan(verbs: Any, running: argparse.ArgumentParser) -> None:
    scan = verbs.add_parser(
        "scan",
        parents=[running],
        help="a million pictures into Parquet files, to stop and go on",
        description="Verdicts for any number of pictures as Parquet files. Run again, it goes on where it ended.",
        epilog="example: fauxto scan ~/archive shards/*.tar s3://bucket/photos --out verdicts; "
        "fauxto scan --report verdicts --html report.html",
    )
    scan.add_argument(
        "sources", nargs="*", metavar="SRC",
        help="folders, globs, .txt files with a path a line, .tar shards, pictures, URLs of stores that fsspec knows; "
        "none: go on with the scan in DIR",
    )  # fmt: skip
    scan.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    scan.add_argument(
        "--report", type=Path, metavar="DIR", help="say what the scan in DIR has found; nothing is scanned"
    )
    scan.add_argument("--format", choices=("text", "json"), default="text", help="of the report (default: text)")
    scan.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the report there")
    scan.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page with plots and finds")
    scan.add_argument("--sample", type=positive, metavar="N", help="only N of the pictures, drawn by --seed")
    scan.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample (default: 0)")
    scan.add_argument("--operating-point", metavar="NAME", help="fpr1, fpr5 or balanced (default: the model's own)")
    scan.add_argument("--part-rows", type=positive, default=512, metavar="N", help="pictures in a file (default: 512)")
    scan.add_argument("--batch-size", type=positive, default=1, metavar="N", help="pictures in one run of the model")
    scan.add_argument("--jobs", type=positive, metavar="N", help="processes that decode (default: the usable CPUs)")
    scan.add_argument("--engine", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster")
    scan.add_argument("--workers", type=positive, metavar="N", help="of Ray, at most (default: its CPUs)")
    scan.add_argument("--num-gpus", type=float, default=0, metavar="N", help="of each of Ray's workers (default: 0)")
    scan.set_defaults(verb="scan")


def port(word: str) -> int:
    """An argument that is a TCP port."""
    number = positive(word)
    if number > 65535:
        raise ValueError
    return number


def positive(word: str) -> int:
    """An argument that is a whole number of at least 1."""
    number = int(word)
    if number < 1:
        raise ValueError
    return number
