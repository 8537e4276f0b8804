"""Feed mutated files to the readers of what files declare, guided by coverage, until one raises.

    pip install atheris && python -m tests.runtime.provenance.fuzz -max_total_time=60

Not part of the suite: atheris is not built for every platform. test_damage.py fuzzes too, blindly.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fauxto.provenance"]):
    from fauxto.provenance.declaration import declaration

from tests.runtime.provenance.files import (
    AI,
    COMFY,
    CREATED,
    EXIF_COMMENT,
    app11,
    chunk,
    exif,
    jpeg,
    png,
    segment,
    store,
    webp,
    xmp,
)


def main() -> None:
    """Start from a few whole files."""
    seeds = [
        jpeg(segment(0xE1, exif(EXIF_COMMENT, Make="Canon", Model="R5")), *app11(store(CREATED))),
        png(chunk(b"caBX", store(CREATED)), chunk(b"tEXt", b"prompt\0" + COMFY.encode())),
        webp(b"C2PA", store(CREATED)),
        webp(b"XMP ", xmp(f'Iptc4xmpExt:DigitalSourceType="{AI}"')),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], lambda data: declaration(data) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
