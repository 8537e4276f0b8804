"""Child and Parent: what a process answers, prints, and how it ends."""

import os
from pathlib import Path

import pytest

from fauxto.errors import FauxtoError
from fauxto.subprocesses import Child

PARENT = "from fauxto.subprocesses import Parent\n"


def script(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> str:
    """A module of that code, for Child to run."""
    (folder / "scripted.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return "scripted"


def test_a_child_answers_its_job_and_then_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script(
        tmp_path,
        monkeypatch,
        PARENT + "parent = Parent()\nparent.answer({'got': parent.job()})\n"
        "for question in parent.questions():\n    parent.answer({'twice': 2 * question['number']})\n",
    )
    with Child(module, {"name": "\udce9"}) as child:
        assert child.hear() == {"got": {"name": "\udce9"}}
        assert child.ask({"number": 3}) == {"twice": 6}
        assert child.ask({"number": 4}) == {"twice": 8}


def test_what_a_library_prints_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script(
        tmp_path,
        monkeypatch,
        PARENT + "import os\nprint('[1]\\n{chatter}', flush=True)\nparent = Parent()\nprint('loading', end=' ')\n"
        "os.write(1, b'half a line')\nparent.answer({'ok': True})\n",
    )
    with Child(module, {}) as child:
        assert list(child) == [{"ok": True}]
        assert child.died is None


def test_a_process_that_dies_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script(
        tmp_path,
        monkeypatch,
        "import os, sys\nprint('{\"loads\": true}', flush=True)\nsys.stderr.write('MPSGraph abort')\n"
        "sys.stderr.flush()\nos._exit(6)\n",
    )
    with Child(module, {}) as child:
        assert list(child) == [{"loads": True}]
        assert child.died == "its process ended with status 6 (MPSGraph abort)"
        with pytest.raises(FauxtoError, match=r"ended with status 6 \(MPSGraph abort\)"):
            child.ask({"more": 1})


def test_a_process_that_complains_at_length_in_any_encoding_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script(
        tmp_path,
        monkeypatch,
        "import sys\nsys.stderr.buffer.write(b'x' * 200_000 + b'\\nC:\\\\Jos\\xe9')\nsys.stderr.flush()\n"
        "sys.stdout.buffer.write(b'd\\xe9marrage\\n')\nsys.stdout.flush()\n"
        "print('{chatter}\\n[1]\\n{}', flush=True)\nsys.exit(1)\n",
    )
    with Child(module, {}) as child:
        assert list(child) == [{}]
    assert child.died == "its process ended with status 1 (C:\\Jos\ufffd)"


def test_one_that_never_ends_is_killed_and_one_that_says_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script(tmp_path, monkeypatch, PARENT + "parent = Parent()\nparent.answer({})\nwhile True:\n    pass\n")
    with Child(module, {}) as child:
        assert child.hear() == {}
    reason = r"ended with status 1 .*no_such_module"
    with Child("no_such_module", {}) as child, pytest.raises(FauxtoError, match=reason):
        child.hear()
    quiet = script(tmp_path, monkeypatch, "")
    with Child(quiet, {}) as child, pytest.raises(FauxtoError, match="ended without an answer"):
        child.hear()
