"""Worker processes that may crash, hang or eat memory, and cost no more than the file that made them.

Pebble runs the processes (https://pebble.readthedocs.io): it ends a task that takes too long and starts a new worker
where one died. What is added here is the bound on memory, and the translation into errors of instag.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from pebble import ProcessExpired, ProcessPool

from instag import paths
from instag.errors import CannotStartError, ErrorCode, FileError
from instag.model.session import Device
from instag.run.shared_session import SharedSession
from instag.run.worker import Outcome, WorkerSettings, out_of_memory, process_file, start_worker

_WATCH_SECONDS = 0.1
# NumPy's matrix library starts a thread for each core, and those threads wait in a busy loop: each worker took twice
# the processor time for the same work. One thread also gives the same sums on every machine.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# Here the workers share one session instead of loading a model each: a card is fed with windows of many files at once.
_ONE_SESSION_ON = frozenset({Device.CUDA})
# A pool that broke this often with no file done in between cannot work here at all.
_MAX_RESTARTS = 3


class WorkerPool:
    """Runs `process_file` in worker processes."""

    def __init__(
        self,
        settings: WorkerSettings,
        jobs: int,
        max_memory_bytes: int,
        silent: bool = True,
        task: Callable[[Path], Outcome] = process_file,
    ) -> None:
        """Starts the workers.

        Args:
            settings: What each worker does with a file.
            jobs: Number of processes.
            max_memory_bytes: Resident memory from which a worker is ended.
            silent: Whether what C libraries print is thrown away.
            task: What a worker does; tests put a misbehaving one here.

        Raises:
            CannotStartError: The session that the workers would share cannot be had.
        """
        self._session: SharedSession | None = None
        if settings.device in _ONE_SESSION_ON:
            self._session = SharedSession(settings.model_path, settings.device)
            settings = replace(settings, session_address=self._session.address)
        self._settings = settings
        self._jobs = jobs
        self._max_memory_bytes = max_memory_bytes
        self._silent = silent
        self._task = task
        self._killed_for_memory: set[int] = set()
        self._restarts = 0
        self._restarting = threading.Lock()  # threads of a Dask worker share a pool
        self._closed = threading.Event()
        self._pool: Any = self._new_pool()
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def wants_more(self, flying: int) -> bool:
        """Whether a further file should be handed in, of which so many are in flight.

        One more than there are workers waits in line, so that none idles while a row is recorded.
        """
        return flying <= self._jobs

    def flush(self) -> None:
        """Sends what `submit` gathered: nothing, since files go to the workers one by one."""

    def submit(self, path: Path, timeout_seconds: float | None) -> Future[Outcome]:
        """Hands a file to the next free worker; its time counts from when a worker takes it."""
        try:
            return self._schedule(path, timeout_seconds)
        except RuntimeError:  # the pool broke since the last call
            self._restart()
            return self._schedule(path, timeout_seconds)

    def outcome(self, path: Path, future: Future[Outcome]) -> Outcome | None:
        """What became of a file; None where the pool broke for no fault of the file, which is to be handed in again.

        Raises:
            FileError: Its worker crashed, took too long or too much memory.
            CannotStartError: Workers cannot be kept alive on this machine.
        """
        try:
            outcome = future.result()
        except ProcessExpired as error:
            if error.pid in self._killed_for_memory:
                raise out_of_memory(path) from None
            raise FileError(
                ErrorCode.DECODER_CRASHED,
                f"{paths.for_terminal(path)}: reading it crashed a worker process (exit code {error.exitcode}).",
                "The file is probably damaged; try to repair or convert it with ffmpeg, then run with --retry-failed.",
            ) from None
        except (BrokenProcessPool, CancelledError):
            self._restart()
            return None
        except FutureTimeoutError:
            raise FileError(
                ErrorCode.TIMED_OUT,
                f"{paths.for_terminal(path)}: reading it took longer than it may.",
                "The file is probably damaged; if it is not, run with --retry-failed and a longer --timeout.",
            ) from None
        self._restarts = 0
        return outcome

    def stop(self) -> None:
        """Ends the workers at once."""
        self._closed.set()
        self._pool.stop()
        self._end()

    def close(self) -> None:
        """Ends the workers when they are done."""
        self._closed.set()
        self._pool.close()
        self._end()

    def _end(self) -> None:
        self._pool.join()
        if self._session:
            self._session.stop()

    def _schedule(self, path: Path, timeout_seconds: float | None) -> Future[Outcome]:
        future: Future[Outcome] = self._pool.schedule(self._task, args=(path,), timeout=timeout_seconds)
        return future

    def _new_pool(self) -> Any:  # Pebble's methods carry no types
        for name in _ONE_THREAD:  # read when a worker first imports NumPy
            os.environ.setdefault(name, "1")
        return ProcessPool(
            max_workers=self._jobs,
            initializer=start_worker,
            initargs=(self._settings, self._silent),
            # A forked child would share onnxruntime's and PyAV's locks with its parent in whatever state they were.
            context=multiprocessing.get_context("spawn"),
        )

    def _restart(self) -> None:
        with self._restarting:
            if self._pool.active:
                return
            self._restarts += 1
            if self._restarts > _MAX_RESTARTS:
                raise CannotStartError(
                    "Worker processes end before they have done anything.",
                    "Check free memory, and run with -vv to see what they print.",
                )
            self._pool.stop()
            self._pool.join()
            self._pool = self._new_pool()

    def _watch_memory(self) -> None:
        me = psutil.Process()
        while not self._closed.wait(_WATCH_SECONDS):
            for child in me.children():
                if self._session and child.pid == self._session.pid:
                    continue  # it reads no recording, and CUDA alone takes more than a decoder may
                try:
                    if child.memory_info().rss > self._max_memory_bytes:
                        self._killed_for_memory.add(child.pid)
                        child.kill()
                except psutil.Error:  # it ended meanwhile
                    continue
