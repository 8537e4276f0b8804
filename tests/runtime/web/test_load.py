"""200 requests at once: good, bad, large, slow, leaving, and the same picture twelve times."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from fauxto.detector import Detector
from tests.helpers import encode, make_photo
from tests.runtime.web.helpers import post
from tests.runtime.web.test_process import command

MEMORY = 2 << 30  # bytes, of the server and its processes together
OWN = ("declared", "declared_by", "elapsed_ms", "signature")  # of a record, what another detector says otherwise
PATIENCE = 250  # seconds for one answer
FORMATS = ("PNG", "JPEG", "WEBP")


class Storm:
    """What 200 clients do to one server, and what they were told.

    Attributes:
        told: how often each outcome was seen: "200", "422", "408", "left".
        answered: pictures and their records.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: Counter[str] = Counter()
        self.answered: list[tuple[bytes, dict[str, Any]]] = []

    async def run(self) -> None:
        """All of them, in a seeded order."""
        same = encode(make_photo(333, 222, seed=999), "JPEG")
        large = encode(make_photo(1000, 750).resize((4000, 3000)), "JPEG", quality=90)
        async with httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=None)) as client:
            requests: list[Awaitable[None]] = [
                *(self.good(client, i, self.picture(i)) for i in range(90)),
                *(self.good(client, i, same) for i in range(12)),
                *(self.good(client, 3 * i, large) for i in range(8)),
                *(self.bad(client, i) for i in range(40)),
                *(self.slow() for _ in range(20)),
                *(self.leaving(large if i % 4 == 0 else same) for i in range(30)),
            ]
            assert len(requests) == 200
            random.Random(7).shuffle(requests)
            await asyncio.gather(*requests)

    def wrong(self, detector: Detector) -> list[dict[str, Any]]:
        """The answers that are not those of their pictures."""
        return [
            record
            for data, record in self.answered
            if (expected := detector.predict(data)).to_dict() | {name: record[name] for name in OWN} != record
            or expected.ok == (record["error"] is not None)
        ]

    @staticmethod
    def picture(i: int) -> bytes:
        """One that no other number has the size or the pixels of."""
        return encode(make_photo(230 + i, 400 - i, seed=i), FORMATS[i % 3])

    async def good(self, client: httpx.AsyncClient, i: int, data: bytes) -> None:
        """One of three ways to send it, always under one name."""
        url = f"{self.url}/api/predict"
        if i % 3 == 0:
            answer = await client.post(url, content=data)
        elif i % 3 == 1:
            answer = await client.post(url, files={"file": ("same.jpg", data)})
        else:
            answer = await client.post(url, content=pieces(data))
        self.told[str(answer.status_code)] += 1
        self.answered.append((data, answer.json()))

    async def bad(self, client: httpx.AsyncClient, i: int) -> None:
        """Half a picture, or none."""
        data = self.picture(i)[: 400 + i] if i % 2 else b"no picture" * i
        answer = await client.post(f"{self.url}/api/{'explain' if i % 3 == 0 else 'predict'}", content=data)
        self.told[str(answer.status_code)] += 1
        self.answered.append((data, answer.json()))

    async def slow(self) -> None:
        """A body that does not end."""
        reader, writer = await self.connect(post(bytes(100_000))[:-50_000])
        answer = await reader.read()
        self.told[answer.decode().split(" ")[1]] += 1
        writer.close()

    async def leaving(self, data: bytes) -> None:
        """Hang up while the picture is looked at."""
        _, writer = await self.connect(post(data))
        await asyncio.sleep(random.Random(len(data)).random())
        writer.transport.abort()
        self.told["left"] += 1

    async def connect(self, words: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that has sent `words`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.url.rpartition(":")[2]))
        writer.write(words)
        await writer.drain()
        return reader, writer


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """A body without a length."""
    for start in range(0, len(data), 5000):
        yield data[start : start + 5000]
        await asyncio.sleep(0)


def watch(pid: int, peak: list[int], stop: threading.Event) -> None:
    """Note the largest resident memory of a process with its children, bytes."""
    while not stop.wait(0.05):
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(each.memory_info().rss for each in family))
        except psutil.Error:  # one has just ended
            continue


@pytest.mark.slow
def test_every_answer_belongs_to_its_picture_and_none_is_lost(tmp_path: Path, tiny: Path) -> None:
    stop, peak = threading.Event(), [0]
    with command(tmp_path, "--model", str(tiny)) as (process, url):
        watcher = threading.Thread(target=watch, args=(process.pid, peak, stop))
        watcher.start()
        try:
            storm = Storm(url)
            asyncio.run(storm.run())
            after = httpx.post(f"{url}/api/predict", content=storm.picture(1), timeout=60)
        finally:
            stop.set()
            watcher.join()
    assert not storm.wrong(Detector(tiny))
    assert storm.told == {"200": 110, "422": 40, "408": 20, "left": 30}
    assert after.json()["width"] == 231
    assert 0 < peak[0] < MEMORY
