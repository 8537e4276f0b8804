"""fauxto calibrate: the threshold holds what it promises, and each shot counts once."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.evaluate import archive, metrics
from fauxto.evaluate.calibrate import LEAST_P, Plan, allowed, calibrate, least, threshold
from tests.helpers import make_photo

PHOTOGRAPHS, AI = 305, 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small photographs, and AI pictures that are brighter, which is what the tiny model goes by."""
    folder = tmp_path_factory.mktemp("archive")
    for label, count, light in (("real", PHOTOGRAPHS, 1.2), ("ai", AI, 1.5)):
        (folder / label).mkdir()
        for i in range(count):
            image = make_photo(40, 36, seed=i + 1000 * (label == "ai"))
            image.point(lambda level, factor=light: min(255, level * factor)).save(folder / label / f"{i:03}.png")
    return folder


@pytest.fixture
def photographs(tmp_path: Path, pictures: Path) -> Path:
    """A copy of the photographs alone, by links, that a test may add to."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for path in (pictures / "real").iterdir():
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize(("fpr", "n"), [(0.01, 299), (0.05, 59), (0.001, 2995)])
def test_the_least_number_is_about_three_over_the_rate(fpr: float, n: int) -> None:
    assert least(fpr) == n
    assert (allowed(n - 1, fpr), allowed(n, fpr)) == (None, 0)
    assert metrics.exact_upper(0, n) <= fpr < metrics.exact_upper(0, n - 1)


@pytest.mark.parametrize(("count", "total"), [(0, 300), (3, 412), (7, 7)])
def test_the_exact_bounds_solve_the_binomials_tails(count: int, total: int) -> None:
    def at_most(k: int, p: float) -> float:
        return sum(math.comb(total, i) * p**i * (1 - p) ** (total - i) for i in range(k + 1))

    low, high = metrics.exact_interval(count, total)
    upper = metrics.exact_upper(count, total)
    assert low <= count / total <= upper <= high <= 1
    if count < total:
        assert at_most(count, high) == pytest.approx(0.025)
        assert at_most(count, upper) == pytest.approx(0.05)
    else:
        assert (upper, high) == (1, 1)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0


def test_the_promise_is_kept_in_19_of_20_archives() -> None:
    """Scores of any continuous distribution are ranks in the end: uniform ones stand for all."""
    rng, kept, n, fpr = np.random.default_rng(0), [], 700, 0.01
    k = allowed(n, fpr)
    assert k is not None
    assert k > 0
    for _ in range(4000):
        bar = float(np.sort(rng.uniform(size=n))[::-1][k])
        kept.append(1 - bar <= fpr)
    assert 0.95 <= np.mean(kept) < 0.99


def test_the_threshold_lies_above_all_but_k_and_never_under_the_floor() -> None:
    p_ai = np.array([0.2, 0.9, 0.6, 0.7])
    for k, above in ((0, 0.9), (1, 0.7), (2, 0.6)):
        bar = threshold(p_ai, k, 0.5)
        assert above < bar < above + 0.003
        assert (p_ai >= bar).sum() == k
    assert threshold(p_ai, 3, 0.5) == 0.5
    assert threshold(np.array([1.0]), 0, 0.5) == 1.0
    assert threshold(np.array([0.0]), 0, 0.5) == 0.5


@pytest.mark.parametrize(("fpr", "above"), [(0.01, 0), (0.03, 4)])
def test_the_saved_point_calls_as_many_as_the_report_says(
    pictures: Path, tiny: Path, own_data: Path, fpr: float, above: int
) -> None:
    found = calibrate(Plan(folder=pictures, model=tiny, fpr=fpr))
    report, own = found.report, found.report["own"]
    assert found.save("press") == own_data / "operating-points" / "press.json"
    detector = Detector(tiny, operating_point="press")
    real, ai = (
        [record.verdict for record in detector.predict_many(sorted((pictures / label).iterdir()))]
        for label in ("real", "ai")
    )
    assert (len(real), len(ai)) == (PHOTOGRAPHS, AI)
    assert real.count("ai") == own["called_ai"]
    assert above // 2 <= own["called_ai"] <= above  # the margin may save one more
    assert ai.count("ai") / AI == own["recall"]
    assert 0 < ai.count("ai") < AI
    assert ai.count("no_sign") / AI == own["ai_called_no_sign"]
    assert report["fpr_upper"] == metrics.exact_upper(above, PHOTOGRAPHS) <= fpr
    assert report["photographs"] == {"files": 305, "unreadable": 0, "too_small": 0, "counted": 305}
    released = detector.card.operating_point()
    assert report["released"]["threshold"] == released.threshold
    assert detector.operating_point.no_sign_below == released.no_sign_below
    record = detector.predict(next((pictures / "ai").iterdir()))
    assert (record.operating_point, record.threshold) == ("press", own["threshold"])
    assert own["threshold"] > LEAST_P


def test_bursts_and_copies_count_once(photographs: Path, tiny: Path) -> None:
    before = calibrate(Plan(folder=photographs, model=tiny)).report["photographs"]
    first = make_photo(60, 50, seed=9000)
    first.save(photographs / "copy-1.png")
    first.save(photographs / "copy-2.jpg", quality=60)
    for number, (camera, second) in enumerate([("X", 1), ("X", 2), ("X", 4), ("Y", 3), ("X", 50)]):
        exif = Image.Exif()
        exif[271], exif[272] = "Maker", camera
        exif.get_ifd(34665)[36867] = f"2026:11:30 14:31:{second:02}"
        make_photo(60, 50, seed=9001 + number).save(photographs / f"shot-{number}.jpg", exif=exif)
    after = calibrate(Plan(folder=photographs, model=tiny)).report["photographs"]
    assert after["files"] - before["files"] == 7
    assert after["counted"] - before["counted"] == 4  # the two copies, three of X, Y, X again


def test_a_shot_counts_by_what_speaks_against_us(tmp_path: Path, tiny: Path, photographs: Path) -> None:
    both = tmp_path / "both"
    (both / "ai").mkdir(parents=True)
    photographs.rename(both / "real")
    dark, bright = (make_photo(40, 40, seed=9000).point(lambda level, add=add: level // 2 + add) for add in (0, 120))
    for label in ("ai", "real"):
        dark.save(both / label / "dark.png")
        bright.save(both / label / "bright.png")
    found, detector = calibrate(Plan(folder=both, model=tiny)), Detector(tiny)
    low, high = (detector.predict(image).p_ai for image in (dark, bright))
    assert found.ai.tolist() == [low]
    assert len(found.photographs) == PHOTOGRAPHS + 1
    assert high in found.photographs
    assert low not in found.photographs


def test_what_was_scored_is_not_scored_again(
    photographs: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decoded: list[str] = []
    decode = archive._decode

    def counting(detector: Detector, path: Path, looks: dict[Path, archive.Look]) -> object:
        decoded.append(path.name)
        if len(decoded) == 200:
            raise KeyboardInterrupt
        return decode(detector, path, looks)

    monkeypatch.setattr(archive, "_decode", counting)
    with pytest.raises(KeyboardInterrupt):
        calibrate(Plan(folder=photographs, model=tiny))
    some = len(decoded)
    assert some < PHOTOGRAPHS
    first = calibrate(Plan(folder=photographs, model=tiny))
    assert len(decoded) < PHOTOGRAPHS + 30  # what was on its way when it was stopped is done once more
    count = len(decoded)
    (photographs / "000.png").unlink()
    make_photo(50, 50, seed=77).save(photographs / "000.png")
    second = calibrate(Plan(folder=photographs, model=tiny, fpr=0.02))
    assert decoded[count:] == ["000.png"]
    assert first.report["photographs"] == second.report["photographs"]
    assert np.sum(first.photographs != second.photographs) == 1
    assert "304 of 305 pictures were scored before" in capsys.readouterr().err


def test_unreadable_files_are_listed_and_left_out(
    photographs: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photographs / "broken.jpg").write_bytes(b"broken")
    page, plot, figures = (tmp_path / name for name in ("page.html", "plot.png", "figures.json"))
    words = ["calibrate", str(photographs), "--model", str(tiny)]
    more = ["--html", str(page), "--plot", str(plot), "-o", str(figures), "--format", "json"]
    assert main([*words, *more]) == 1
    assert "broken.jpg: not a picture" in capsys.readouterr().err
    report = json.loads(figures.read_text())
    assert report["photographs"] == {"files": 306, "unreadable": 1, "too_small": 0, "counted": 305}
    assert [row["path"] for row in report["unreadable"]] == [str(photographs / "broken.jpg")]
    assert report["own"]["recall"] is None
    html = page.read_text(encoding="utf-8")
    assert "broken.jpg" in html
    assert html.count("<svg") == 1
    for outside in ('src="http', 'href="http', "<link", "<script", "@import", "url(http"):
        assert outside not in html
    with Image.open(plot) as image:
        assert image.format == "PNG"
    assert main(words) == 1
    text = capsys.readouterr().out
    assert "photographs: 306 files, 1 cannot be read, 305 shots counted" in text
    assert "0 of 305: 0.0 % (0.0-1.2)" in text
    assert "at most 0.98 % of photographs like these are called ai at your own threshold; 1 % was asked for" in text
    assert "no AI pictures" in text


def small(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        make_photo(40, 40, seed=i).save(folder / f"{i}.png")
    return folder


def refusals(tmp_path: Path) -> Iterator[tuple[list[str], str]]:
    few, same = small(tmp_path / "few", 12), small(tmp_path / "same" / "real", 0)
    for i in range(60):
        make_photo(40, 40, seed=1).save(same / f"{i}.png")
    small(tmp_path / "only" / "ai", 3)
    yield [str(few)], "few: 12 photographs; 299 are needed to promise 1 %; with 12, --fpr 0.221 can be promised"
    yield [str(small(tmp_path / "none", 0))], "none: 0 photographs; 299 are needed to promise 1 %"
    yield [str(same.parent), "--fpr", "0.05"], "1 photographs that can be judged, each shot counted once; 59 are needed"
    yield [str(tmp_path / "only")], "only: has a sub-folder ai and none called real"
    yield [str(tmp_path / "nowhere")], "nowhere: no such folder; calibrate needs a folder of photographs"
    yield [str(few), "--save", "fpr5"], "'fpr5' is an operating point of the model itself; choose another name"
    yield [str(few), "--save", str(few / "fpr1.json")], "'fpr1' is an operating point of the model itself"
    yield [str(few), "--save", "my press"], "'my press': a name has letters, digits, and . _ - inside"
    yield [str(few), "-o", "a", "--plot", "a"], "a: named by both -o and --plot; choose two files"


def test_what_cannot_be_calibrated_is_one_line(tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = list(refusals(tmp_path))
    for words, message in cases:
        assert main(["calibrate", *words, "--model", str(tiny)]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.rstrip("\n").count("\n") == (1 if "scored" in err else 0)
    assert len(cases) == 9
    with pytest.raises(SystemExit):
        main(["calibrate", str(tmp_path), "--fpr", "1.5"])


def test_a_promise_that_is_smaller_can_be_kept(tmp_path: Path, tiny: Path) -> None:
    few = small(tmp_path / "few", 12)
    with pytest.raises(FauxtoError, match=r"--fpr 0\.221 can be promised"):
        calibrate(Plan(folder=few, model=tiny))
    assert calibrate(Plan(folder=few, model=tiny, fpr=0.221)).report["own"]["called_ai"] == 0
