"""Detector with a second opinion: one record of both, and without it nothing is other than before."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.errors import ImageError, ModelError, ProviderError
from fauxto.image.decode import load
from fauxto.image.preprocess import cut_crops
from fauxto.model import own_points
from fauxto.model.model import sha256
from fauxto.model.own_points import OwnPoint
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.second_opinion.encoder import Encoder
from fauxto.second_opinion.model import HEAD
from fauxto.verdict import probability
from tests.helpers import EXAMPLES, encode, make_photo
from tests.runtime.second_opinion import standin

PICTURES = sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png"))


@pytest.fixture(scope="module")
def fused(stand_in: tuple[Path, Path]) -> Iterator[Detector]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_DATA", str(stand_in[0]))
        yield Detector(second_opinion=stand_in[1])


def plain_dict(record: Prediction) -> dict[str, Any]:
    found = record.to_dict()
    del found["elapsed_ms"]
    return found


def test_without_it_answers_are_what_they_were(detector: Detector, second: Path, fused: Detector) -> None:
    """Installed or not, in a process that has one or not; and nothing of it is loaded."""
    before = [plain_dict(record) for record in detector.predict_many(PICTURES)]
    installed = [plain_dict(record) for record in Detector(second_opinion=None).predict_many(PICTURES)]
    assert len(before) == 6
    assert json.dumps(installed) == json.dumps(before)
    for record, both in zip(before, fused.predict_many(PICTURES), strict=True):
        assert record["schema"] == 2
        assert both.logit_pixels == record["logit"]  # type: ignore[attr-defined]
    script = (
        "import sys, fauxto; fauxto.Detector().predict(sys.argv[1], strict=True); "
        "print([name for name in sys.modules if 'second' in name])"
    )
    line = [sys.executable, "-c", script, str(PICTURES[0])]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_the_record_is_the_fusion_of_both(detector: Detector, fused: Detector, second: Path, path: Path) -> None:
    alone, both = detector.predict(path), fused.predict(path)
    assert isinstance(both, FusedPrediction)
    assert (both.schema, both.path, both.width, both.height) == (3, alone.path, alone.width, alone.height)
    assert both.model == f"{alone.model}+fauxto-second-v1" == fused.card.release
    assert both.model_sha256 == f"{alone.model_sha256}+{sha256(second / HEAD)}"
    assert both.provider == alone.provider
    # What each says of the picture, and the two made one: by the card of the second opinion.
    scene = cut_crops(load(path), fused.second.card.preprocessing)  # type: ignore[union-attr]
    assert both.logit_scene == fused.second.logits(scene)[0]  # type: ignore[union-attr]
    odds = alone.logit / detector.card.temperature + detector.card.bias  # type: ignore[operator]
    logit = standin.FUSION["pixels"] * odds + standin.FUSION["scene"] * both.logit_scene  # type: ignore[operator]
    assert both.logit == pytest.approx(logit, abs=1e-9)
    assert both.p_ai == pytest.approx(probability(logit, 1.25, -0.25), abs=1e-9)
    point = fused.second.card.operating_points["fpr1"]  # type: ignore[union-attr]
    assert (both.operating_point, both.threshold) == ("fpr1", point.threshold)
    p = float(both.p_ai or 0)
    assert both.verdict == ("ai" if p >= point.threshold else "no_sign" if p < point.no_sign_below else "unsure")
    assert Prediction.from_dict(json.loads(json.dumps(both.to_dict(), allow_nan=False))) == both


def test_every_kind_of_input_and_other_threads_give_the_same(second: Path, fused: Detector) -> None:
    path = PICTURES[0]
    logits = [fused.predict(path).logit]
    data = path.read_bytes()
    logits += [fused.predict(kind).logit for kind in (data, io.BytesIO(data), Image.open(path), np.asarray(load(path)))]
    logits.append(Detector(second_opinion=second, threads=1).predict(path).logit)
    assert logits == pytest.approx([logits[0]] * 6, abs=1e-5)
    cold = Detector(second_opinion=second, prior=0.01).predict(path)
    assert (cold.logit, cold.prior) == (pytest.approx(logits[0], abs=1e-5), 0.01)
    assert float(cold.p_ai or 0) < float(fused.predict(path).p_ai or 0)


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 3), (3, 2), (50, 1)])
def test_many_answers_come_in_order_with_the_bad_among_them(fused: Detector, batch_size: int, jobs: int) -> None:
    xs: list[Any] = [make_photo(230 + i, 240, seed=i) for i in range(5)]
    xs = [*xs[:2], b"bad", *xs[2:], b"", make_photo(20, 20)]
    alone = [fused.predict(x) for x in xs]
    together = list(fused.predict_many(xs, batch_size=batch_size, jobs=jobs))
    assert [answer.status for answer in together] == [answer.status for answer in alone]
    assert [answer.width for answer in together] == [230, 231, None, 232, 233, 234, None, 20]
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, FusedPrediction)
        if one.ok:
            assert one.logit == pytest.approx(other.logit, abs=1e-5)
            assert one.logit_scene == pytest.approx(other.logit_scene, abs=1e-5)  # type: ignore[attr-defined]


def test_a_picture_that_cannot_be_read_is_a_record_of_the_same_schema(fused: Detector, tmp_path: Path) -> None:
    answer = fused.predict(tmp_path / "nothing.jpg")
    assert isinstance(answer, FusedPrediction)
    assert (answer.schema, answer.status, answer.verdict, answer.logit_scene) == (3, "error", None, None)
    assert (answer.error, answer.model) == ("no such file; check the path", fused.card.release)
    assert Prediction.from_dict(answer.to_dict()) == answer
    with pytest.raises(ImageError, match="no such file"):
        fused.predict(tmp_path / "nothing.jpg", strict=True)
    assert [record.status for record in fused.predict_many([b"", b"x"], batch_size=2)] == ["error", "error"]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (199, 400)])
def test_a_picture_too_small_to_judge_is_that_first(
    stand_in: tuple[Path, Path], second: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    weights = stand_in[0] / "second-opinion" / standin.WEIGHTS
    far = standin.write_second(tmp_path / "far", weights, disagreement=[100.0, 101.0])
    answer = Detector(second_opinion=far).predict(make_photo(*size))
    assert (answer.verdict, answer.lean, answer.reason) == ("unsure", None, "too_small")


def test_where_they_disagree_the_word_is_unsure(
    second: Path, stand_in: tuple[Path, Path], fused: Detector, tmp_path: Path
) -> None:
    weights = stand_in[0] / "second-opinion" / standin.WEIGHTS
    picture = PICTURES[3]
    known = fused.predict(picture)
    assert isinstance(known, FusedPrediction)
    assert (known.verdict, known.reason) == ("no_sign", "threshold")
    odds = fused._first.bias + known.logit_pixels / fused._first.temperature  # type: ignore[operator]
    gap = odds - known.logit_scene  # type: ignore[operator]
    for name, bounds, reason in (
        ("below", [gap + 0.01, gap + 9], "disagree"),
        ("above", [gap - 9, gap - 0.01], "disagree"),
        ("at", [gap - 1e-4, gap + 1e-4], "threshold"),
    ):
        answer = Detector(second_opinion=standin.write_second(tmp_path / name, weights, disagreement=bounds)).predict(
            picture
        )
        assert answer.reason == reason
        assert answer.verdict == ("no_sign" if name == "at" else "unsure")
        assert answer.lean == (None if name == "at" else "no_sign")
        assert (answer.logit, answer.p_ai) == (known.logit, known.p_ai)


def test_the_heat_map_is_the_first_networks(detector: Detector, fused: Detector) -> None:
    picture = make_photo(400, 300)
    np.testing.assert_array_equal(fused.explain(picture), detector.explain(picture))


def test_an_answer_that_is_no_number_is_an_error(fused: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Encoder, "run", lambda _, crops: np.full((len(crops), 512), np.nan, np.float32))
    answer = fused.predict(make_photo())
    assert isinstance(answer, FusedPrediction)
    assert (answer.status, answer.verdict) == ("error", None)
    assert "the model's answer is no number" in str(answer.error)


def test_an_engine_that_fails_gives_no_answer_of_the_first_alone(
    fused: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ProviderError("CPUExecutionProvider fails to run the second opinion (out of memory)")

    monkeypatch.setattr(Encoder, "run", fail)
    with pytest.raises(ProviderError, match="second opinion"):
        fused.predict(make_photo())
    with pytest.raises(ProviderError, match="second opinion"):
        list(fused.predict_many([make_photo()]))


def test_what_another_detector_decoded_is_not_answered_without_a_scene(detector: Detector, fused: Detector) -> None:
    with pytest.raises(ModelError, match="decode with this Detector"):
        fused.answer([detector.decode(make_photo())])
    assert detector.answer([fused.decode(make_photo())])[0].schema == 2


def test_the_encoder_runs_once_a_picture(fused: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = Encoder.run, []

    def counted(self: Encoder, crops: Any) -> Any:
        seen.append(crops.shape)
        return real(self, crops)

    monkeypatch.setattr(Encoder, "run", counted)
    list(fused.predict_many([make_photo(300, 240), b"", make_photo(240, 300)], batch_size=3))
    assert seen == [(1, 3, 224, 224)] * 2


def test_not_installed_names_the_command(stand_in: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="not installed; fauxto second-opinion install downloads it") as found:
        Detector(second_opinion=stand_in[1])
    assert "\n" not in str(found.value)


def test_a_point_of_ones_own_holds_for_what_it_was_set_with(
    detector: Detector, second: Path, fused: Detector, tmp_path: Path
) -> None:
    for of, name in ((detector, "alone"), (fused, "both")):
        card = of.card
        own = OwnPoint(
            point=replace(card.operating_point(), name=name, threshold=0.6),
            asked=0.01,
            model=card.release,
            variant=of.variant,
            model_sha256=of.model_sha256,
            temperature=card.temperature,
            bias=card.bias,
            made="2026-11-30",
        )
        own_points.save(own, own_points.place(name))
    assert Detector(operating_point="alone").operating_point.threshold == 0.6
    assert Detector(operating_point="both", second_opinion=second).predict(PICTURES[0]).threshold == 0.6
    release = detector.card.release
    with pytest.raises(ModelError, match=rf"'both' was set with {release}\+fauxto-second-v1 .*, not with {release} "):
        Detector(operating_point="both")
    with pytest.raises(ModelError, match=rf"'alone' was set with {release} .*, not with {release}\+fauxto-second-v1 "):
        Detector(operating_point="alone", second_opinion=second)


def test_a_detector_shows_what_it_is(fused: Detector, detector: Detector) -> None:
    assert fused.card.release in repr(fused)
    assert fused.card_sha256.startswith(f"{detector.card_sha256}+")
    assert (fused.provider, fused.variant, fused.scene.crop_size) == ("cpu", detector.variant, 224)  # type: ignore[union-attr]
    assert detector.scene is None


def test_a_declaration_is_read_beside_it(second: Path, jpeg_path: Path) -> None:
    answer = Detector(second_opinion=second, provenance=True).predict(jpeg_path)
    assert (answer.declared, answer.declared_by, answer.signature) == ("nothing", "", "unverified")
    assert os.fspath(jpeg_path) == answer.path
    assert Detector(second_opinion=second).predict(encode(make_photo(), "PNG")).declared is None
