"""The import table of CONTRIBUTING.md, and the rooms of the runtime: imports lead one way down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import layers
from tests.layers import Import, circle, is_standard, top

OURS = layers.modules()
IMPORTS = layers.imports(OURS)
OF_FAUXTO = [found for found in IMPORTS if top(found.importer) == "fauxto"]

CORE = ("numpy", "PIL", "onnxruntime")
"""What the runtime may import when it is loaded, in every room that no extra belongs to."""

ROOMS_OF_EXTRAS = {
    "fauxto.evaluate": {"jinja2", "matplotlib", "scipy", "sklearn", "threadpoolctl"},  # the last is scikit-learn's
    "fauxto.reporting": {"jinja2", "markupsafe"},
    "fauxto.scan": {"filelock", "fsspec", "jinja2", "matplotlib", "pebble", "pyarrow", "ray"},
    "fauxto.web": {"fastapi", "pebble", "starlette", "uvicorn"},
}
"""Room -> what its extra brings."""


def lines(found: list[Import]) -> str:
    return "\n".join(map(str, found))


def test_the_imports_are_seen() -> None:
    """What the other tests stand on: modules of every package, lazy imports, and those for types alone."""
    assert {top(name) for name in OURS} == {"fauxto", "train", "export", "benchmarks"}
    names = {(found.importer, found.imported): found.at_load for found in IMPORTS}
    assert names["fauxto.detector", "fauxto.prediction"] is True
    assert names["fauxto.inference.selection", "fauxto.inference.openvino"] is False
    assert names["fauxto.image.decoded", "fauxto.prediction"] is False
    assert names["fauxto.cache", "fauxto.files"] is True


def test_relative_imports_and_submodules_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    files = {"a": "__init__.py", "a.b": "b.py", "a.inner": "inner/__init__.py", "a.inner.c": "inner/c.py"}
    ours = {name: tmp_path / path for name, path in files.items()}
    for path in ours.values():
        path.touch()
    ours["a.inner.c"].write_text(
        "from .. import b\nfrom . import x\ndef f():\n    import numpy.linalg\n    from a.b import y"
    )
    found = [(each.imported, each.at_load) for each in layers.imports(ours)]
    assert found == [("a.b", True), ("a.inner", True), ("numpy.linalg", False), ("a.b", False)]


def test_a_circle_is_found() -> None:
    assert circle([("a", "b"), ("b", "c"), ("c", "b")]) == ["b", "c", "b"]
    assert circle([("a", "a")]) == ["a", "a"]
    assert circle([("a", "b"), ("a", "c"), ("b", "c")]) == []


def test_the_table_is_contributings() -> None:
    assert layers.table() == {
        "fauxto": {"fauxto"},
        "train": {"train", "fauxto"},
        "export": {"export", "train", "fauxto"},
        "benchmarks": {"benchmarks", "export", "fauxto"},
    }


def test_the_top_folders_keep_to_the_table() -> None:
    allowed = layers.table()
    wrong = [
        found
        for found in IMPORTS
        if top(found.imported) in allowed and top(found.imported) not in allowed[top(found.importer)]
    ]
    assert not wrong, lines(wrong)


def test_the_runtime_never_imports_torch_or_the_tests() -> None:
    wrong = [found for found in OF_FAUXTO if top(found.imported) in ("torch", "torchvision", "tests")]
    assert not wrong, lines(wrong)


@pytest.mark.parametrize("package", layers.TOP)
def test_there_is_no_circle(package: str) -> None:
    """Neither when modules are loaded nor in functions, and not for types either."""
    edges = [
        (found.importer, found.imported)
        for found in IMPORTS
        if top(found.importer) == package and found.imported in OURS
    ]
    assert edges
    assert not circle(edges), " -> ".join(circle(edges))


def test_nothing_below_the_command_line_imports_it() -> None:
    wrong = [
        found
        for found in IMPORTS
        if f"{found.imported}.".startswith("fauxto.cli.")
        and found.importer != "fauxto.__main__"
        and not f"{found.importer}.".startswith("fauxto.cli.")
    ]
    assert not wrong, lines(wrong)


def test_the_record_needs_the_standard_library_alone() -> None:
    wrong = [
        found
        for found in OF_FAUXTO
        if found.importer in ("fauxto.prediction", "fauxto.errors") and not is_standard(found.imported)
    ]
    assert not wrong, lines(wrong)


def test_the_protocol_of_engines_imports_nothing_of_ours() -> None:
    wrong = [found for found in OF_FAUXTO if found.importer == "fauxto.inference.base" and found.imported in OURS]
    assert not wrong, lines(wrong)


def test_no_module_of_ours_imports_the_packages_face() -> None:
    """`import fauxto` is for users: a room that needs a Detector imports the room that has it."""
    wrong = [found for found in OF_FAUXTO if found.imported == "fauxto"]
    assert not wrong, lines(wrong)


def test_engines_images_and_models_know_nothing_of_who_uses_them() -> None:
    rooms = "image inference model provenance prediction verdict errors files cache user_data system"
    low = tuple(f"fauxto.{room}." for room in rooms.split())
    wrong = [
        found
        for found in OF_FAUXTO
        if f"{found.importer}.".startswith(low)
        and found.imported in OURS
        and not f"{found.imported}.".startswith((*low, "fauxto.version."))
    ]
    assert not wrong, lines(wrong)


def test_what_is_loaded_is_numpy_pillow_and_onnxruntime_but_in_the_rooms_of_extras() -> None:
    wrong = []
    for found in OF_FAUXTO:
        extras = next(
            (names for room, names in ROOMS_OF_EXTRAS.items() if f"{found.importer}.".startswith(f"{room}.")), ()
        )
        own = found.imported in OURS or is_standard(found.imported) or top(found.imported) in (*CORE, *extras)
        if found.at_load and not own:
            wrong.append(found)
    assert not wrong, lines(wrong)
