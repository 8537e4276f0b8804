"""Write the files of a model that git does not keep, from those that it keeps.

    python -m export.variants                       # the released model's, into its own folder
    python -m export.variants MODEL --out DIR

NAME-8bit.mlpackage, NAME-6bit.mlpackage   from NAME.mlpackage

The card has their sha256: a file that comes out otherwise is refused.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from export.errors import ExportError
from export.manifest import digests, not_kept
from fauxto.model.model import Model, sha256
from train.errors import exit_status

PLAIN_PACKAGE = "fp16"


def write(model: Model, out: Path) -> list[Path]:
    """Write all files of `model` that are not kept in git into `out`, each whole or not at all.

    Returns:
        What was written; files that are there already, with the card's sha256, are left alone.

    Raises:
        ExportError: a file cannot be made here, or comes out otherwise than the card says.
        ModelError: a file that it is made from is missing or damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, file in not_kept(model.card.raw):
        expected = digests(model.card.raw, file)
        if holds(out, expected):
            print(f"there already: {out / file}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(dir=out, prefix=".variants-") as place:
            make(model, name, Path(place, file))
            if not holds(Path(place), expected):
                raise ExportError(f"{file}: not the bytes that the card tells of; {versions(model)}")
            if (out / file).is_dir():
                shutil.rmtree(out / file)
            os.replace(Path(place, file), out / file)
        print(f"written: {out / file}", file=sys.stderr)
        written.append(out / file)
    return written


def make(model: Model, name: str, path: Path) -> None:
    """Write one file or package of a model to `path`, by its precision's name in the card."""
    raw = model.card.raw
    try:
        from export import coreml  # coremltools, which is not for every system
    except ImportError:
        raise ExportError(f"{path.name}: needs coremltools, which is not for this system") from None
    packages = raw.get("coreml", {})
    if name not in coreml.PRECISIONS or PLAIN_PACKAGE not in packages:
        raise ExportError(f"{path.name}: cannot be made from the model's other files; export the model again")
    plain = packages[PLAIN_PACKAGE]["file"]
    for file in digests(raw, plain):
        model.file(file)
    coreml.save_package(coreml.palettised(coreml.open_package(model.folder / plain), name), path)


def holds(folder: Path, expected: Mapping[str, str]) -> bool:
    """Whether `folder` has each of these files with its sha256. False where nothing is expected."""
    return bool(expected) and all(
        (folder / name).exists() and sha256(folder / name) == digest for name, digest in expected.items()
    )


def versions(model: Model) -> str:
    """What the card's files were made with, and what is here, where that differs."""
    made = model.card.raw.get("versions", {})
    here = {name: installed(name) for name in made if name != "torch"}
    told = ", ".join(f"{name} {made[name]} (here {own})" for name, own in here.items() if own != made[name])
    return f"install {told}" if told else "export the model again"


def installed(package: str) -> str:
    """The version of a package here, "none" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def main(argv: list[str] | None = None) -> int:
    """Write what is missing. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.variants",
        description="Write the files of a model that are not kept in git, from those that are.",
    )
    parser.add_argument(
        "model", type=Path, nargs="?", metavar="MODEL", help="folder of a model (default: the released one)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write into (default: the model's)")
    args = parser.parse_args(argv)

    def work() -> None:
        model = Model.open(args.model)
        write(model, args.out or model.folder)

    return exit_status("export.variants", work)


if __name__ == "__main__":
    sys.exit(main())
