"""Nothing is sent, by us or by a package that we use: no verb looks up a host or opens a connection."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.second_opinion.wheels import PROGRAM, write_wheel

EXAMPLES = Path(__file__).parents[2] / "examples"

# Python runs this first in every process that the verb starts.
GUARD = """
import os, sys

def guard(event, arguments):
    if event == "socket.getaddrinfo" or event in ("socket.connect", "socket.sendto") and type(arguments[1]) is tuple:
        with open(os.environ["GUARD_LOG"], "a") as log:
            print(event, arguments[1:], file=log)

sys.addaudithook(guard)
"""

VERBS = {
    "predict": ["predict", "--provenance"],
    "explain": ["explain", "-o", "heat.png"],
    "doctor": ["doctor"],  # which tries OpenVINO, where that is installed
    "scan": ["scan", "--out", "verdicts"],
}


def watched(words: list[str], folder: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run Python in `folder`, which is also its home, as a new user's machine would. Returns it, and what it sent."""
    (folder / "sitecustomize.py").write_text(GUARD)
    paths = [str(folder), *sys.path]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "TF_BUILD")
    }
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "HOME": str(folder), "USERPROFILE": str(folder),
                    "GUARD_LOG": str(folder / "log")}  # fmt: skip
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    log = folder / "log"
    return done, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_sends_nothing(verb: str, tmp_path: Path) -> None:
    picture = [] if verb == "doctor" else [str(EXAMPLES / "photo-cat.png")]
    done, sent = watched(["-m", "fauxto", VERBS[verb][0], *picture, *VERBS[verb][1:]], tmp_path)
    assert done.returncode == 0, done.stderr
    assert not sent
    assert not (tmp_path / "intel").exists()  # OpenVINO's telemetry keeps an id of the user there


def test_a_second_opinion_out_of_a_file_sends_nothing(tmp_path: Path) -> None:
    words = ["-c", PROGRAM, "second-opinion"]
    for action in (["status"], ["install", str(write_wheel(tmp_path))], ["status"], ["remove"]):
        done, sent = watched([*words, *action], tmp_path)
        assert done.stderr == ""
        assert not sent
    assert done.stdout == "removed: 0 MB freed\n"


def test_the_guard_sees_a_connection(tmp_path: Path) -> None:
    _, sent = watched(["-c", "import socket; socket.create_connection(('127.0.0.1', 9), 0.1)"], tmp_path)
    assert "127.0.0.1" in sent
