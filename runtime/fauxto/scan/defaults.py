"""What a scan does unless it is told otherwise. Light: the command line reads it for its help."""

from __future__ import annotations

from typing import Literal

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = ("local", "ray")
PART_ROWS = 512
"""Pictures in one Parquet file, at most: what is lost at worst when the machine dies."""

TIMEOUT = 60.0
"""Seconds that one picture may take to be fetched and decoded; a PNG of 178 megapixels takes five."""
