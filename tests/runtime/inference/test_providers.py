"""Execution providers: what a name means, what is asked of the engine, and what a machine is tried for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.inference import onnx, providers
from fauxto.inference.providers import COREML, CPU, CUDA, NAMES, TENSORRT, Provider, requested, resolve


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_beside_the_engines_own(name: str) -> None:
    assert resolve(name) == Provider(name, NAMES[name])


def test_a_provider_as_onnxruntime_takes_it_keeps_its_options() -> None:
    found = resolve((CUDA, {"use_tf32": "0"}))
    assert (found.name, found.engine) == (CUDA, CUDA)
    assert found.options("1") == {"use_tf32": "0"}
    assert resolve((CPU, {})).options("1") == {}


@pytest.mark.parametrize("provider", [("CUDAExecutionProvider",), (1, {}), ("CUDAExecutionProvider", "fast")])
def test_a_tuple_that_is_no_provider_is_refused(provider: Any) -> None:
    with pytest.raises(FauxtoError, match="is neither one of auto, cpu"):
        Detector(provider=provider)


def test_auto_is_the_default_and_has_no_provider_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requested(None) is None
    assert requested("auto") is None
    monkeypatch.setenv("FAUXTO_PROVIDER", "cuda")
    assert requested(None) == resolve("cuda")
    assert requested("cpu") == resolve("cpu")
    assert requested("auto") is None


def test_the_options_close_the_known_traps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    coreml = resolve("coreml").options("1.99")
    assert coreml["ModelFormat"] == "MLProgram"
    assert coreml["RequireStaticInputShapes"] == "1"
    assert "1.99" in Path(coreml["ModelCacheDirectory"]).name
    assert Path(coreml["ModelCacheDirectory"]).is_dir()
    assert resolve("cuda").options("1")["cudnn_conv_algo_search"] == "HEURISTIC"
    assert resolve("cpu").options("1") == {}
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path / "file"))
    assert "ModelCacheDirectory" not in resolve("coreml").options("1")
    assert resolve("tensorrt").options("1") == {}


@pytest.mark.parametrize(
    ("system", "machine", "nvidia", "expected"),
    [
        ("Darwin", "arm64", False, ("coreml",)),
        ("Darwin", "x86_64", False, ()),
        ("Linux", "x86_64", True, ("cuda",)),
        ("Windows", "AMD64", True, ("cuda",)),
        ("Linux", "aarch64", False, ()),
    ],
)
def test_what_auto_tries_where(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, nvidia: bool, expected: tuple[str, ...]
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(providers, "has_nvidia", lambda: nvidia)
    assert providers.candidates() == expected


@pytest.mark.skipif(os.name == "nt", reason="the library has another name there")
def test_the_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "onnxruntime" / "capi"
    folder.mkdir(parents=True)
    (folder / "libonnxruntime_providers_cuda.so").write_bytes(b"no library")
    monkeypatch.setattr(onnxruntime, "__file__", str(folder.parent / "__init__.py"))
    assert "libonnxruntime_providers_cuda.so" in str(onnx.missing_library(CUDA))
    assert onnx.missing_library(TENSORRT) is None
    assert onnx.missing_library(COREML) is None
