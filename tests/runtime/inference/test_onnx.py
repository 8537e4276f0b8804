"""A session on onnxruntime: which files it takes, and what it does with a graph of fixed shape."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fauxto.errors import ModelError
from fauxto.inference.onnx import OnnxSession
from fauxto.model.card import CARD_FILE, MODEL_FILE
from fauxto.model.model import Model


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime cannot load it"):
        OnnxSession(tmp_path / "model.onnx")


def test_a_graph_of_fixed_batch_gets_its_crops_one_by_one(tmp_path: Path, released: Model) -> None:
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(released.folder / MODEL_FILE)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(proto, tmp_path / "fixed.onnx")
    free, fixed = OnnxSession(released.folder / MODEL_FILE), OnnxSession(tmp_path / "fixed.onnx")
    crops = np.random.default_rng(0).normal(size=(3, 3, 224, 224)).astype(np.float32)
    np.testing.assert_allclose(fixed.run(crops), free.run(crops), atol=1e-4)
    for one, other in zip(fixed.evidence(crops), free.evidence(crops), strict=True):
        assert len(one) == 3
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_session_that_has_answered_leaves_the_cpu_alone(released: Model) -> None:
    session, spent = OnnxSession(released.folder / MODEL_FILE, threads=2), []
    for _ in range(7):
        session.run(np.zeros((1, 3, 224, 224), np.float32))
        before = time.process_time()
        time.sleep(0.05)
        spent.append(time.process_time() - before)
    assert sorted(spent)[3] < 0.004  # onnxruntime's threads wait in circles for 8 to 20 ms, unless they are told


def test_a_model_without_evidence_or_logit_says_so(tmp_path: Path, released: Model) -> None:
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(released.folder / MODEL_FILE)
    kept = {output.name: output for output in proto.graph.output}
    for name, left in (("logit.onnx", ["logit"]), ("evidence.onnx", ["evidence"])):
        del proto.graph.output[:]
        proto.graph.output.extend(kept[output] for output in left)
        onnx.save(proto, tmp_path / name)
    with pytest.raises(ModelError, match="no evidence output; export it again"):
        OnnxSession(tmp_path / "logit.onnx").evidence(np.zeros((1, 3, 224, 224), np.float32))
    with pytest.raises(ModelError, match=r"evidence\.onnx: has no output 'logit'"):
        OnnxSession(tmp_path / "evidence.onnx")


def test_all_nodes_are_counted(released: Model) -> None:
    session = OnnxSession(released.folder / MODEL_FILE)
    placed, total = session.nodes
    assert placed == total > 20
    assert session.engine == "CPUExecutionProvider"


def test_the_card_in_the_onnx_file_is_a_former_state_of_the_card_beside_it(released: Model) -> None:
    """Weights do not move when a card is rewritten: what both have of the network and its input is the same."""
    card = json.loads((released.folder / CARD_FILE).read_text("utf-8"))
    embedded = json.loads(OnnxSession(released.folder / MODEL_FILE).metadata["fauxto.card"])
    same = ("name", "labels", "positive_label", "calibration", "minimum_short_side", "checkpoint_sha256")
    assert {name: embedded[name] for name in same} == {name: card[name] for name in same}
    assert embedded["input"]["mean"] == card["input"]["mean"]
    logits = [[entry["logit"] for entry in own["golden"]] for own in (embedded, card)]
    assert logits[0] == pytest.approx(logits[1], abs=1e-3)  # the rule of scaling has changed a little since


@pytest.mark.parametrize("first", ["fauxto", "fauxto.inference.onnx", "fauxto.detector"])
def test_onnxruntime_is_never_imported_with_its_telemetry(first: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    script = (
        f"import {first}, os, sys; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'; "
        "import onnxruntime; print('disabled')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "disabled\n"


def test_the_users_own_word_on_telemetry_stays() -> None:
    script = "import fauxto, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "0\n"
