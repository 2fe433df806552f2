"""A worker that crashes, hangs or eats memory costs its own file and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from instag.analyse import AnalysisSettings
from instag.errors import ErrorCode, FileError
from instag.model.session import Device
from instag.run.pool import WorkerPool
from instag.run.worker import Outcome, WorkerSettings
from instag.table.rows import Row, Status


def misbehave(path: Path) -> Outcome:
    """What a worker does in these tests; the file's name says what."""
    match path.name:
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "hang":
            time.sleep(600)
        case "spin":
            while True:
                pass
        case "eat":
            hoard = []
            while True:
                hoard.append(bytearray(os.urandom(1) * 20_000_000))
        case "bug":
            raise KeyError("a bug of ours")
        case "slow":
            time.sleep(0.3)
        case "sums":
            samples = np.ones(72_000)
            whole, own = time.process_time(), time.thread_time()
            for _ in range(1000):
                np.dot(samples, samples)
            whole, own = time.process_time() - whole, time.thread_time() - own
            assert whole < 1.4 * own + 0.02, f"{whole} s of all threads, {own} s of its own"
    return Outcome(Row(path=path.name, status=Status.ANALYSED))


@pytest.fixture(scope="module")
def pool(tiny_model: Path):
    settings = WorkerSettings(tiny_model, Device.CPU, AnalysisSettings())
    pool = WorkerPool(settings, jobs=2, max_memory_bytes=600_000_000, task=misbehave)
    yield pool
    pool.stop()


def settle(pool: WorkerPool, name: str, timeout_seconds: float = 60.0) -> Outcome:
    path = Path("folder") / name
    outcome = None
    while outcome is None:
        future: Future[Outcome] = pool.submit(path, timeout_seconds)
        outcome = pool.outcome(path, future)
    return outcome


def test_a_worker_computes_in_one_thread(pool: WorkerPool) -> None:
    assert settle(pool, "sums").row.status is Status.ANALYSED


@pytest.mark.parametrize(
    ("name", "timeout_seconds", "code"),
    [
        ("segfault", 60.0, ErrorCode.DECODER_CRASHED),
        ("abort", 60.0, ErrorCode.DECODER_CRASHED),
        ("hang", 1.0, ErrorCode.TIMED_OUT),
        ("spin", 1.0, ErrorCode.TIMED_OUT),
        ("eat", 60.0, ErrorCode.OUT_OF_MEMORY),
    ],
)
def test_trouble_costs_its_own_file(pool: WorkerPool, name: str, timeout_seconds: float, code: ErrorCode) -> None:
    good = Path("good")
    before = pool.submit(good, 60.0)
    with pytest.raises(FileError) as caught:
        settle(pool, name, timeout_seconds)
    assert caught.value.code is code
    assert f"folder/{name}" in caught.value.message and caught.value.remedy
    assert pool.outcome(good, before) == Outcome(Row(path="good", status=Status.ANALYSED))
    assert settle(pool, "good").row.path == "good"


def test_a_bug_is_not_taken_for_trouble_with_the_file(pool: WorkerPool) -> None:
    with pytest.raises(KeyError, match="a bug of ours"):
        settle(pool, "bug")


def test_an_idle_worker_that_is_killed_is_replaced(pool: WorkerPool) -> None:
    import psutil

    settle(pool, "good")
    killed = 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker of an earlier test that nobody has waited for yet
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
                killed += 1
    assert killed
    time.sleep(0.5)
    assert settle(pool, "good").row.path == "good"
