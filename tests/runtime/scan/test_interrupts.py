"""Ctrl-C and SIGTERM while a pool's locks are held."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from fauxto.detector import Detector
from fauxto.scan import rows
from fauxto.scan.interrupts import uninterrupted
from fauxto.scan.sources import Item

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@posix
def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    reached = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")
        reached.append("too far")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_left_alone() -> None:
    def work() -> str:
        with uninterrupted():
            return threading.current_thread().name

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(work).result() != threading.main_thread().name


@posix
def test_a_signal_that_ends_the_process_ends_it_after_the_block() -> None:
    program = (
        "import os, signal\nfrom fauxto.scan.interrupts import uninterrupted\n"
        "with uninterrupted():\n    os.kill(os.getpid(), signal.SIGTERM)\n    print('whole', flush=True)\n"
        "print('too far', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "whole\n")


@posix
def test_an_interrupt_in_the_middle_of_the_pool_leaves_no_lock_taken(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()

    class Pool:
        """Is interrupted where pebble holds a lock, without the luck that this seldom happens."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def stop(self) -> None:
            pass

        join = stop

        def schedule(self, *_: object, **__: object) -> Future[object]:
            lock.acquire()
            signal.raise_signal(signal.SIGINT)
            lock.release()
            return Future()

    monkeypatch.setattr(rows, "ProcessPool", Pool)
    with pytest.raises(KeyboardInterrupt):
        next(rows.Decoders(1, detector.card.preprocessing).rows(detector, [Item("a.jpg", "a.jpg")]))
    assert not lock.locked()


@posix
def test_an_interrupt_is_heard_while_a_picture_is_waited_for(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pool:
        """Never answers."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def stop(self) -> None:
            pass

        join = stop

        def schedule(self, *_: object, **__: object) -> Future[object]:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            return Future()

    monkeypatch.setattr(rows, "ProcessPool", Pool)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(rows.Decoders(1, detector.card.preprocessing).rows(detector, [Item("a.jpg", "a.jpg")]))
    assert time.monotonic() - started < 30
