"""One process holds the model for all workers, as with a GPU; here it runs on the CPU, and all else is the same."""

from __future__ import annotations

import os
import queue
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from instag.analyse import AnalysisSettings
from instag.errors import CannotStartError
from instag.model.session import Device, Model, open_model
from instag.run import pool as pool_module
from instag.run import shared_session
from instag.run.pool import WorkerPool
from instag.run.shared_session import Request, SharedSession, connect_model, gather, score_together, take_batch
from instag.run.worker import WorkerSettings
from tests.support import synth
from tests.support.tinymodel import frequency_of


@pytest.fixture(scope="module")
def session(tiny_model: Path):
    session = SharedSession(tiny_model, Device.CPU)
    yield session
    session.stop()
    assert not psutil.pid_exists(session.pid)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Model:
    return open_model(tiny_model, Device.CPU)


def drawn(model: Model, windows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, 0.1, (windows, model.card.window_samples)).astype(np.float32)


def test_workers_at_the_same_time_get_their_own_scores(session: SharedSession, model: Model) -> None:
    def work(seed: int) -> bool:
        remote = connect_model(session.address)
        assert (remote.card, remote.device) == (model.card, Device.CPU)
        for turn in range(5):
            audio = drawn(model, 1 + seed % 4, 10 * seed + turn)
            for ours, direct in zip(remote.score(audio), model.score(audio), strict=True):
                assert ours.shape == direct.shape and np.allclose(ours, direct, atol=1e-6)
        return True

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(6)))


def test_windows_of_several_files_go_through_the_model_together(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_session, "MOST_WINDOWS", 6)
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    pipes = [Pipe() for _ in range(4)]
    audios = [drawn(model, windows, seed) for seed, windows in enumerate((2, 3, 2, 9))]
    for audio, (_, end) in zip(audios, pipes, strict=True):
        requests.put(Request(audio, end))
    waiting: deque[Request] = deque()
    assert gather(requests, waiting)
    batches = [take_batch(waiting), take_batch(waiting), take_batch(waiting)]
    # The oldest first; what is larger than a batch goes alone.
    assert [[len(request.audio) for request in batch] for batch in batches] == [[2, 3], [2], [9]]
    for batch in batches:
        score_together(model, batch)
    for audio, (end, _) in zip(audios, pipes, strict=True):
        for ours, direct in zip(end.recv(), model.score(audio), strict=True):
            assert np.allclose(ours, direct, atol=1e-6)
    requests.put(None)
    assert not gather(requests, waiting)


def test_a_model_that_fails_says_so_and_a_dead_worker_harms_nobody(model: Model) -> None:
    (alive, end), (dead, end_of_dead) = Pipe(), Pipe()
    dead.close()
    wrong = np.zeros((1, 7), np.float32)
    score_together(model, [Request(wrong, end_of_dead), Request(wrong, end)])
    answer = alive.recv()
    assert isinstance(answer, CannotStartError) and "--batch-size" in answer.remedy
    audio = drawn(model, 1, 0)
    score_together(model, [Request(audio, end_of_dead), Request(audio, end)])
    assert len(alive.recv()) == 2


def test_a_model_that_cannot_be_loaded_stops_the_job_before_it_starts(tmp_path: Path) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(CannotStartError, match=r"no\.onnx"):
        SharedSession(path, Device.CPU)


def test_a_process_that_dies_is_told_in_plain_words(tiny_model: Path, model: Model) -> None:
    session = SharedSession(tiny_model, Device.CPU)
    remote = connect_model(session.address)
    remote.score(drawn(model, 1, 1))
    os.kill(session.pid, signal.SIGTERM)
    with pytest.raises(CannotStartError, match="has ended"):
        remote.score(drawn(model, 1, 1))
    session.stop()
    with pytest.raises(CannotStartError, match="has ended"):
        connect_model(session.address)


def test_worker_processes_share_the_session_and_give_the_same_rows(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for name, seconds in (("cello", 3.0), ("flute", 7.5), ("violin", 1.0), ("piano", 4.0)):
        files.append(tmp_path / f"{name}.wav")
        soundfile.write(files[-1], synth.tone(frequency_of(name), seconds), 44_100)
    rows = []
    for devices in (frozenset(), frozenset({Device.CPU})):
        monkeypatch.setattr(pool_module, "_ONE_SESSION_ON", devices)
        # The process that holds the model may be larger than a worker may.
        workers = WorkerPool(WorkerSettings(tiny_model, Device.CPU, AnalysisSettings()), 2, 600_000_000)
        assert (workers._session is not None) == bool(devices)
        outcomes = [workers.outcome(path, future) for path in files for future in [workers.submit(path, 60.0)]]
        workers.close()
        rows.append([(one.row.dominant, one.row.scores, one.row.presences, one.row.shares) for one in outcomes if one])
        if workers._session:
            assert not psutil.pid_exists(workers._session.pid)
    assert rows[0] == rows[1] and [row[0] for row in rows[1]] == ["cello", "flute", "violin", "piano"]
