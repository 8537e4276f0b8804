"""One decoder: the same bits through every input kind, one defined way for every mode, one line for bad input."""

import io
import os
import struct
import sys
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fauxto.errors import ImageError
from fauxto.image.decode import load
from tests.helpers import encode, make_photo


def pixels(source: object) -> np.ndarray:
    return np.asarray(load(source))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_five_input_kinds_give_identical_bits(tmp_path: Path, photo: Image.Image, format: str) -> None:
    data = encode(photo, format)
    path = tmp_path / "any.name"
    path.write_bytes(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    with path.open("rb") as file:
        kinds = [path, str(path), data, bytearray(data), file, io.BytesIO(data), Image.open(path), expected]
        for kind in kinds:
            np.testing.assert_array_equal(pixels(kind), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_to_every_kind(tmp_path: Path, orientation: int) -> None:
    upright = make_photo(64, 48)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose values that turn it away
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(stored, "PNG", exif=exif)
    path = tmp_path / "turned.png"
    path.write_bytes(data)
    for kind in (path, data, io.BytesIO(data), Image.open(path)):
        np.testing.assert_array_equal(pixels(kind), np.asarray(upright))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_spoil_the_picture(photo: Image.Image) -> None:
    data = encode(photo, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(30))
    assert pixels(data).shape == (240, 320, 3)


def test_alpha_lies_over_white() -> None:
    clear = Image.new("RGBA", (10, 10), (200, 0, 0, 0))
    half = Image.new("RGBA", (10, 10), (200, 0, 0, 128))
    assert pixels(clear)[0, 0].tolist() == [255, 255, 255]
    assert pixels(half)[0, 0].tolist() == [227, 127, 127]


def test_palette_transparency_and_grey_alpha_lie_over_white() -> None:
    palette = Image.new("P", (10, 10), 0)
    palette.putpalette([10, 20, 30] + [0] * 765)
    assert pixels(encode(palette, "PNG", transparency=0))[0, 0].tolist() == [255, 255, 255]
    assert pixels(encode(palette, "PNG"))[0, 0].tolist() == [10, 20, 30]
    assert pixels(encode(Image.new("LA", (10, 10), (40, 0)), "PNG"))[0, 0].tolist() == [255, 255, 255]


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    wide = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    result = pixels(encode(Image.fromarray(wide), "PNG"))
    np.testing.assert_array_equal(result, np.repeat((wide >> 8)[:, :, None], 3, axis=2))
    with_transparent_level = encode(Image.fromarray(wide), "PNG", transparency=1)
    np.testing.assert_array_equal(pixels(with_transparent_level), result)


def test_cmyk_jpeg_and_bilevel_become_rgb(photo: Image.Image) -> None:
    cmyk = pixels(encode(photo.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(cmyk.astype(int) - np.asarray(photo)).mean() < 12
    assert set(np.unique(pixels(encode(photo.convert("1"), "PNG")))) == {0, 255}


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_only_the_first_frame_counts(format: str) -> None:
    red, blue = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))
    first = pixels(encode(red, format, save_all=True, append_images=[blue]))[16, 16]
    assert first[0] > 230
    assert first[2] < 30


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with no pixels behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [13_500, 20_000, 60_000])
def test_a_bomb_is_refused_before_decoding(side: int) -> None:
    tracemalloc.start()
    with pytest.raises(ImageError, match="megapixels; scale it down"):
        load(png_header(side, side))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


BAD = {
    "empty.jpg": (b"", "the file is empty"),
    "text.jpg": (b"not a picture at all", "not a picture"),
    "cut.jpg": (encode(make_photo(), "JPEG")[:4000], "truncated"),
    "cut.png": (encode(make_photo(), "PNG")[:4000], "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_say_what_is_wrong_in_one_line(tmp_path: Path, name: str) -> None:
    data, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    for kind in (path, data, io.BytesIO(data)):
        with pytest.raises(ImageError, match=message) as caught:
            load(kind)
        assert "\n" not in str(caught.value)


def test_a_file_that_is_open_as_text_is_refused(tmp_path: Path) -> None:
    make_photo().save(tmp_path / "a.png")
    with (tmp_path / "a.png").open() as file, pytest.raises(ImageError, match="open as text"):
        load(file)  # type: ignore[arg-type]


def test_missing_folder_and_unreadable_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageError, match="no such file"):
        load(tmp_path / "nothing.jpg")
    with pytest.raises(ImageError, match="is a folder, not a picture; fauxto -r"):
        load(tmp_path)
    with pytest.raises(ImageError, match=r"cannot be read|no such file"):
        load(tmp_path / ("x" * 5000))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as refused:
        refused.setattr("os.open", refuse)  # root may read everything, so the refusal is made
        with pytest.raises(ImageError, match="no permission to read it"):
            load(tmp_path / "locked.jpg")


@pytest.mark.skipif(sys.platform == "win32" or getattr(os, "geteuid", lambda: 1)() == 0, reason="root reads everything")
def test_no_permission_file(jpeg_path: Path) -> None:
    jpeg_path.chmod(0)
    with pytest.raises(ImageError, match="no permission"):
        load(jpeg_path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="must be"):
        load(array)


def test_other_objects_are_refused() -> None:
    with pytest.raises(ImageError, match="a int is no picture"):
        load(7)


def test_non_ascii_and_long_names(tmp_path: Path, photo: Image.Image) -> None:
    for name in ("Été à Zürich 写真 📷.png", "n" * 200 + ".png"):
        path = tmp_path / name
        photo.save(path)
        np.testing.assert_array_equal(pixels(path), np.asarray(photo))


def test_heic_is_known_by_its_bytes(tmp_path: Path, photo: Image.Image) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "phone.jpg"  # names lie
    heif.from_pillow(photo).save(path, quality=95)
    for kind in (path, path.read_bytes()):
        assert np.abs(pixels(kind).astype(int) - np.asarray(photo)).mean() < 12


def test_heic_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.raises(ImageError, match=r"pip install \"fauxto\[heic\]\""):
        load(tmp_path / "phone.heic")


JPEG_BYTES = encode(make_photo(64, 48), "JPEG")


@settings(max_examples=150)
@given(st.integers(0, len(JPEG_BYTES) - 1), st.binary(min_size=1, max_size=40), st.booleans())
def test_damaged_files_never_raise_anything_else(at: int, noise: bytes, cut: bool) -> None:
    damaged = JPEG_BYTES[:at] + noise + (b"" if cut else JPEG_BYTES[at + len(noise) :])
    with suppress(ImageError):
        assert load(damaged).mode == "RGB"
