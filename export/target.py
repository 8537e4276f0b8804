"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError


def refuse_used(out: Path, option: str) -> None:
    """Raise ExportError where OUT is more than an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out}: exists and is not an empty folder; choose another {option}")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside OUT to write into, which becomes OUT if nothing is raised and is gone otherwise."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        folder = Path(name, out.name)
        folder.mkdir()
        yield folder
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
