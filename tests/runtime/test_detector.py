"""Detector: golden values through every entry point, batches that never die, answers in order."""

from __future__ import annotations

import inspect
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.errors import FauxtoError, ImageError
from fauxto.image.decoded import Decoded
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.prediction import Prediction
from tests.helpers import GOLDEN_TOLERANCE, encode, make_photo, naive_crops

GOLDEN_SUMS = [4730172, 26638310, 570116889]


@pytest.mark.parametrize(("variant", "tolerance"), [("fp32", 1e-3), (None, GOLDEN_TOLERANCE)])
@pytest.mark.parametrize("number", range(len(SIZES)))
def test_golden_logits_through_every_entry_point(
    tmp_path: Path, number: int, variant: str | None, tolerance: float
) -> None:
    detector = Detector(variant=variant)
    expected = detector.card.golden[number]["logit"]
    array = golden_image(number)
    image = Image.fromarray(array)
    data = encode(image, "PNG")
    path = tmp_path / "golden.png"
    path.write_bytes(data)
    for kind in (path, data, io.BytesIO(data), image, array):
        answer = detector.predict(kind)
        assert answer.logit == pytest.approx(expected, abs=tolerance)
        assert (answer.width, answer.height) == SIZES[number]
    for answer in detector.predict_many([path, data, image], batch_size=3):
        assert answer.logit == pytest.approx(expected, abs=tolerance)
    line = [sys.executable, "-m", "fauxto", "predict", "--format", "json", str(path)]
    line += ["--variant", variant] if variant else []
    record = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)[0]
    assert record["logit"] == pytest.approx(expected, abs=tolerance)


def test_golden_images_never_change() -> None:
    sums = [int(golden_image(number).astype(np.int64).sum()) for number in range(len(SIZES))]
    assert sums == GOLDEN_SUMS


@pytest.mark.parametrize("size", [(1500, 1100), (1030, 2000), (4000, 3000)])
def test_a_large_picture_is_scaled_before_it_is_cut(detector: Detector, size: tuple[int, int]) -> None:
    image = make_photo(*size)
    scaled_first = Decoded(None, naive_crops(image, detector.card.preprocessing), size)
    assert detector.predict(image).logit == detector.answer([scaled_first])[0].logit


def test_a_prediction_says_all(detector: Detector, jpeg_path: Path) -> None:
    answer = detector.predict(jpeg_path)
    assert answer.ok
    assert answer.path == str(jpeg_path)
    assert answer.verdict in ("no_sign", "unsure", "ai")
    assert 0 <= float(answer.p_ai or 0) <= 1
    assert answer.prior == 0.5
    assert answer.operating_point == detector.card.default_operating_point
    assert answer.threshold == detector.operating_point.threshold
    assert answer.model == detector.card.release == f"{detector.card.name}-v{detector.card.version}"
    assert answer.model_sha256 == detector.card.files[detector.card.variants[detector.variant].file]
    assert answer.provider == "cpu"
    assert float(answer.elapsed_ms or 0) > 0
    assert (answer.error, answer.declared) == (None, None)
    assert Prediction.from_dict(json.loads(json.dumps(answer.to_dict(), allow_nan=False))) == answer


def test_a_detector_shows_what_it_is(detector: Detector) -> None:
    assert (detector.provider, detector.engine) == ("cpu", "CPUExecutionProvider")
    shown = f"Detector('{detector.card.release}', provider='cpu', variant='{detector.variant}', operating_point='fpr1')"
    assert repr(detector) == shown
    assert detector.session.engine == detector.engine


def test_everything_but_the_model_is_given_by_name(detector: Detector) -> None:
    def by_position(function: object) -> list[str]:
        kinds = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        return [one.name for one in kinds if one.kind is not one.KEYWORD_ONLY]

    assert by_position(Detector) == ["model"]
    assert by_position(detector.predict) == by_position(detector.explain) == ["x"]
    assert by_position(detector.predict_many) == ["xs"]


