"""What is said on stderr while work goes on."""

import io
import sys

import pytest

from fauxto.progress import Progress, on_terminal, tell


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Full(Terminal):
    """A stream that cannot be written."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal as stderr; set in the test itself, as pytest puts its own there between the phases."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delenv("TERM", raising=False)
    return stream


def test_a_count_is_one_line_that_is_taken_away_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    progress = Progress(label="again: ", total=9, unit="pictures")
    progress.update(3)
    progress.update(4)  # too soon after the other
    assert stream.getvalue().startswith("\r\033[Kagain: 3 of 9 pictures, ")
    assert "\n" not in stream.getvalue()
    assert "4 of 9" not in stream.getvalue()
    progress.clear()
    assert stream.getvalue().endswith("\r\033[K")


def test_a_message_takes_the_place_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    Progress().show("working")
    tell("a\nb: odd")
    assert stream.getvalue() == "\r\033[Kworking \r\033[Ka\\nb: odd\n"


def test_without_a_terminal_only_stages_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.update(3)
    for share in (0.0, 0.5):
        progress.stage("first", share)
    progress.stage("second")
    progress.clear()
    tell("done")
    assert capsys.readouterr().err == "first\nsecond\ndone\n"
    Progress(shown=False).stage("first")
    assert capsys.readouterr().err == ""


def test_a_terminal_that_cannot_erase_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    assert on_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert not on_terminal()
    tell("done")
    assert stream.getvalue() == "done\n"


def test_a_stderr_that_is_full_or_closed_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (Full(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        tell("unheard")
        Progress(shown=True).update(1)
    assert not on_terminal()
