"""`fauxto web --second-opinion`: each request chooses, and none that does not ask is answered by two."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.model import own_points
from fauxto.model.own_points import OwnPoint
from fauxto.web import server
from fauxto.web.engine import Engine
from tests.helpers import EXAMPLES, encode, make_photo
from tests.runtime.web.helpers import Served
from tests.runtime.web.test_process import free_port

PHOTO = encode(make_photo(300, 260), "PNG")


def ask(served: Served, query: str, data: bytes = PHOTO) -> httpx.Response:
    return httpx.post(f"{served.url}/api/predict{query}", content=data, timeout=60)


def told(record: dict[str, Any]) -> dict[str, Any]:
    """It, but for the time that it took."""
    return record | {"elapsed_ms": 0}


@pytest.mark.parametrize("query", ["", "?second_opinion=false", "?prior=0.05"])
def test_without_asking_the_answer_is_the_first_networks_alone(seconded: Served, served: Served, query: str) -> None:
    answer = ask(seconded, query)
    assert answer.status_code == 200
    assert told(answer.json()) == told(ask(served, query).json())
    assert answer.json()["schema"] == 2


@pytest.mark.parametrize(("query", "prior"), [("?second_opinion=true", 0.5), ("?prior=0.05&second_opinion=1", 0.05)])
def test_who_asks_gets_both_as_one_record(seconded: Served, second: Path, query: str, prior: float) -> None:
    data = (EXAMPLES / "ai-face-7.jpg").read_bytes()
    expected = Detector(second_opinion=second, provenance=True, prior=prior).predict(data).to_dict()
    record = ask(seconded, query, data).json()
    assert list(record) == list(expected)
    assert told(record) == told(expected)
    assert (record["schema"], record["prior"]) == (3, prior)
    assert record["model"].endswith("+fauxto-second-v1")
    assert record["logit_pixels"] == ask(seconded, "", data).json()["logit"]


def test_what_cannot_be_read_is_an_error_of_the_kind_that_was_asked_for(seconded: Served) -> None:
    for data in (b"", b"not a picture", PHOTO[: len(PHOTO) // 2]):
        plain, both = ask(seconded, "", data), ask(seconded, "?second_opinion=true", data)
        assert (plain.status_code, both.status_code) == (422, 422)
        assert (plain.json()["schema"], both.json()["schema"]) == (2, 3)
        assert plain.json()["error"] == both.json()["error"]
        assert both.json()["logit_scene"] is None


def test_a_server_without_one_says_how_to_get_it(served: Served) -> None:
    for query in ("?second_opinion=true", "?second_opinion=true&prior=0.05"):
        answer = ask(served, query)
        assert answer.status_code == 400
        assert "start the server with --second-opinion" in answer.json()["detail"]
        assert "fauxto second-opinion install" in answer.json()["detail"]
    assert ask(served, "?second_opinion=false").status_code == 200


@pytest.mark.parametrize("wrong", ["", "maybe", "2"])
def test_neither_yes_nor_no_is_one_line(seconded: Served, wrong: str) -> None:
    answer = ask(seconded, f"?second_opinion={wrong}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("second_opinion: ")


def test_heat_maps_are_the_first_networks(seconded: Served, served: Served) -> None:
    url, data = "/api/explain?second_opinion=true", encode(make_photo(400, 300), "JPEG")
    maps = [httpx.post(server.url + url, content=data, timeout=60).json() for server in (seconded, served)]
    assert maps[0] == maps[1]
    assert len(maps[0]["data"]) == 128 * 96


def test_info_has_both_cards(seconded: Served, served: Served, stand_in: tuple[Path, Path]) -> None:
    found, plain = (httpx.get(f"{each.url}/api/info").json() for each in (seconded, served))
    second = seconded.engine.second
    assert second is not None
    own = {name: found.pop(name) for name in ("second_opinion", "second_model", "second_card")}
    assert own == {"second_opinion": True, "second_model": second.card.release, "second_card": dict(second.card.raw)}
    assert own["second_model"] == f"{plain['model']}+fauxto-second-v1"
    assert found.items() <= plain.items()
    assert second.session is seconded.engine.detector.session


def test_an_operating_point_of_ones_own_is_for_one_kind_of_answer(second: Path, tmp_path: Path) -> None:
    both = Detector(second_opinion=second)
    point = replace(both.operating_point, name="press")
    made = {"model": both.card.release, "variant": both.variant, "model_sha256": both.model_sha256, "made": "2026"}
    calibration = {"temperature": both.card.temperature, "bias": both.card.bias}
    own_points.save(OwnPoint(point=point, asked=0.01, **made, **calibration), tmp_path / "press.json")
    detector = Detector(second_opinion=second, operating_point=tmp_path / "press.json")
    with pytest.raises(ModelError, match=r"'press' is for one kind of answer.* choose one of fpr1, fpr5, balanced"):
        Engine(detector)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Those of servers that end as soon as they would listen."""
    found: list[Engine] = []

    class Noted(Engine):
        def __init__(self, detector: Detector) -> None:
            super().__init__(detector)
            found.append(self)

    monkeypatch.setattr(server, "Engine", Noted)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return found


@pytest.mark.usefixtures("second")
def test_it_is_loaded_where_the_command_says_so(engines: list[Engine]) -> None:
    for words in (["--second-opinion"], []):
        assert main(["web", "--port", str(free_port()), *words]) == 0
    assert [engine.second is not None for engine in engines] == [True, False]


def test_a_server_with_one_that_is_not_installed_does_not_start(
    second: Path, engines: list[Engine], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAUXTO_DATA", str(second / "nothing"))
    assert main(["web", "--port", str(free_port()), "--second-opinion"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fauxto second-opinion install" in said
    assert engines == []
