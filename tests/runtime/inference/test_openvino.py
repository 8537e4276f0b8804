"""The same model on OpenVINO: the same answers, from many threads, and the fix where it is not installed."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fauxto.detector import Detector
from fauxto.errors import ProviderError
from fauxto.inference.onnx import OnnxSession
from fauxto.inference.openvino import OpenVINOSession
from fauxto.inference.providers import OPENVINO
from fauxto.inference.selftest import INT8_BOUND
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from tests.helpers import make_photo


def test_openvino_gives_the_same_answers() -> None:
    pytest.importorskip("openvino")
    detector, other = (Detector(provider=name, variant="int8-weights") for name in ("cpu", "openvino"))
    assert (other.provider, other.engine) == ("openvino", "OpenVINO")
    placed, total = other.session.nodes
    assert placed == total > 20
    picture = make_photo(700, 500)
    assert other.predict(picture).logit == pytest.approx(detector.predict(picture).logit, abs=1e-3)
    assert other.predict(picture).provider == "openvino"
    np.testing.assert_allclose(other.explain(picture), detector.explain(picture), atol=1e-2)


def test_openvino_runs_the_file_that_the_card_has_for_it(released: Model) -> None:
    pytest.importorskip("openvino")
    other = Detector(provider="openvino")
    assert other.variant == released.variant(OPENVINO).name
    own = Detector(provider="cpu", variant=other.variant).predict(make_photo(700, 500))
    assert other.predict(make_photo(700, 500)).logit == pytest.approx(own.logit, abs=INT8_BOUND)


def test_openvino_answers_many_threads(released: Model) -> None:
    pytest.importorskip("openvino")
    session = OpenVINOSession(released.folder / MODEL_FILE, {})
    crops = [np.random.default_rng(i).normal(size=(1, 3, 224, 224)).astype(np.float32) for i in range(8)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(session.run, crops))
    reference = OnnxSession(released.folder / MODEL_FILE)
    np.testing.assert_allclose(together, [reference.run(crop) for crop in crops], atol=1e-4)


def test_openvino_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ProviderError, match=r'pip install "fauxto\[openvino\]"'):
        Detector(provider="openvino")
