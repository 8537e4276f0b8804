"""Images for the tests of training: files, and names of files that need not exist."""

from __future__ import annotations

from pathlib import Path

from fauxto.evaluate.dataset import LabelledImage
from tests.helpers import make_photo


def fill(folder: Path, count: int, size: int = 64) -> None:
    """Write `count` square images into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        make_photo(size, size, seed=i).save(folder / f"s__{folder.name}{i}.png")


def labelled(is_ai: bool, source: str, count: int, style: str = "photo") -> list[LabelledImage]:
    """Images that need not exist."""
    return [LabelledImage(Path(f"{is_ai}{source}{i}"), is_ai, source, "", style) for i in range(count)]
