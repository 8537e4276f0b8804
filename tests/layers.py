"""Who imports whom: every import of the project's Python, also those in functions and under TYPE_CHECKING."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import ROOT

TOP = {"fauxto": ROOT / "runtime" / "fauxto", **{name: ROOT / name for name in ("train", "export", "benchmarks")}}
"""Package -> its folder."""


@dataclass(frozen=True)
class Import:
    """One module that another one imports.

    Attributes:
        importer, imported: dotted names; of `from a import b`, a.b where that is a module of ours, else a.
        line: where it stands.
        at_load: whether it happens when the importer is loaded: not in a function, not under TYPE_CHECKING.
    """

    importer: str
    imported: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module; a package is its __init__.py."""
    found = {}
    for name, folder in TOP.items():
        for path in folder.rglob("*.py"):
            parts = (name, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(of: Mapping[str, Path]) -> list[Import]:
    """All imports of these modules."""
    return [found for name, path in of.items() for found in _imports_of(name, path, of)]


def _imports_of(name: str, path: Path, ours: Mapping[str, Path]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, at_load in _statements(ast.parse(path.read_text("utf-8")), True):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        else:
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *filter(None, [base])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            targets = [target if target in ours else base for target in inner]
        for target in dict.fromkeys(targets):
            yield Import(name, target, node.lineno, at_load)


def _statements(node: ast.AST, at_load: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, at_load
        lazy = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _is_for_types(child)
        yield from _statements(child, at_load and not lazy)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"


def circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """A way that leads back to where it began, [a, b, …, a]; empty where there is none."""
    graph: dict[str, list[str]] = {}
    for start, end in edges:
        graph.setdefault(start, []).append(end)
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for following in graph.get(name, ()):
            if found := walk(following, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in list(graph) if (found := walk(name, []))), [])


def table() -> dict[str, set[str]]:
    """CONTRIBUTING's import table: package -> packages of ours that it may import, itself included."""
    allowed = {}
    for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = cells[0].strip("`").removeprefix("runtime/")
        if len(cells) == 3 and name in TOP:
            allowed[name] = {name} | {other for other in TOP if f"`{other}`" in cells[2]}
    return allowed


def top(module: str) -> str:
    """The first part of a dotted name."""
    return module.partition(".")[0]


def is_standard(module: str) -> bool:
    """Whether a module is of the standard library."""
    return top(module) in sys.stdlib_module_names
