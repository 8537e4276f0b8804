"""The completion scripts fit the present verbs and options.

`python tests/runtime/test_completion.py` writes them anew.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
import shtab

from fauxto.argument_types import SHELLS
from fauxto.cli import main
from fauxto.cli.parser import build_parser

FOLDER = Path(__file__).parents[2] / "runtime/fauxto/completion"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_up_to_date(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == shtab.complete(build_parser(), shell)


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_a_verb_and_an_option() -> None:
    def completed(*words: str) -> list[str]:
        array = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        line = f"{array}; _shtab_fauxto; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        script = f"source {FOLDER / 'fauxto.bash'}; {line}"
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False).stdout.split()

    assert "explain" in completed("fauxto", "ex")
    assert "--provenance" in completed("fauxto", "predict", "--prov")


if __name__ == "__main__":
    for name in SHELLS:
        (FOLDER / f"fauxto.{name}").write_text(shtab.complete(build_parser(), name), encoding="utf-8")
