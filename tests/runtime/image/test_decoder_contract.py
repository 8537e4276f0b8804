"""What the decoder promises of formats, samples, colour, transparency and orientation, on files made here."""

import io
import os
import socket
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from fauxto.errors import ImageError
from fauxto.image import colour, matrix_profile, tiff
from fauxto.image.decode import load
from fauxto.image.source import MAX_BYTES
from tests.helpers import encode, make_photo


def pixels(source: object) -> np.ndarray:
    return np.asarray(load(source)).astype(int)  # type: ignore[arg-type]


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def with_chunks(*chunks: bytes, side: int = 64) -> bytes:
    """A PNG with chunks put in before its pixels."""
    data = encode(make_photo(side, side), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def tiff_of(entries: dict[int, tuple[int, int, int]], tail: bytes = b"") -> bytes:
    """A little-endian TIFF whose first directory has these entries: tag -> (type, count, value)."""
    body = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(entries.items()))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + body + bytes(4) + tail


def wide_gamut() -> bytes:
    """A profile whose red and green colours have changed places: nobody can miss that it was applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    places = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 136 + 12 * i for i in range(count)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

OTHERS = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "Photoshop": b"8BPS\0\1" + bytes(40),
    "PDF": b"%PDF-1.7\n",
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "QOI": b"qoif" + bytes(40),
    "icon": b"\0\0\1\0\1\0" + bytes(40),
    "raw camera file": b"FUJIFILMCCD-RAW 0201",
    "web page": b"<!DOCTYPE html><html>",
    "format that fauxto reads": b"\x01\x02\x03" * 20,
    "empty": b"",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_refused_by_name_and_never_opened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow was asked to open it"))
    with pytest.raises(ImageError, match=name):
        load(OTHERS[name])


@pytest.mark.parametrize("extra", [{tiff.DNG_VERSION: (1, 4, 1)}, {tiff.SUBFILE_TYPE: (4, 1, tiff.REDUCED)}])
def test_raw_camera_files_are_refused_instead_of_their_thumbnail(extra: dict[int, tuple[int, int, int]]) -> None:
    with pytest.raises(ImageError, match="raw camera file; export it"):
        load(tiff_of({256: (4, 1, 160), 257: (4, 1, 120)} | extra))


def test_a_sensor_in_a_sub_directory_makes_a_raw_file() -> None:
    sub = struct.pack("<H", 1) + struct.pack("<HHII", tiff.PHOTOMETRIC, 3, 1, tiff.SENSOR[0]) + bytes(4)
    with pytest.raises(ImageError, match="raw camera file"):
        load(tiff_of({tiff.SUB_DIRECTORIES: (4, 1, 8 + 2 + 12 + 4)}, sub))


def test_a_plain_tiff_is_read() -> None:
    photo = make_photo(60, 40)
    assert np.array_equal(pixels(encode(photo, "TIFF")), np.asarray(photo))


@pytest.mark.parametrize("mode", ["F", "I"])
def test_floating_point_and_32_bit_samples_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match="8 or 16 bits"):
        load(encode(make_photo(40, 40).convert("L").convert(mode), "TIFF"))


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_16_bit_grey_keeps_its_high_byte(kind: str) -> None:
    grey = np.asarray(make_photo(40, 30).convert("L"))
    wide = Image.fromarray(grey.astype(np.uint16) * 256 + 77)
    assert np.array_equal(pixels(encode(wide, kind))[..., 0], grey)


def test_16_bit_grey_where_white_is_zero_is_upright() -> None:
    grey = np.asarray(make_photo(40, 30).convert("L"))
    buffer = io.BytesIO()
    Image.fromarray((255 - grey).astype(np.uint16) * 256).save(buffer, "TIFF", tiffinfo={tiff.PHOTOMETRIC: 0})
    data = buffer.getvalue()
    assert tiff.first_directory(data)[tiff.PHOTOMETRIC].numbers == (0,)
    assert np.array_equal(pixels(data)[..., 1], grey)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_that_is_not_srgb_is_applied(kind: str) -> None:
    photo = make_photo(80, 60)
    plain = pixels(encode(photo, kind))
    assert np.array_equal(pixels(encode(photo, kind, icc_profile=SRGB)), plain)
    swapped = pixels(encode(photo, kind, icc_profile=wide_gamut()))
    assert np.abs(swapped - plain).mean() > 5
    broken = pixels(encode(photo, kind, icc_profile=b"no profile at all"))
    assert np.array_equal(broken, plain)


def test_a_profile_counts_for_palettes_and_transparency_too() -> None:
    photo = make_photo(80, 60).quantize(32)
    moved = pixels(encode(photo, "PNG", icc_profile=wide_gamut())) - pixels(encode(photo, "PNG"))
    assert np.abs(moved).mean() > 5
    clear = make_photo(80, 60)
    clear.putalpha(128)
    moved = pixels(encode(clear, "PNG", icc_profile=wide_gamut())) - pixels(encode(clear, "PNG"))
    assert np.abs(moved).mean() > 2


def test_transparency_lies_over_white_in_every_band(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = make_photo(50, 70)
    picture.putalpha(Image.linear_gradient("L").resize((50, 70)))
    whole = pixels(encode(picture, "PNG"))
    monkeypatch.setattr("fauxto.image.decode.BAND", 50 * 7)
    assert np.array_equal(pixels(encode(picture, "PNG")), whole)
    assert whole[0].min() >= 254


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"tEXt", b"workflow\0" + b"x" * 3_000_000)],
        [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 20_000_000))],
        [chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 20_000_000))],
        [chunk(b"tEXt", b"Comment\0hello", crc=1)],
        [chunk(b"pHYs", b"123456789", crc=1)],
        [chunk(b"abCd", b"")] * 5000,
        [chunk(b"eXIf", b"II*\0" + b"\xff" * 60)],
    ],
)  # fmt: skip
def test_no_ancillary_chunk_of_a_png_is_a_reason_to_refuse_it(chunks: list[bytes]) -> None:
    assert np.array_equal(pixels(with_chunks(*chunks)), np.asarray(make_photo(64, 64)))


def test_a_long_profile_of_a_png_is_applied() -> None:
    long = wide_gamut() + bytes(3 << 20)
    long = struct.pack(">I", len(long)) + long[4:]
    moved = pixels(with_chunks(chunk(b"iCCP", b"x\0\0" + zlib.compress(long)))) - np.asarray(make_photo(64, 64))
    assert np.abs(moved).mean() > 5


def test_a_critical_chunk_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(encode(make_photo(64, 64), "PNG"))
    data[29] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        load(bytes(data))


def test_metadata_made_to_take_for_ever_takes_no_time() -> None:
    jpeg, gif = encode(make_photo(64, 64), "JPEG"), encode(make_photo(64, 64), "GIF")
    header = 13 + (3 << (gif[10] & 7) + 1)
    comment = b"!\xfe" + (b"\xff" + b"x" * 255) * 40_000 + b"\0"
    assert np.array_equal(pixels(jpeg[:2] + b"\xff" * 10_000_000 + jpeg[2:]), pixels(jpeg))
    assert np.array_equal(pixels(jpeg[:2] + b"\xff\xe5\0\2" * 5000 + jpeg[2:]), pixels(jpeg))
    assert np.array_equal(pixels(gif[:header] + comment + gif[header:]), pixels(gif))
    with pytest.raises(ImageError, match="more than 16384 segments"):
        load(jpeg[:2] + b"\xff\xe5\0\2" * 2_000_000 + jpeg[2:])


def test_a_directory_that_asks_for_gigabytes_is_not_read() -> None:
    body = bytes(100_000)
    greedy = tiff_of({tag: (1, len(body), 100) for tag in range(1000, 3000)}, body)
    assert not tiff.is_bounded(greedy)
    with pytest.raises(ImageError, match="too much memory"):
        load(greedy)
    jpeg = encode(make_photo(64, 64), "JPEG")
    exif = b"Exif\0\0" + tiff_of(dict.fromkeys(range(1000, 2000), (1, 40000, 100)), bytes(40_000))
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    assert np.array_equal(pixels(jpeg[:2] + segment + jpeg[2:]), pixels(jpeg))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    photo, exif = make_photo(48, 32), Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    turned = load(encode(photo, kind, exif=exif.tobytes() if kind != "TIFF" else exif, **lossless))
    with Image.open(io.BytesIO(encode(photo, kind, exif=exif, **lossless))) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    assert np.array_equal(np.asarray(turned), np.asarray(expected))


def test_every_kind_of_input_gives_the_same_pixels(tmp_path: Path) -> None:
    data = encode(make_photo(64, 48), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    file = io.BytesIO(data)
    file.seek(len(data))  # as after writing to it
    expected = pixels(data)
    with path.open("rb") as opened:
        opened.read()
        kinds = [path, str(path), bytearray(data), memoryview(data), file, opened, Image.open(path)]
        kinds.append(expected.astype(np.uint8))
        assert all(np.array_equal(pixels(kind), expected) for kind in kinds)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_are_read_while_somebody_writes_and_never_waited_for(tmp_path: Path) -> None:
    data, pipe = encode(make_photo(64, 48), "PNG"), tmp_path / "a.png"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(data))
    writer.start()
    assert np.array_equal(pixels(pipe), pixels(data))
    writer.join()
    with pytest.raises(ImageError, match="a pipe that nobody writes to"):
        load(pipe)


@pytest.mark.skipif(os.name != "posix", reason="devices and sockets with names")
def test_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    link = tmp_path / "x.jpg"
    link.symlink_to("/dev/zero")
    with pytest.raises(ImageError, match="is a device"):
        load(link)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.jpg"))
        with pytest.raises(ImageError, match="is a socket"):
            load(tmp_path / "s.jpg")


def test_an_input_without_an_end_is_refused() -> None:
    class Endless(io.RawIOBase):
        def read(self, _: int = -1) -> bytes:
            return bytes(64 << 20)

    with pytest.raises(ImageError, match=f"more than {MAX_BYTES >> 20} MiB"):
        load(Endless())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["sRGB", "swapped", "gamma", "table"])
def test_matrix_profiles_give_what_little_cms_gives(kind: str) -> None:
    profile = {"sRGB": SRGB, "swapped": wide_gamut()}.get(kind, b"")
    if not profile:
        curve = struct.pack(">4s4xIH", b"curv", 1, int(1.8 * 256)) if kind == "gamma" else table_curve()
        profile = with_curves(wide_gamut(), curve)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    own, slow = matrix_profile.read(profile), colour._by_tables(profile, "RGB")
    assert own is not None
    assert slow is not None
    expected = np.asarray(slow(Image.fromarray(pixels))).astype(int)
    assert np.abs(own.to_srgb(pixels).astype(int) - expected).max() <= 1


def table_curve() -> bytes:
    values = (np.linspace(0, 1, 64) ** 2.2 * 65535).round().astype(int).tolist()
    return struct.pack(">4s4xI64H", b"curv", 64, *values)


def with_curves(profile: bytes, curve: bytes) -> bytes:
    """A profile whose three curves are another one, put at its end."""
    result, count = bytearray(profile), struct.unpack_from(">I", profile, 128)[0]
    for number in range(count):
        place = 132 + 12 * number
        if result[place : place + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", result, place + 4, len(profile), len(curve))
    result += curve + bytes(-len(curve) % 4)
    struct.pack_into(">I", result, 0, len(result))
    return bytes(result)
