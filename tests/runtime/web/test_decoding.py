"""Decoding in processes of its own: what a hostile picture does to one is that picture's answer, and nothing else."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from fauxto.detector import Detector
from fauxto.prediction import Prediction
from fauxto.web import decoding, engine
from fauxto.web.engine import Engine
from tests.helpers import encode, make_photo
from tests.runtime.web import hostile
from tests.runtime.web.helpers import Served, clients, post, running, until

PHOTO = encode(make_photo(60, 50), "PNG")


@pytest.fixture
def others() -> set[int]:
    """Processes that belong to other servers of the tests."""
    return {child.pid for child in psutil.Process().children()}


@pytest.fixture
def lone(others: set[int], tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A quick model, and one decoding process."""
    monkeypatch.setattr(engine, "MAX_DECODERS", 1)
    with running(Detector(tiny)) as server:
        yield server


def test_a_picture_that_is_not_decoded_in_time_is_one_answer(lone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "DECODE_SECONDS", 2.0)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "crops", hostile.stuck)
        answer = lone.ask("POST /api/predict", {}, PHOTO)
    assert (answer.status, answer.record["error"]) == (422, "not decoded within 2 seconds")
    monkeypatch.setattr(engine, "DECODE_SECONDS", 60.0)
    assert lone.ask("POST /api/predict", {}, PHOTO).record["width"] == 60


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_picture_that_crashes_its_decoder_is_one_answer(lone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "crops", hostile.crash)
        answer = lone.ask("POST /api/predict", {}, PHOTO)
    assert (answer.status, answer.record["error"]) == (422, "its decoder crashed")
    assert lone.ask("POST /api/predict", {}, PHOTO).record["width"] == 60


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_a_picture_cannot_take_all_memory(lone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "crops", hostile.hungry)
        answer = lone.ask("POST /api/predict", {}, PHOTO)
    assert (answer.status, answer.record["error"]) == (422, "not enough memory to decode it")
    assert lone.ask("POST /api/predict", {}, PHOTO).record["width"] == 60


def test_a_process_is_given_back_when_its_client_leaves(
    lone: Served, others: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LEFT_SECONDS", 0.2)
    assert lone.ask("POST /api/predict", {}, PHOTO).status == 200
    (decoder,) = decoders(others)
    used = decoder.cpu_times().user
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "crops", hostile.stuck)
        with clients(lone, 1, post(PHOTO)):
            until(lambda: decoder.cpu_times().user > used + 0.3)
    until(lambda: not decoder.is_running())
    assert lone.ask("POST /api/predict", {}, PHOTO).record["width"] == 60


def test_a_process_that_the_system_kills_while_idle_is_replaced(lone: Served, others: set[int]) -> None:
    assert lone.ask("POST /api/predict", {}, PHOTO).status == 200
    (decoder,) = decoders(others)
    decoder.kill()
    until(lambda: not lone.engine._pool.active)
    assert lone.ask("POST /api/predict", {}, PHOTO).record["width"] == 60


def test_equal_pictures_at_once_are_each_answered(served: Served) -> None:
    data = encode(make_photo(300, 260), "JPEG")
    found: list[Prediction] = []
    threads = [
        threading.Thread(target=lambda: found.append(served.ask("POST /api/predict", {}, data).record))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len({record["logit"] for record in found}) == 1
    assert {(record["width"], record["height"]) for record in found} == {(300, 260)}


def test_the_map_of_a_client_that_has_left_is_not_drawn_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    detector = Detector()
    local = detector.local_log_odds
    monkeypatch.setattr(detector, "local_log_odds", lambda crop: drawn.append(crop) or local(crop))
    data = encode(make_photo(2000, 1400), "JPEG")

    async def leave() -> int:
        with Engine(detector) as maps:
            task = asyncio.create_task(maps.explain(data))
            while not drawn:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            count = len(drawn)
            await asyncio.sleep(1)
            return len(drawn) - count

    assert asyncio.run(leave()) <= 1


def decoders(others: set[int]) -> list[psutil.Process]:
    """The decoding processes that were started since. (multiprocessing's resource tracker is none.)"""
    children = [child for child in psutil.Process().children() if child.pid not in others]
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
