"""runtime/js reads in every file, whole or damaged, what Python reads in it."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from benchmarks.chromium import JS
from fauxto.provenance.containers import XMP
from fauxto.provenance.declaration import declaration
from tests.helpers import encode, make_photo
from tests.js import declarations
from tests.js.declarations import PACKET
from tests.runtime.provenance import files
from tests.runtime.provenance.files import COMFY, CREATED, EXIF_COMMENT, WEB_UI, app11, chunk, exif, segment, store

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="no Node here")

DAMAGED = 600

SCRIPT = """
import { readFileSync, readdirSync } from 'node:fs';
import { declaration } from './src/provenance.js';
const told = {};
for (const name of readdirSync(process.argv[1])) {
  told[name] = await declaration(new Uint8Array(readFileSync(`${process.argv[1]}/${name}`)));
}
console.log(JSON.stringify(told));
"""


def test_the_file_that_javascript_is_tested_with_is_what_python_reads_today() -> None:
    stored = json.loads(declarations.FILE.read_text(encoding="utf-8"))
    assert list(stored) == list(declarations.cases()), "run python -m tests.js.declarations"
    for name, entry in stored.items():
        told = declaration(base64.b64decode(entry["file"]))
        assert (told.declared, told.by) == (entry["declared"], entry["declared_by"]), name


@needs_node
def test_damaged_files_declare_what_python_reads_in_them(tmp_path: Path) -> None:
    rng = random.Random(0)
    # Of a damaged AVIF, libavif decides whether Python sees any of it.
    whole = [data for data in (*declarations.cases().values(), *_pictures()) if b"avif" not in data[:32]]
    for number in range(DAMAGED):
        (tmp_path / f"{number}").write_bytes(_damaged(rng.choice(whole), rng))
    _compare(tmp_path, minimum=DAMAGED // 4)


@needs_node
def test_pictures_of_common_sizes_declare_what_python_reads_in_them(tmp_path: Path) -> None:
    for number, data in enumerate(_pictures()):
        (tmp_path / f"{number}").write_bytes(data)
    _compare(tmp_path, minimum=len(_pictures()))


def _pictures() -> list[bytes]:
    """Whole pictures that declare something: several claims in one, a long comment, megabytes of a workflow."""
    comment = b"UNICODE\0" + ("山水风景" * 3000 + "\n" + WEB_UI).encode("utf-16-le")
    long = COMFY.replace('"KSampler"', f'"KSampler{"x" * 1_200_000}"')
    photo = make_photo(700, 500)
    return [
        files.jpeg(segment(0xE1, exif(EXIF_COMMENT, Make="Canon", Model="R5")), *app11(store(CREATED))),
        files.jpeg(segment(0xE1, exif(comment)), segment(0xE1, XMP + PACKET)),
        files.png(chunk(b"caBX", store(CREATED)), files.text("prompt", long), chunk(b"eXIf", exif(EXIF_COMMENT)[6:])),
        files.png(chunk(b"zTXt", b"parameters\0\0" + zlib.compress(WEB_UI.encode()))),
        files.webp(b"C2PA", store(CREATED)),
        encode(photo, "WEBP", exif=exif(EXIF_COMMENT), xmp=PACKET),
        encode(photo, "AVIF", exif=exif(EXIF_COMMENT, Make="Canon", Model="R5"), xmp=PACKET),
        encode(photo, "TIFF", tiffinfo={700: PACKET}),
    ]


def _damaged(data: bytes, rng: random.Random) -> bytes:
    """`data` with some bytes changed, and now and then cut."""
    changed = bytearray(data)
    for _ in range(rng.randint(0, 6) if changed else 0):
        changed[rng.randrange(min(len(changed), 4000))] = rng.choice((0, 1, 0x20, 0x3C, 0xFF, rng.randrange(256)))
    return bytes(changed[: rng.randint(0, len(changed))] if rng.random() < 0.2 else changed)


def _compare(folder: Path, minimum: int) -> None:
    """Both read the same in every file of a folder, and something in `minimum` of them."""
    command = ["node", "--input-type=module", "-e", SCRIPT, str(folder)]
    run = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    said, different = 0, {}
    for name, found in told.items():
        expected = declaration(folder / name)
        said += expected.declared != "nothing"
        if (found["declared"], found["declared_by"]) != (expected.declared, expected.by):
            different[name] = (found, expected)
    assert different == {}
    assert said >= minimum
