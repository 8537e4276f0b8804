"""The page's files, from runtime/js in a checkout or from the wheel: all that is served, in memory from the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/manifest+json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""Suffix -> media type. Files of other kinds are not served."""

EXAMPLES = "examples.json"
"""Beside the page: neutral name -> file. It would give the answers away, so it is not served."""

LOCAL, SERVER = b'<meta name="engine" content="local">', b'<meta name="engine" content="server">'
"""How the page knows its home."""


@dataclass(frozen=True)
class Places:
    """Where the files lie.

    Attributes:
        page: the folder of index.html.
        src: the folder of the modules that the page imports as ./src/.
        examples: the folder of the pictures that its examples.json names.
    """

    page: Path
    src: Path
    examples: Path


@dataclass(frozen=True)
class File:
    """One file, as it is served."""

    content: bytes
    media_type: str


def find() -> Places | None:
    """The wheel's files, else the checkout's; None where there are neither."""
    package = Path(__file__).parents[1]
    root = package.parents[1]
    wheel = Places(package / "web" / "page", package / "web" / "page" / "src", package / "examples")
    checkout = Places(root / "runtime" / "js" / "page", root / "runtime" / "js" / "src", root / "examples")
    return next((places for places in (wheel, checkout) if (places.page / "index.html").is_file()), None)


def read(places: Places) -> Mapping[str, File]:
    """URL path -> file: "/" is the page, "/examples/1.jpg" a picture by the neutral name of examples.json."""
    files = {f"/{path.relative_to(places.page).as_posix()}": path for path in _served(places.page)}
    files |= {f"/src/{path.relative_to(places.src).as_posix()}": path for path in _served(places.src)}
    names = places.page / EXAMPLES
    examples: dict[str, str] = json.loads(names.read_text("utf-8")) if names.is_file() else {}
    files |= {f"/examples/{neutral}": places.examples / name for neutral, name in examples.items()}
    found = {url: File(path.read_bytes(), TYPES[path.suffix]) for url, path in files.items() if path.is_file()}
    index = found.pop("/index.html")
    return {"/": File(index.content.replace(LOCAL, SERVER), index.media_type), **found}


def _served(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in TYPES and path.name != EXAMPLES)
