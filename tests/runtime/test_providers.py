"""Asking for an execution provider is not getting it: every trap, without the hardware."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fauxto import cache
from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ProviderError
from fauxto.inference import providers
from fauxto.inference.providers import COREML, CPU, CUDA, TENSORRT
from fauxto.model.card import find_model
from tests.helpers import make_photo
from tests.runtime.fake_ort import FakeOrt

MODEL = find_model(None) / "model.onnx"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> object:
    """Puts a FakeOrt in the place of onnxruntime: fake(names…, fault=…), as on a machine with NVIDIA."""

    def put(*names: str, candidates: tuple[str, ...] = ("cuda",), **options: object) -> FakeOrt:
        module = FakeOrt(*names, **options)
        for room in (session, choose):
            monkeypatch.setattr(room, "ort", module)
        monkeypatch.setattr(choose, "candidates", lambda: candidates)
        monkeypatch.setattr(session, "missing_library", lambda _: None)
        return module

    return put


@pytest.mark.parametrize("name", ["coreml", "cuda", "tensorrt"])
def test_one_that_is_not_compiled_in_is_refused_with_the_fix(name: str) -> None:
    if providers.NAMES[name] in onnxruntime.get_available_providers():
        pytest.skip("compiled in here")
    with pytest.raises(
        ProviderError, match=r"is not in the installed onnxruntime .*; (pip|onnxruntime has it)"
    ) as found:
        Detector(provider=name)
    assert "\n" not in str(found.value)


def test_one_that_is_compiled_in_and_takes_no_node_is_refused() -> None:
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no provider that takes nothing")
    with pytest.raises(ProviderError, match=r"AzureExecutionProvider does not run model\.onnx here: it runs 0 of"):
        Detector(provider=("AzureExecutionProvider", {}))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("silent", "it runs 0 of the 50 nodes"),
        ("partial", "it runs 49 of the 50 nodes"),
        ("raises", "CUDA failure 100: no CUDA-capable device is detected; install"),
        ("wrong", "cannot be trusted here: wrong answers"),
        ("nan", "cannot be trusted here: wrong answers"),
        ("dies", "cannot be trusted here: it fails when it runs"),
    ],
)
def test_a_faulty_one_is_refused_and_auto_passes_it_over(fake, fault: str, reason: str) -> None:
    fake(CUDA, fault=fault)
    with pytest.raises(ProviderError, match=reason) as found:
        Detector(provider="cuda")
    assert "\n" not in str(found.value)
    detector = Detector()
    assert detector.provider == CPU
    assert reason.removeprefix("cannot be trusted here: ") in detector.passed_over["cuda"]
    assert detector.predict(make_photo()).provider == CPU


def test_one_that_works_and_is_faster_is_used(fake) -> None:
    module = fake(CUDA)
    detector = Detector()
    assert (detector.provider, detector.passed_over) == (CUDA, {})
    assert detector.predict(make_photo()).provider == CUDA
    assert module.preloaded
    assert Detector(provider="cuda").provider == CUDA
    assert Detector(provider="cpu").provider == CPU


def test_one_that_is_slower_is_passed_over(fake) -> None:
    fake(CUDA, seconds=0.05)
    detector = Detector()
    assert detector.provider == CPU
    assert detector.passed_over["cuda"].startswith("slower than the CPU: ")


def test_a_missing_gpu_package_is_said_by_auto(fake) -> None:
    fake()
    assert "onnxruntime-gpu" in Detector().passed_over["cuda"]


def test_without_a_candidate_auto_costs_nothing(fake, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake(CUDA, candidates=())
    for name in ("read", "write"):
        monkeypatch.setattr(cache, name, lambda *_: pytest.fail("the cache was asked"))
    detector = Detector()
    assert (detector.provider, detector.passed_over) == (CPU, {})
    assert [name for name, _ in module.opened] == [CPU]


def test_the_outcome_is_kept_until_something_changes(fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def sessions(**changes: object) -> int:
        module = fake(CUDA, **changes)
        assert Detector().provider == CUDA
        return len(module.opened)

    trial = sessions()
    assert trial > 1
    assert sessions() == 1
    assert sessions(version="99.1") == trial
    assert sessions(version="99.1") == 1
    card = Detector().card
    changed = replace(card, files={"model.onnx": "0" * 64})
    assert choose.cache_key(changed, None, None) != choose.cache_key(card, None, None)
    monkeypatch.setattr("platform.node", lambda: "another machine")
    assert sessions(version="99.1") == trial
    choose.forget()
    assert sessions(version="99.1") == trial


def test_a_kept_provider_that_fails_now_is_looked_at_again(fake) -> None:
    fake(CUDA)
    assert Detector().provider == CUDA
    fake(CUDA, fault="raises")
    detector = Detector()
    assert detector.provider == CPU
    assert "CUDA failure 100" in detector.passed_over["cuda"]


def test_a_damaged_or_unwritable_cache_is_no_error(fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(CUDA)
    assert Detector().provider == CUDA
    for path in cache.folder().glob("*.json"):
        path.write_text("[")
    assert Detector().provider == CUDA
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path / "file"))
    assert Detector().provider == CUDA
    assert providers.options("coreml", "1").get("ModelCacheDirectory") is None


def test_the_options_close_the_known_traps(tmp_path: Path) -> None:
    coreml = providers.options("coreml", "1.99")
    assert coreml["ModelFormat"] == "MLProgram"
    assert coreml["RequireStaticInputShapes"] == "1"
    assert "1.99" in Path(coreml["ModelCacheDirectory"]).name
    assert Path(coreml["ModelCacheDirectory"]).is_dir()
    assert providers.options("cuda", "1")["cudnn_conv_algo_search"] == "HEURISTIC"
    assert providers.options("cpu", "1") == {}
    assert providers.options((CUDA, {"use_tf32": "0"}), "1") == {"use_tf32": "0"}


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


def test_a_graph_of_fixed_batch_gets_its_views_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    views = np.random.default_rng(0).normal(size=(3, 3, 224, 224)).astype(np.float32)
    free, fixed = session.Session(MODEL), session.Session(MODEL)
    fixed._batch = 1
    calls = []
    run = fixed._session.run
    monkeypatch.setattr(fixed._session, "run", lambda names, inputs: calls.append(1) or run(names, inputs))
    np.testing.assert_allclose(fixed.run(views), free.run(views), atol=1e-4)
    for one, other in zip(fixed.evidence(views), free.evidence(views), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert len(calls) == 6


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("FAUXTO_PROVIDER", "abacus")
    with pytest.raises(FauxtoError, match=r"provider 'abacus' \(from FAUXTO_PROVIDER\) is not one of auto, cpu"):
        Detector()
    assert Detector(provider="cpu").provider == CPU
    monkeypatch.setenv("FAUXTO_PROVIDER", "cpu")
    assert Detector().provider == CPU
    with pytest.raises(FauxtoError, match="provider 'abacus' is not one of"):
        Detector(provider="abacus")


@pytest.mark.parametrize("provider", [("CUDAExecutionProvider",), (1, {}), ("CUDAExecutionProvider", "fast")])
def test_a_tuple_that_is_no_provider_is_refused(provider: tuple) -> None:
    with pytest.raises(FauxtoError, match="is neither one of auto, cpu"):
        Detector(provider=provider)


@pytest.mark.parametrize("verb", ["predict", "explain", "eval", "bench"])
def test_every_verb_refuses_with_one_line(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("compiled in here")
    make_photo().save(tmp_path / "photo.png")
    for label in ("ai", "real"):
        (tmp_path / label).mkdir()
        make_photo().save(tmp_path / label / "photo.png")
    words = {
        "predict": [str(tmp_path / "photo.png")],
        "explain": [str(tmp_path / "photo.png"), "-o", str(tmp_path / "heat.png")],
        "eval": [str(tmp_path)],
        "bench": ["--quick"],
    }[verb]
    assert main([verb, *words, "--provider", "cuda"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "CUDAExecutionProvider is not in the installed onnxruntime" in err.splitlines()[-1]


def test_a_file_that_gives_no_numbers_is_wrong_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Detector().card
    opened = choose.open_on(MODEL.parent, card, "cpu")
    assert choose.wrong(MODEL.parent, card, opened)[1] is None
    monkeypatch.setattr(session.Session, "run", lambda _, views: np.full(len(views), np.nan, np.float32))
    for variant in ("fp32", "int8"):
        found, reason = choose.wrong(MODEL.parent, card, replace(opened, variant=variant))
        assert found == np.inf
        assert "wrong answers" in reason


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(FauxtoError, match="no variant 'fp3'; the model has fp32"):
        Detector(variant="fp3")


def test_openvino_gives_the_same_answers(detector: Detector, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    other = Detector(provider="openvino", variant=detector.variant)
    assert other.provider == "OpenVINO"
    placed, total = other._session.nodes
    assert placed == total > 20
    picture = make_photo(700, 500)
    assert other.predict(picture).logit == pytest.approx(detector.predict(picture).logit, abs=1e-3)
    assert other.predict(picture).provider == "OpenVINO"
    np.testing.assert_allclose(other.explain(picture), detector.explain(picture), atol=1e-2)


def test_openvino_answers_many_threads() -> None:
    pytest.importorskip("openvino")
    runner = session.open_session(MODEL, "openvino")
    views = [np.random.default_rng(i).normal(size=(1, 3, 224, 224)).astype(np.float32) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(runner.run, views))
    np.testing.assert_allclose(together, [session.Session(MODEL).run(view) for view in views], atol=1e-4)


def test_openvino_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ProviderError, match=r'pip install "fauxto\[openvino\]"'):
        Detector(provider="openvino")


@pytest.mark.skipif(os.name == "nt", reason="the library has another name there")
def test_the_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "onnxruntime" / "capi"
    folder.mkdir(parents=True)
    (folder / "libonnxruntime_providers_cuda.so").write_bytes(b"no library")
    monkeypatch.setattr(session.ort, "__file__", str(folder.parent / "__init__.py"))
    assert "libonnxruntime_providers_cuda.so" in session.missing_library(CUDA)
    assert session.missing_library(TENSORRT) is None
    assert session.missing_library(COREML) is None


def test_the_provider_is_in_the_record(tmp_path: Path) -> None:
    make_photo().save(tmp_path / "photo.png")
    line = [sys.executable, "-m", "fauxto", str(tmp_path / "photo.png"), "--format", "jsonl", "--provider", "cpu"]
    answer = subprocess.run(line, capture_output=True, check=True, env=os.environ | {"FAUXTO_PROVIDER": "cuda"})
    assert json.loads(answer.stdout)["provider"] == CPU
