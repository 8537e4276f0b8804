"""Operating points of one's own: bound to a model file, and refused when anything about them is not as it was."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import ModelError, OutputError
from fauxto.model import own_points
from fauxto.model.card import OperatingPoint
from fauxto.model.own_points import OwnPoint
from tests.helpers import make_photo


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "operating-points"


def own_point(detector: Detector, name: str = "press", at: float = 0.9) -> OwnPoint:
    """What `fauxto calibrate` would have made with this detector."""
    point = OperatingPoint(
        name=name, threshold=at, no_sign_below=0.4, fpr=0.001, fpr_upper=0.0081, recall=None, n_real=700, n_ai=0
    )
    return OwnPoint(
        point=point, asked=0.01, model=detector.card.release, variant=detector.variant,
        model_sha256=detector.model_sha256, temperature=detector.card.temperature, bias=detector.card.bias,
        made="2026-11-30T14:31:00+00:00",
    )  # fmt: skip


@pytest.fixture
def known(tiny: Path) -> OwnPoint:
    return own_point(Detector(tiny))


def test_a_point_is_used_by_its_name_its_file_and_by_every_verb(
    known: OwnPoint, data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "elsewhere" / "press.json"
    for path in (own_points.place("press"), file):
        own_points.save(known, path)
        assert own_points.read(path) == known
    assert own_points.place("press") == data / "press.json"
    for asked in ("press", str(file), file):
        assert Detector(tiny, operating_point=asked).operating_point == known.point
    make_photo(40, 40).save(tmp_path / "a.png")
    words = ["--model", str(tiny), "--operating-point", "press"]
    assert main(["predict", str(tmp_path / "a.png"), str(tmp_path / "a.png"), "--format", "jsonl", *words]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out.splitlines()[0])
    assert (record["operating_point"], record["threshold"]) == ("press", 0.9)
    assert "press was set on 700 photographs; with 95 % confidence, at most 0.81 % of such" in err
    assert "test set" not in err
    assert main(["scan", str(tmp_path / "a.png"), "--out", str(tmp_path / "scan"), *words]) == 0
    settings = json.loads((tmp_path / "scan/_scan/settings.json").read_text())
    assert (settings["operating_point"], settings["threshold"], settings["test"]) == ("press", 0.9, None)
    own_points.save(own_point(Detector(tiny), at=0.8), data / "press.json")  # set anew, under the same name
    assert main(["scan", "--out", str(tmp_path / "scan"), *words]) == 2
    assert "a scan with threshold 0.9 is there, not 0.8" in capsys.readouterr().err


def test_another_model_file_or_calibration_is_refused_with_the_fix(known: OwnPoint, tiny: Path, released: Any) -> None:
    own_points.save(known, own_points.place("press"))
    with pytest.raises(ModelError, match=r"'press' was set with tiny .*, not with fauxto-r18-.*; run fauxto calibrate"):
        Detector(operating_point="press")
    for changed in (replace(known, temperature=2.0), replace(known, bias=0.5), replace(known, model_sha256="0" * 64)):
        own_points.save(changed, own_points.place("other"))
        with pytest.raises(ModelError, match="run fauxto calibrate again with this one"):
            Detector(tiny, operating_point="other")
    here = [variant.name for variant in released.variants_here()]
    assert len(here) > 1
    own_points.save(own_point(Detector(variant=here[0])), own_points.place("first"))
    with pytest.raises(ModelError, match=f"use --variant {here[0]}, or run fauxto calibrate again with"):
        Detector(variant=here[1], operating_point="first")


def changed(text: str, **values: Any) -> str:
    return json.dumps(json.loads(text) | values)


def test_a_file_that_is_not_as_it_was_written_is_refused(known: OwnPoint, tmp_path: Path, tiny: Path) -> None:
    path = tmp_path / "press.json"
    own_points.save(known, path)
    text = path.read_text()
    edited = json.loads(text)
    edited["point"]["threshold"] = 0.5
    cases = {
        json.dumps(edited): "was changed after it was written, so its figures hold no more; run fauxto calibrate again",
        changed(text, sha256=None): "was changed after it was written",
        changed(text, note="mine"): "was changed after it was written",
        changed(text, schema=2): "schema 2 is not 1; run fauxto calibrate again",
        changed(text, kind="card"): "no operating point; name a file that fauxto calibrate --save has written",
        text[:50]: "not valid JSON",
        "[" * 10_000: "not valid JSON",
        "[1]": "no operating point; name a file",
    }
    for damaged, message in cases.items():
        path.write_text(damaged)
        with pytest.raises(ModelError, match=message) as caught:
            Detector(tiny, operating_point=path)
        assert str(caught.value).startswith(f"{path}: ")
    path.unlink()
    with pytest.raises(ModelError, match=r"no such file; fauxto calibrate DIR --save .*press\.json writes one"):
        Detector(tiny, operating_point=path)


def test_a_name_that_nobody_has_saved_says_which_there_are(known: OwnPoint, tiny: Path) -> None:
    with pytest.raises(ModelError, match=r"no operating point 'desk'; .*balanced; fauxto calibrate DIR --save desk"):
        Detector(tiny, operating_point="desk")
    own_points.save(known, own_points.place("press"))
    with pytest.raises(ModelError, match=r"no operating point 'desk'; .*balanced; your own are press"):
        Detector(tiny, operating_point="desk")


def test_the_cards_names_stay_the_cards(known: OwnPoint, tiny: Path, tmp_path: Path) -> None:
    card = Detector(tiny).card
    for target in ("fpr1", tmp_path / "balanced.json"):
        with pytest.raises(ModelError, match="is an operating point of the model itself; choose another name"):
            own_points.name_of(target, card)
    path = tmp_path / "mine.json"
    own_points.save(replace(known, point=replace(known.point, name="fpr1")), path)
    with pytest.raises(ModelError, match="its name 'fpr1' is the model's own"):
        Detector(tiny, operating_point=path)
    for name in ("../press", "my press", "", ".hidden", "a" * 65):
        with pytest.raises(ModelError):
            own_points.name_of(name if "/" not in name else f"{name}!.json", card)


def test_two_that_save_at_once_leave_one_whole_file(known: OwnPoint) -> None:
    points = [replace(known, point=replace(known.point, n_real=number)) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda point: own_points.save(point, own_points.place("press")), points))
    assert own_points.read(own_points.place("press")) in points
    assert own_points.names() == ["press"]


def test_a_place_that_cannot_be_written_is_named(known: OwnPoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"press\.json: cannot be written .*; choose another place"):
        own_points.save(known, tmp_path / "file" / "press.json")
