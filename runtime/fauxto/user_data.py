"""The folder of what users make or install here, which stays until they delete it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "FAUXTO_DATA"


def folder() -> Path:
    """The folder, which need not exist: FAUXTO_DATA, else "fauxto" where this system keeps what users make."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or os.path.expanduser("~/AppData/Roaming"), "fauxto")
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Application Support"), "fauxto")
    return Path(os.path.expanduser(os.environ.get("XDG_DATA_HOME") or "~/.local/share"), "fauxto")
