"""A job on a Dask cluster: a real scheduler and real workers, some of which are killed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from instag.analyse import AnalysisSettings
from instag.model.session import Device
from instag.run import cluster as cluster_module
from instag.run.worker import WorkerSettings
from tests.support.commands import recording, run, use_tiny_model

pytest.importorskip("distributed")
FILES = 16
# Of two runs, only this may differ.
CHANGING = "analysed_at"


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")


@pytest.fixture
def cluster(tmp_path: Path):
    """The address of a scheduler, and its two workers, which no nanny replaces."""
    note = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    dask = [sys.executable, "-m", "distributed.cli."]
    loopback = ["--host", "127.0.0.1", "--no-dashboard"]

    def start(what: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*dask[:2], dask[2] + what, *words, *loopback], **quiet)

    scheduler = start("dask_scheduler", "--port", "0", "--scheduler-file", str(note))
    workers = [start("dask_worker", "--scheduler-file", str(note), "--nthreads", "1", "--no-nanny") for _ in range(2)]
    yield wait_for(lambda: address_in(note)), workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


def address_in(note: Path) -> str:
    """What the scheduler has written down; "" as long as it is not done with it."""
    try:
        return json.loads(note.read_text())["address"]
    except (OSError, ValueError):
        return ""


def hours_of_silence(path: Path) -> None:
    """A WAV file that takes seconds to read and no space on the disk: nobody finishes it before the test strikes."""
    path.parent.mkdir(exist_ok=True)
    sound = 2 * 48_000 * 3600 * 5
    with path.open("wb") as file:
        file.write(
            struct.pack(
                "<4sI4s4sIHHIIHH4sI",
                b"RIFF",
                36 + sound,
                b"WAVE",
                b"fmt ",
                16,
                1,
                1,
                48_000,
                96_000,
                2,
                16,
                b"data",
                sound,
            )
        )
        file.truncate(44 + sound)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return sorted(
            ({k: v for k, v in row.items() if k != CHANGING} for row in csv.DictReader(file)), key=lambda r: r["path"]
        )


def decoding_children(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    decoding = []
    for child in psutil.Process(worker.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ended, and that nobody has waited for yet
            if "spawn_main" in " ".join(child.cmdline()):
                decoding.append(child)
    return decoding


def wait_for(condition, seconds: float = 60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


def start_job(tmp_path: Path, address: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "instag", "tag", "in", "-o", "cluster.csv", "--scheduler", address]
    return subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_worker_killed_in_mid_job_costs_no_row_and_doubles_none(tmp_path: Path, cluster) -> None:
    address, workers = cluster
    for number in range(FILES):
        recording(tmp_path / "in" / f"{number:02}.wav", ("violin", "piano")[number % 2], seconds=20.0)
    (tmp_path / "in/broken.wav").write_bytes(b"no recording at all")
    job = start_job(tmp_path, address)
    wait_for(lambda: decoding_children(workers[0]))
    os.kill(workers[0].pid, signal.SIGKILL)
    assert job.poll() is None  # it was in mid-job
    _, said = job.communicate(timeout=120)
    assert job.returncode == 1, said  # for the broken file
    alone = run("tag", "in", "-o", "alone.csv", cwd=tmp_path)
    assert alone.returncode == 1, alone.stderr
    assert rows(tmp_path / "cluster.csv") == rows(tmp_path / "alone.csv")
    assert len(rows(tmp_path / "cluster.csv")) == FILES + 1
    assert workers[1].poll() is None


def test_a_file_under_which_its_decoder_dies_costs_no_worker(tmp_path: Path, cluster) -> None:
    address, workers = cluster
    recording(tmp_path / "in/good.wav", "piano")
    hours_of_silence(tmp_path / "in/long.wav")
    job = start_job(tmp_path, address)
    busy = wait_for(lambda: opened(workers, tmp_path / "in/long.wav"))
    busy.kill()
    _, said = job.communicate(timeout=120)
    assert job.returncode == 1, said
    good, long = rows(tmp_path / "cluster.csv")
    assert (good["status"], long["status"], long["error_code"]) == ("analysed", "failed", "decoder-crashed")
    assert all(worker.poll() is None for worker in workers)


def test_a_file_whose_workers_are_all_lost_is_given_up(tmp_path: Path, cluster) -> None:
    address, workers = cluster
    hours_of_silence(tmp_path / "in/long.wav")
    job = start_job(tmp_path, address)
    left = list(workers)
    while left:
        # A worker starts its decoding child when its first task arrives, and the child first loads the model.
        took = wait_for(lambda: next((w for w in left if decoding_children(w)), None))
        took.kill()
        took.wait()
        left.remove(took)
    _, said = job.communicate(timeout=120)
    assert job.returncode == 1, said
    [row] = rows(tmp_path / "cluster.csv")
    assert row["error_code"] == "decoder-crashed" and "was lost" in row["error"]


def opened(workers: list[subprocess.Popen[bytes]], path: Path) -> psutil.Process | None:
    """The decoding child that has a file open."""
    for worker in workers:
        try:
            for child in decoding_children(worker):
                if any(file.path == str(path) for file in child.open_files()):
                    return child
        except psutil.Error:
            continue
    return None


def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path) -> None:
    recording(tmp_path / "in/good.wav", "piano")
    done = run("tag", "in", "--scheduler", "nonsense://nowhere", cwd=tmp_path)
    assert done.returncode == 3
    assert "--scheduler nonsense://nowhere" in done.stderr and "Check that the scheduler" in done.stderr


def test_a_cluster_on_this_machine(tmp_path: Path) -> None:
    recording(tmp_path / "in/good.wav", "piano")
    done = run("tag", "in", "--scheduler", "local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "good.wav" in done.stdout


def test_a_pool_of_a_job_that_sends_nothing_more_ends(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_IDLE_SECONDS", 0.3)
    worker = SimpleNamespace(state=SimpleNamespace(nthreads=1))
    settings = WorkerSettings(tiny_model, Device.CPU, AnalysisSettings())
    recipes = [cluster_module._Recipe(job, settings, 2**31, True, str(tmp_path)) for job in ("first", "second")]
    with cluster_module._pool_of(worker, recipes[0]) as busy:
        with cluster_module._pool_of(worker, recipes[1]) as other:
            assert busy is not other  # each job has its own: what people said of recordings differs
        with cluster_module._pool_of(worker, recipes[1]) as again:
            assert again is other
        wait_for(lambda: list(cluster_module._pools) == recipes[:1])  # one that is in use stays
    wait_for(lambda: not cluster_module._pools)
