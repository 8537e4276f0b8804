"""The command line around the verbs: what it loads, what it says of wrong words, and how it ends."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fauxto.cli import main, parser
from fauxto.cli.parser import VERBS, build_parser
from fauxto.version import __version__

HEAVY = {"numpy", "PIL", "onnxruntime", "pyarrow", "matplotlib", "jinja2", "sklearn", "gradio", "fastapi"}
LESS_HEAVY = {"dataclasses", "hashlib", "platform", "subprocess", "tempfile"}
LOADED = """
import sys
from fauxto.__main__ import run
try:
    status = run()
except SystemExit as stop:
    status = stop.code
print("\\nstatus", status, *sorted(set(sys.modules) & set(sys.argv.pop(1).split(","))), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["predcit"],
        ["predict", "--format", "xml"],
        *([verb, "--help"] for verb in VERBS),
        *(["completion", shell] for shell in ("bash", "zsh", "fish", "tcsh")),
    ],
    ids=" ".join,
)
def test_what_needs_no_picture_loads_nothing_heavy(words: list[str]) -> None:
    heavy = HEAVY | LESS_HEAVY if words == ["--version"] else HEAVY
    program = LOADED.replace("sys.argv.pop(1)", repr(",".join(heavy)))
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    expected = "2" if words[0] == "predcit" or "xml" in words else "0"
    assert done.stderr.splitlines()[-1].split() == ["status", expected]
    if words == ["--version"]:
        assert done.stdout == f"fauxto {__version__}\n"


def test_the_check_of_what_is_loaded_sees_numpy() -> None:
    program = LOADED.replace("sys.argv.pop(1)", repr(",".join(HEAVY)))
    done = subprocess.run([sys.executable, "-c", program, "info"], capture_output=True, text=True, check=True)
    assert "numpy" in done.stderr.splitlines()[-1].split()


def test_one_verb_builds_no_other_s_options(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def module(verb: str) -> SimpleNamespace:
        asked.append(verb)
        return SimpleNamespace(add=lambda _: None)

    monkeypatch.setattr(parser, "module", module)
    build_parser("info")
    assert asked == ["info"]
    build_parser()
    assert asked[1:] == list(VERBS)


def test_help_has_a_line_for_each_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for verb, summary in VERBS.items():
        assert re.search(rf"^ +{verb}\s+{re.escape(summary)}$", text, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_says_what_it_is_and_every_verb_has_an_example(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"example: fauxto {verb}" in " ".join(capsys.readouterr().out.split())
    verbs = next(action for action in build_parser(verb)._actions if isinstance(action, argparse._SubParsersAction))
    actions = verbs.choices[verb]._actions
    words = [
        own for action in actions if isinstance(action, argparse._SubParsersAction) for own in action.choices.values()
    ]
    actions = [*actions, *(action for own in words for action in own._actions)]
    options = [action for action in actions if "-h" not in action.option_strings]
    assert options
    assert all(own.description and own.epilog.startswith(f"example: fauxto {verb} ") for own in words)
    for action in options:
        assert action.help
        assert len(action.help.split()) >= 3
        assert not re.match(r"of |\(", action.help)  # half a sentence


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("predcit", "predict"),
        ("evl", "eval"),
        ("Scan", "scan"),
        ("benchmark", "bench"),
        ("help", "--help"),
        ("second_opinion", "second-opinion"),
        ("second-opinon", "second-opinion"),
    ],
)
def test_a_mistyped_verb_is_no_file(
    word: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word, "photo.jpg"]) == 2
    assert capsys.readouterr().err == f"fauxto: no such file or verb '{word}'; did you mean {meant}?\n"
    (tmp_path / word).write_text("no picture")
    assert main([word]) == 1
    assert f"{word}: not a picture" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["gone.jpg", "report.jpg", "./evl", "photo"])
def test_what_looks_like_no_verb_is_a_picture_that_is_not_there(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word]) == 1
    assert f"{word}: no such file; check the path" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["predict"],
        ["predict", "x.jpg", "--format", "xml"],
        ["predict", "x.jpg", "--batch-size", "0"],
        ["predict", "x.jpg", "--prior", "1"],
        ["predict", "x.jpg", "--fail-on", "no_sign"],
        ["predict", "x.jpg", "--model", "nowhere"],
        ["predict", "x.jpg", "--operating-point", "fpr50"],
        ["web", "--port", "65536"],
        ["scan", "x"],
        ["scan", "--report", "x"],
        ["second-opinion"],
        ["second-opinion", "upgrade"],
        ["second-opinion", "status", "x.whl"],
        ["second-opinion", "install", "nowhere.whl"],
    ],
)
def test_usage_errors_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status: object
    try:
        status = main(words)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x", "--batch-size", "0"], "argument --batch-size: '0' is not a whole number of at least 1"),
        (["x", "--jobs", "many"], "argument --jobs: 'many' is not a whole number of at least 1"),
        (["x", "--prior", "nan"], "argument --prior: 'nan' is not a number between 0 and 1"),
        (["web", "--port", "-1"], "argument --port: '-1' is not a port, 1 to 65535"),
        (["info", "x\x1b[2J"], "unrecognized arguments: x\\x1b[2J"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_an_input_error_is_not_told_as_one_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: object) -> int:
        raise OSError(36, "File name too long", "x" * 300)

    monkeypatch.setattr("fauxto.cli.info.run", failing)
    assert main(["info"]) == 2
    assert capsys.readouterr().err == f"fauxto: {'x' * 300}: File name too long\n"


@pytest.mark.skipif(sys.platform == "win32", reason="names may be as long there")
def test_a_folder_with_too_long_a_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    for verb in ("eval", "report"):
        assert main([verb, "x" * 300]) == 2
        err = capsys.readouterr().err
        assert "x" * 300 in err
        assert "cannot be written" not in err


def test_reports_do_nothing_to_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fauxto.doctor.examine", lambda _: {"files": [], "second_opinion": {"state": "not here"}})
    monkeypatch.setattr("fauxto.doctor.as_text", lambda _: "cache  \x1b[2J\nnext")
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "cache  \\x1b[2J\nnext\n"
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("fauxto.scan.report.summarise", lambda _: {"sources": {"\u202e": 1}})
    monkeypatch.setattr("fauxto.scan.report.as_text", lambda found: "\n".join(["sources", *found["sources"]]))
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "sources\n\\u202e\n"


def test_ctrl_c_anywhere_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("fauxto.cli.info.run", stopped)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "fauxto: stopped\n"


def test_python_m_fauxto_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "fauxto"], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: fauxto ")
