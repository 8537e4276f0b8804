"""Damaged files of every format that is read: no crash, no escaped exception, bounded in time and memory.

FAUXTO_FUZZ=50000 python -m pytest tests/runtime/image/test_fuzz.py   # as many files; the default is 3,000
"""

import os
import random
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from fauxto.image.decoded import decode
from fauxto.model.model import Model
from tests.helpers import encode, make_photo

COUNT = int(os.environ.get("FAUXTO_FUZZ", "3000"))
SECONDS, MEMORY = 2.0, 300  # of one file; MiB
STATUS = Path("/proc/self/status")
NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\xff\xff", b"\xff\xff\0\0")


def originals() -> list[bytes]:
    """A whole file of each format, with all the metadata that it can carry."""
    photo, exif = make_photo(200, 150), Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Maker", "Model"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Steps: 20, Sampler: Euler a, Seed: 1"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"exif": exif.tobytes(), "icc_profile": profile}
    clear = photo.copy()
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    found = [
        encode(photo, "JPEG", xmp=b"<x:xmpmeta/>", **more),
        encode(photo, "JPEG", progressive=True),
        encode(photo.convert("CMYK"), "JPEG"),
        encode(photo, "PNG", **more),
        encode(clear, "PNG"),
        encode(photo.quantize(16), "PNG", transparency=3),
        encode(Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 200), "PNG"),
        encode(photo, "WEBP", **more),
        encode(clear, "WEBP", lossless=True),
        encode(photo, "GIF", comment=b"hello"),
        encode(photo, "BMP"),
        *(encode(photo, "TIFF", compression=kind) for kind in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg")),
    ]
    if features.check("avif"):
        found.append(encode(photo.resize((64, 48)), "AVIF"))
    try:
        import pillow_heif
    except ImportError:
        return found
    pillow_heif.register_heif_opener()
    return [*found, encode(photo.resize((64, 48)), "HEIF")]


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A few accidents at once: bytes changed, numbers blown up, parts cut out, doubled or swapped with another file."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if len(result) < 4:
            break
        at = rng.randrange(min(len(result), rng.choice((64, 512, 1 << 20))))
        length = rng.choice((1, 2, 4, 40, 400))
        accident = rng.randrange(7)
        if accident == 0:
            result[at] = rng.randrange(256)
        elif accident == 1:
            result[at : at + 4] = rng.choice(NUMBERS)
        elif accident == 2:
            del result[at : at + length]
        elif accident == 3:
            result[at:at] = result[at : at + length]
        elif accident == 4:
            result[at:at] = other[at : at + length]
        elif accident == 5:
            result[at:at] = bytes([rng.choice((0, 255, 33))]) * length
        elif len(result) > 100:
            del result[rng.randrange(len(result) // 2, len(result)) :]
    return bytes(result)


def peak_mib() -> int:
    """The largest memory since the last `forget_peak`, MiB; 0 where the system does not tell."""
    match = re.search(r"VmHWM:\s*(\d+)", STATUS.read_text()) if STATUS.exists() else None
    return int(match[1]) >> 10 if match else 0


def forget_peak() -> int:
    """Start a new peak, and return what is in use now, MiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return peak_mib()
    return peak_mib()


@pytest.mark.slow
@pytest.mark.timeout(60 + COUNT // 10)
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_answered(tmp_path: Path) -> None:
    rule, files, rng = Model.open().card.preprocessing, originals(), random.Random(7)
    outcomes: Counter[str] = Counter()
    for number in range(COUNT):
        data = mutated(rng.choice(files), rng.choice(files), rng)
        (tmp_path / "last").write_bytes(data)  # what is left of it, should the process die
        before, started = forget_peak(), time.process_time()
        decoded = decode(data, rule, provenance=True)
        seconds, grown = time.process_time() - started, peak_mib() - before
        assert seconds < SECONDS, (number, seconds)
        assert grown < MEMORY, (number, grown, decoded.size)
        assert (decoded.crops is None) == (decoded.error is not None)
        assert decoded.error is None or "\n" not in decoded.error
        outcomes["read" if decoded.error is None else "refused"] += 1
    assert outcomes["read"] > COUNT // 20
    assert outcomes["refused"] > COUNT // 20
