"""Asking for an execution provider is not getting it: every trap, without the hardware."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fauxto import cache
from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ModelError, ProviderError
from fauxto.inference import onnx, selection, selftest
from fauxto.inference.base import Floats
from fauxto.inference.providers import CPU, CUDA, NAMES, OPENVINO, resolve
from fauxto.model.card import CARD_FILE, MODEL_FILE, REFERENCE
from fauxto.model.model import Model
from tests.helpers import make_photo
from tests.runtime.inference.fake_ort import FakeOrt

Fake = Callable[..., FakeOrt]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a FakeOrt in the place of onnxruntime: fake(names…, fault=…), as on a machine with NVIDIA."""

    def put(*names: str, candidates: tuple[str, ...] = ("cuda",), **options: object) -> FakeOrt:
        module = FakeOrt(*names, **options)  # type: ignore[arg-type]
        for room in (onnx, selection):
            monkeypatch.setattr(room, "ort", module)
        monkeypatch.setattr(selftest, "time", module)
        monkeypatch.setattr(selection, "candidates", lambda: candidates)
        monkeypatch.setattr(onnx, "missing_library", lambda _: None)
        return module

    return put


def asked_and_got(detector: Detector) -> tuple[str, str]:
    return detector.provider, detector.engine


@pytest.mark.parametrize("name", ["coreml", "cuda", "tensorrt"])
def test_one_that_is_not_compiled_in_is_refused_with_the_fix(name: str) -> None:
    if NAMES[name] in onnxruntime.get_available_providers():
        pytest.skip("compiled in here")
    with pytest.raises(
        ProviderError, match=r"is not in the installed onnxruntime .*; (pip|onnxruntime has it)"
    ) as found:
        Detector(provider=name)
    assert "\n" not in str(found.value)


def test_one_that_is_compiled_in_and_takes_no_node_is_refused() -> None:
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no provider that takes nothing")
    with pytest.raises(ProviderError, match=r"AzureExecutionProvider does not run model.*\.onnx here: it runs 0 of"):
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
def test_a_faulty_one_is_refused_and_auto_passes_it_over(fake: Fake, fault: str, reason: str) -> None:
    fake(CUDA, fault=fault)
    with pytest.raises(ProviderError, match=reason) as found:
        Detector(provider="cuda")
    assert "\n" not in str(found.value)
    detector = Detector()
    assert asked_and_got(detector) == ("cpu", CPU)
    assert reason.removeprefix("cannot be trusted here: ") in detector.passed_over["cuda"]
    assert detector.predict(make_photo()).provider == "cpu"


def test_one_that_works_and_is_faster_is_used(fake: Fake) -> None:
    module = fake(CUDA)
    detector = Detector()
    assert (*asked_and_got(detector), detector.passed_over) == ("cuda", CUDA, {})
    assert detector.predict(make_photo()).provider == "cuda"
    assert module.preloaded
    assert asked_and_got(Detector(provider="cuda")) == ("cuda", CUDA)
    assert asked_and_got(Detector(provider="cpu")) == ("cpu", CPU)


def test_one_that_is_slower_is_passed_over(fake: Fake) -> None:
    fake(CUDA, seconds=0.05)
    detector = Detector()
    assert asked_and_got(detector) == ("cpu", CPU)
    assert detector.passed_over["cuda"].startswith("slower than the CPU: ")


def test_a_missing_gpu_package_is_said_by_auto(fake: Fake) -> None:
    fake()
    assert "onnxruntime-gpu" in Detector().passed_over["cuda"]


