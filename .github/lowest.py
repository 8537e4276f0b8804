"""Print pip constraints that pin every runtime dependency to its lower bound: python .github/lowest.py > FILE

The bounds are those of pyproject.toml, so that a test at the lowest versions cannot fall behind them.
"""

import tomllib
from pathlib import Path

EXTRAS = ("eval", "heic", "provenance", "scan", "web")  # those that the tests of the wheel install

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
wanted = [*project["dependencies"], *(one for extra in EXTRAS for one in project["optional-dependencies"][extra])]
print(*sorted({requirement.replace(">=", "==") for requirement in wanted}), sep="\n")
