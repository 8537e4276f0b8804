"""A small JSON cache in the user's cache folder. Entries may vanish; without write access there are none."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fauxto.files import replacing

VARIABLE = "FAUXTO_CACHE"


def folder() -> Path:
    """The folder, which need not exist: FAUXTO_CACHE, else "fauxto" where this system keeps caches."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base), "fauxto")


def make(name: str) -> Path | None:
    """The sub-folder `name`, made; None where that is not possible."""
    path = folder() / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK) else None


def read(name: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `write` kept under `name` and `key`; None where there is nothing, or nothing that can be read."""
    try:
        kept = json.loads(_file(name, key).read_text(encoding="utf-8"))
        value = kept["value"]
        return value if kept["key"] == dict(key) and isinstance(value, dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(name: str, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    """Keep `value`, in plain JSON, whole or not at all; a cache that cannot be written is no error."""
    path = _file(name, key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            json.dump({"key": dict(key), "value": dict(value)}, file, indent=2)


def _file(name: str, key: Mapping[str, Any]) -> Path:
    import hashlib  # takes time to load, and the command line imports this module at every start

    digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()
    return folder() / f"{name}-{digest[:16]}.json"