def test_without_a_candidate_auto_costs_nothing(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake(CUDA, candidates=())
    for name in ("read", "write"):
        monkeypatch.setattr(cache, name, lambda *_: pytest.fail("the cache was asked"))
    detector = Detector()
    assert (*asked_and_got(detector), detector.passed_over) == ("cpu", CPU, {})
    assert [name for name, _ in module.opened] == [CPU]


def test_the_outcome_is_kept_until_something_changes(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def sessions(version: str = "99.0") -> int:
        module = fake(CUDA, version=version)
        assert Detector().engine == CUDA
        return len(module.opened)

    trial = sessions()
    assert trial > 1
    assert sessions() == 1
    assert sessions("99.1") == trial
    assert sessions("99.1") == 1
    monkeypatch.setattr("platform.node", lambda: "another machine")
    assert sessions("99.1") == trial
    selection.forget()
    assert sessions("99.1") == trial


def test_the_outcome_of_another_model_variant_or_thread_count_is_not_taken(released: Model) -> None:
    changed = Model(released.folder, replace(released.card, files={"model.onnx": "0" * 64}))
    keys = [
        selection.cache_key(released, None, None),
        selection.cache_key(changed, None, None),
        selection.cache_key(released, "fp32", None),
        selection.cache_key(released, None, 97),
    ]
    assert len({json.dumps(key, sort_keys=True) for key in keys}) == len(keys)


def test_a_kept_provider_that_fails_now_is_looked_at_again(fake: Fake) -> None:
    fake(CUDA)
    assert Detector().engine == CUDA
    fake(CUDA, fault="raises")
    detector = Detector()
    assert asked_and_got(detector) == ("cpu", CPU)
    assert "CUDA failure 100" in detector.passed_over["cuda"]


def test_a_damaged_or_unwritable_cache_is_no_error(fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(CUDA)
    assert Detector().engine == CUDA
    kept = list(cache.folder().glob("*.json"))
    assert kept
    for path in kept:
        path.write_text("[")
    assert Detector().engine == CUDA
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path / "file"))
    assert Detector().engine == CUDA


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAUXTO_PROVIDER", "abacus")
    with pytest.raises(FauxtoError, match=r"provider 'abacus' \(from FAUXTO_PROVIDER\) is not one of auto, cpu"):
        Detector()
    assert Detector(provider="cpu").provider == "cpu"
    monkeypatch.setenv("FAUXTO_PROVIDER", "cpu")
    assert Detector().provider == "cpu"
    with pytest.raises(FauxtoError, match="provider 'abacus' is not one of"):
        Detector(provider="abacus")


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


class NoNumbers:
    """A session whose answers are no numbers."""

    engine, nodes = CPU, (1, 1)

    def run(self, crops: Floats) -> Floats:
        return np.full(len(crops), np.nan, np.float32)

    def evidence(self, crops: Floats) -> tuple[Floats, Floats]:
        return self.run(crops), np.full((len(crops), 7, 7), np.nan, np.float32)


def test_a_file_that_gives_no_numbers_is_wrong_anywhere(released: Model) -> None:
    assert len(released.variants_here()) >= 2
    for variant in released.variants_here():
        loaded = selection.load_on(released, resolve("cpu"), variant.name)
        assert selection.check(released, loaded).reason is None
        found = selection.check(released, replace(loaded, session=NoNumbers()))
        assert found.difference == np.inf
        assert "wrong answers" in str(found.reason)


@pytest.fixture
def int8_alone(released_copy: tuple[Path, Path]) -> Path:
    """A folder whose one file has a calibration and golden logits of its own, and is for CPUs, by the card."""
    folder, file = released_copy
    path = folder / CARD_FILE
    card = json.loads(path.read_text("utf-8"))
    golden = Detector(folder, provider="cpu").card.golden
    points = {name: point | {"threshold": 1, "no_sign_below": 1} for name, point in card["operating_points"].items()}
    own = {"calibration": {"temperature": 3, "bias": -1}, "operating_points": points, "golden": list(golden)}
    card["golden"] = [{**entry, "logit": entry["logit"] + 9} for entry in golden]  # of another network
    entry = {"file": file.name, "providers": [CPU, OPENVINO], **own}
    card["variants"] = {REFERENCE: {"file": MODEL_FILE, "providers": []}, "int8": entry}
    path.write_text(json.dumps(card), encoding="utf-8")
    return folder


def test_int8_alone_answers_by_its_own_golden_logits_wherever_it_runs(fake: Fake, int8_alone: Path) -> None:
    fake(CUDA)
    for detector in (Detector(int8_alone, provider=name) for name in ("cpu", "cuda", "auto")):
        assert (detector.variant, detector.card.temperature) == ("int8", 3)
        assert detector.predict(make_photo()).threshold == 1
    fake(CUDA, fault="wrong", version="99.1")
    with pytest.raises(ProviderError, match=r"CUDAExecutionProvider cannot be trusted here: wrong answers.*; use"):
        Detector(int8_alone, provider="cuda")
    assert asked_and_got(Detector(int8_alone)) == ("cpu", CPU)


def test_golden_logits_of_its_own_are_what_the_cpu_too_is_held_to(int8_alone: Path) -> None:
    path = int8_alone / CARD_FILE
    model = Model.open(int8_alone)
    loaded = selection.load_on(model, resolve("cpu"))
    assert selection.check(model, loaded).reason is None
    card = json.loads(path.read_text("utf-8"))
    card["variants"]["int8"]["golden"][1]["logit"] += 0.2
    path.write_text(json.dumps(card), encoding="utf-8")
    found = selection.check(Model.open(int8_alone), loaded)
    assert found.difference == pytest.approx(0.2, abs=0.02)
    assert "wrong answers: |Δlogit| 0.2 on the golden pictures" in str(found.reason)


def test_a_model_that_gives_no_number_is_an_error_record(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "session", NoNumbers())
    answer = detector.predict(make_photo(), name="a")
    assert (answer.path, answer.status, answer.verdict, answer.logit) == ("a", "error", None, None)
    assert answer.error == "the model's answer is no number; try --provider cpu, or reinstall fauxto"
    assert json.loads(json.dumps(answer.to_dict(), allow_nan=False))["p_ai"] is None


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ModelError, match="no variant 'fp3'; the model has fp32"):
        Detector(variant="fp3")


def test_the_provider_is_in_the_record(tmp_path: Path) -> None:
    make_photo().save(tmp_path / "photo.png")
    line = [sys.executable, "-m", "fauxto", str(tmp_path / "photo.png"), "--format", "jsonl", "--provider", "cpu"]
    answer = subprocess.run(line, capture_output=True, check=True, env=os.environ | {"FAUXTO_PROVIDER": "cuda"})
    assert json.loads(answer.stdout)["provider"] == "cpu"
