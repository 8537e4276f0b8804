"""Detector: golden values through every entry point, batches that never die, answers in order."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.system import usable_cpus
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


def test_golden_pictures_never_change() -> None:
    sums = [int(golden_image(number).astype(np.int64).sum()) for number in range(len(SIZES))]
    assert sums == GOLDEN_SUMS


def test_scaling_only_the_views_does_not_move_the_logit(detector: Detector) -> None:
    rule = detector.card.preprocessing
    for width, height in ((1500, 1100), (1030, 2000), (4000, 3000)):
        picture = make_photo(width, height)
        views = naive_views(picture, rule)
        assert detector.predict(picture).logit == pytest.approx(detector._pooled([views])[0], abs=0.02)


def test_a_prediction_says_all(detector: Detector, jpeg_path: Path) -> None:
    answer = detector.predict(jpeg_path)
    assert answer.ok
    assert answer.path == str(jpeg_path)
    assert answer.verdict in ("photo", "unsure", "ai")
    assert 0 <= answer.p_ai <= 1
    assert answer.operating_point == detector.card.default_operating_point
    assert answer.threshold == detector.operating_point.threshold
    assert answer.model == detector.card.name
    assert answer.model_sha256 == detector.card.files[detector.card.variants[detector.variant].file]
    assert answer.provider == "CPUExecutionProvider"
    assert answer.elapsed_ms > 0
    assert answer.error is None
    json.dumps(answer.to_dict())


def test_a_bad_input_is_an_answer_and_an_error_only_if_strict(detector: Detector, tmp_path: Path) -> None:
    answer = detector.predict(tmp_path / "nothing.jpg")
    assert (answer.status, answer.verdict, answer.p_ai) == ("error", None, None)
    assert answer.error == "no such file; check the path"
    with pytest.raises(FauxtoError, match=r"nothing\.jpg: no such file"):
        detector.predict(tmp_path / "nothing.jpg", strict=True)
    with pytest.raises(FauxtoError, match="the file is empty"):
        detector.predict(b"", strict=True)


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 1), (1, 4), (3, 2), (50, 3)])
def test_many_answers_come_in_order_with_the_bad_among_them(detector: Detector, batch_size: int, jobs: int) -> None:
    pictures = [make_photo(230 + i, 240, seed=i) for i in range(7)]
    xs = [*pictures[:3], b"bad", *pictures[3:], b""]
    alone = [detector.predict(x) for x in xs]
    together = list(detector.predict_many(xs, batch_size, jobs))
    assert [answer.status for answer in together] == [answer.status for answer in alone]
    for one, other in zip(alone, together, strict=True):
        assert one.width == other.width
        if one.ok:
            assert one.logit == pytest.approx(other.logit, abs=1e-4)


def test_many_takes_from_its_input_only_what_it_needs(detector: Detector) -> None:
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield make_photo(224, 224)

    answers = detector.predict_many(endless(), batch_size=2, jobs=2)
    for _ in range(4):
        assert next(answers).ok
    answers.close()
    assert taken <= 10


def test_nothing_in_gives_nothing_out(detector: Detector) -> None:
    assert list(detector.predict_many([])) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (199, 400)])
def test_a_picture_too_small_to_say_is_unsure(detector: Detector, size: tuple[int, int]) -> None:
    answer = detector.predict(make_photo(*size))
    assert (answer.status, answer.verdict, answer.reason) == ("ok", "unsure", "too_small")
    assert answer.lean in ("photo", "ai")


def test_usable_cpus_follows_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    for text, expected in (("max 100000", 16), ("150000 100000", 2), ("50000 100000", 1), ("nonsense", 16)):
        monkeypatch.setattr(Path, "read_text", lambda *_, text=text, **__: text)
        assert usable_cpus() == expected


def test_import_is_light() -> None:
    script = (
        "import sys, time; started = time.perf_counter(); import fauxto; "
        "heavy = [name for name in ('onnxruntime', 'numpy', 'PIL', 'torch') if name in sys.modules]; "
        "print(time.perf_counter() - started, *heavy)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert len(answer) == 1, f"import fauxto brought {answer[1:]}"


def test_predicting_never_imports_torch(jpeg_path: Path) -> None:
    script = (
        "import sys, fauxto; fauxto.Detector().predict(sys.argv[1], strict=True); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'sklearn', 'matplotlib', 'train')))"
    )
    assert subprocess.run([sys.executable, "-c", script, str(jpeg_path)], check=False).returncode == 0


def test_the_public_names_are_there() -> None:
    import fauxto

    for name in fauxto.__all__:
        assert getattr(fauxto, name)
    with pytest.raises(AttributeError):
        fauxto.nonsense  # noqa: B018
