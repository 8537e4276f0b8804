"""A small data set, and a run of seconds on it, which several tests look at and none changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from tests.helpers import SMALL_RUN, write_blurred
from train.__main__ import main as train


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """One thread for networks, before any fixture: tests of the benchmarks, in between, take all that there are."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks and trees of seconds gain nothing by threads, and lose minutes where others want the cores too."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_blurred(folder)
    (folder / "train/ai/broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train([str(data), "--out", str(folder), *SMALL_RUN]) == 0
    return folder