def test_an_answer_is_called_what_the_caller_says(detector: Detector, jpeg_path: Path) -> None:
    assert detector.predict(jpeg_path, name="upload.jpg").path == "upload.jpg"
    assert detector.predict(make_photo(), name="-").path == "-"
    assert detector.predict(make_photo()).path is None
    assert detector.predict(b"no picture", name="upload.jpg").path == "upload.jpg"
    with pytest.raises(ImageError, match=r"^upload\.jpg: not a picture"):
        detector.predict(b"no picture", name="upload.jpg", strict=True)


def test_a_bad_input_is_an_answer_and_an_error_only_if_strict(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "nothing.jpg"
    answer = detector.predict(path)
    assert (answer.status, answer.ok, answer.verdict, answer.p_ai) == ("error", False, None, None)
    assert (answer.path, answer.error) == (str(path), "no such file; check the path")
    for call in (detector.explain, lambda x: detector.predict(x, strict=True)):
        with pytest.raises(ImageError) as found:
            call(path)
        assert str(found.value) == f"{path}: no such file; check the path"
        assert (found.value.path, found.value.reason) == (str(path), "no such file; check the path")
        with pytest.raises(ImageError) as found:
            call(b"")
        assert (str(found.value), found.value.path) == ("the file is empty", None)
    assert detector.predict(make_photo(), strict=True).ok


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 1), (1, 4), (3, 2), (50, 3)])
def test_many_answers_come_in_order_with_the_bad_among_them(detector: Detector, batch_size: int, jobs: int) -> None:
    pictures = [make_photo(230 + i, 240, seed=i) for i in range(7)]
    xs: list[Any] = [*pictures[:3], b"bad", *pictures[3:], b""]
    alone = [detector.predict(x) for x in xs]
    together = list(detector.predict_many(xs, batch_size=batch_size, jobs=jobs))
    assert [answer.status for answer in together] == [answer.status for answer in alone]
    assert [answer.ok for answer in together].count(False) == 2
    for one, other in zip(alone, together, strict=True):
        assert one.width == other.width
        if one.ok:
            assert one.logit == pytest.approx(other.logit, abs=1e-4)


def test_many_takes_from_its_input_only_what_it_needs(detector: Detector) -> None:
    taken = 0

    def endless() -> Iterator[Image.Image]:
        nonlocal taken
        while True:
            taken += 1
            yield make_photo(224, 224)

    answers = detector.predict_many(endless(), batch_size=2, jobs=2)
    for _ in range(4):
        assert next(answers).ok
    answers.close()  # type: ignore[attr-defined]
    assert taken <= 10


def test_nothing_in_gives_nothing_out(detector: Detector) -> None:
    assert list(detector.predict_many([])) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (199, 400)])
def test_a_picture_too_small_to_judge_is_unsure_and_leans_to_no_side(
    detector: Detector, size: tuple[int, int]
) -> None:  # fmt: skip
    answer = detector.predict(make_photo(*size))
    assert (answer.status, answer.verdict, answer.lean, answer.reason) == ("ok", "unsure", None, "too_small")


def test_what_a_file_declares_is_read_where_that_was_asked_for(detector: Detector, jpeg_path: Path) -> None:
    asked = Detector(provenance=True).predict(jpeg_path)
    assert (asked.declared, asked.declared_by, asked.signature) == ("nothing", "", "unverified")
    plain = detector.predict(jpeg_path)
    assert (plain.declared, plain.declared_by, plain.signature) == (None, None, None)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(FauxtoError, match="provider 'abacus'"):
        Detector(provider="abacus")
    with pytest.raises(FauxtoError, match="no operating point 'fpr50'; the model has fpr1"):
        Detector(operating_point="fpr50")


def test_predicting_never_imports_torch(jpeg_path: Path) -> None:
    script = (
        "import sys, fauxto; fauxto.Detector().predict(sys.argv[1], strict=True); "
        "print([name for name in ('torch', 'torchvision', 'sklearn', 'matplotlib', 'train') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(jpeg_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
