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
from fauxto.model.card import MODEL_FILE
from fauxto.model.model import Model
from tests.helpers import make_photo


def test_openvino_gives_the_same_answers(detector: Detector) -> None:
    pytest.importorskip("openvino")
    other = Detector(provider="openvino", variant=detector.variant)
    assert (other.provider, other.engine) == ("openvino", "OpenVINO")
    placed, total = other.session.nodes
    assert placed == total > 20
    picture = make_photo(700, 500)
    assert other.predict(picture).logit == pytest.approx(detector.predict(picture).logit, abs=1e-3)
    assert other.predict(picture).provider == "openvino"
    np.testing.assert_allclose(other.explain(picture), detector.explain(picture), atol=1e-2)


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
