"""`import fauxto`: the names that it promises, and how little it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fauxto

PUBLIC = [
    "Card", "Declaration", "Detector", "FauxtoError", "FusedPrediction", "ImageError", "ModelError", "OperatingPoint",
    "OutputError", "Prediction", "ProviderError", "Source", "Variant", "__version__",
]  # fmt: skip


def test_the_public_names_are_there() -> None:
    assert sorted(fauxto.__all__) == sorted(dir(fauxto)) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(fauxto, name) is not None
    assert fauxto.Detector.__module__ == "fauxto.detector"
    with pytest.raises(AttributeError, match="module 'fauxto' has no attribute 'nonsense'"):
        fauxto.nonsense  # noqa: B018


def test_every_error_of_ours_is_a_fauxto_error() -> None:
    errors = [fauxto.ImageError, fauxto.ModelError, fauxto.ProviderError, fauxto.OutputError]
    assert all(issubclass(error, fauxto.FauxtoError) for error in errors)
    error = fauxto.ImageError("damaged", "a.jpg")
    assert (str(error), error.reason, error.path) == ("a.jpg: damaged", "damaged", "a.jpg")
    assert str(fauxto.ImageError("damaged")) == "damaged"


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("import fauxto", ["typing", "dataclasses", "numpy"]),
        ("from fauxto import Prediction, Declaration, FauxtoError", ["onnxruntime", "numpy", "PIL", "torch"]),
    ],
)
def test_import_is_light(line: str, heavy: list[str]) -> None:
    script = f"import sys; {line}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
