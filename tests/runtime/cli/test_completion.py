"""The completion scripts fit the present verbs and options, and shells complete with them.

`python -m tests.runtime.cli.test_completion`, from a checkout, writes those that shtab makes anew.
"""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest
import shtab

from fauxto.cli import main
from fauxto.cli.completion import SHELLS
from fauxto.cli.parser import VERBS, build_parser
from tests.helpers import ROOT

FOLDER = ROOT / "runtime/fauxto/cli/completions"
BY_SHTAB = tuple(shell for shell in SHELLS if shell != "fish")


@pytest.mark.parametrize("shell", BY_SHTAB)
def test_the_script_is_up_to_date(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == shtab.complete(build_parser(), shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_knows_every_verb_and_long_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", shell])
    script = capsys.readouterr().out
    verbs = inner(build_parser())
    words = {word: own for verb in verbs.values() for word, own in inner(verb).items()}
    names = [
        name for own in (*verbs.values(), *words.values()) for each in own._actions for name in each.option_strings
    ]
    options = [name.removeprefix("--") for name in names if name.startswith("--")]
    assert len(options) > 60
    assert {"install", "status", "remove"} <= set(words)
    for word in (*VERBS, *words, *options):
        assert word in script


def inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the words that follow: of each verb, or of what a verb can do."""
    found = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0]) if found else {}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_a_verb_and_an_option() -> None:
    def completed(*words: str) -> list[str]:
        array = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        line = f"{array}; _shtab_fauxto; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        script = f"source {FOLDER / 'fauxto.bash'}; {line}"
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False).stdout.split()

    assert "explain" in completed("fauxto", "ex")
    assert "--provenance" in completed("fauxto", "predict", "--prov")
    assert set(completed("fauxto", "second-opinion", "")) >= {"install", "status", "remove"}
    assert "--json" in completed("fauxto", "second-opinion", "status", "--js")


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
def test_fish_completes_verbs_options_and_choices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["completion", "fish"])
    script = tmp_path / "fauxto.fish"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "photo.jpg").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def completed(line: str) -> list[str]:
        words = ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"]
        answer = subprocess.run(words, capture_output=True, text=True, check=True)
        assert answer.stderr == ""
        return [found.split("\t")[0] for found in answer.stdout.splitlines()]

    assert "explain" in completed("fauxto ex")
    assert "photo.jpg" in completed("fauxto ph")
    assert "--provenance" in completed("fauxto predict --prov")
    assert "--provenance" in completed("fauxto photo.jpg --prov")  # without a verb it is predict's
    assert completed("fauxto web --prov") == ["--provider"]
    assert set(completed("fauxto predict --format ")) == {"text", "json", "jsonl", "csv"}
    assert set(completed("fauxto completion ")) == set(SHELLS)
    assert "photo.jpg" in completed("fauxto explain photo.jpg -o ")
    assert completed("fauxto doctor ph") == []
    assert set(completed("fauxto second-opinion ")) == {"install", "status", "remove"}
    assert completed("fauxto second-opinion status --js") == ["--json"]
    assert completed("fauxto second-opinion status ph") == []
    assert "photo.jpg" in completed("fauxto second-opinion install ph")


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_zsh_takes_the_script() -> None:
    assert subprocess.run(["zsh", "-n", FOLDER / "fauxto.zsh"], check=True, capture_output=True).stderr == b""


@pytest.mark.skipif(not shutil.which("tcsh"), reason="no tcsh here")
def test_tcsh_takes_the_script() -> None:
    words = ["tcsh", "-f", "-c", f"source {FOLDER / 'fauxto.tcsh'}; complete fauxto"]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    assert "explain" in answer.stdout


if __name__ == "__main__":
    for name in BY_SHTAB:
        (FOLDER / f"fauxto.{name}").write_text(shtab.complete(build_parser(), name), encoding="utf-8")
