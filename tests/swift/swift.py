"""Commands for a checkout's Swift: `run.sh` finds the toolchain, here or in a chroot."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.helpers import ROOT

RUN = ROOT / "tests/swift/run.sh"
CHROOT = Path(os.environ.get("FAUXTO_SWIFT", "/nowhere"))
FOUND = shutil.which("swift") is not None or (CHROOT / "usr/libexec/swift/bin").is_dir()
ON_LINUX = FOUND and sys.platform == "linux"
STEPS = ROOT / ".build/release/FauxtoSteps"


def command(*words: str | Path) -> list[str]:
    """What runs `words` where there is a swift."""
    return [str(RUN), *map(str, words)]
