"""Workers on other machines: a Dask cluster that shares a file system with this machine.

Dask (https://distributed.dask.org) hands a task to another worker when the first one is lost, so a task may run twice;
that does no harm, because the result of a file depends on the file alone and only the client writes rows. Files are
decoded in a child of the Dask worker, by the same pool as on one machine: a file that crashes its decoder costs a
child, never a worker.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instag import __version__, paths
from instag.errors import CannotStartError, ErrorCode, FileError
from instag.run.pool import WorkerPool
from instag.run.worker import Outcome, WorkerSettings, process_file

# Long enough that the scheduler's work does not show, short enough that a lost worker costs little.
_TASK_SECONDS = 30.0
_MAX_FILES_IN_TASK = 500
_START_SECONDS = 60.0
# A job's children hold memory on the workers; the pause between two of its tasks is far shorter.
_IDLE_SECONDS = 60.0


@dataclass(frozen=True)
class _Order:
    """One file on its way: its path, its time limit in seconds, and where its outcome is awaited."""

    path: Path
    timeout_seconds: float | None
    future: Future[Outcome]


@dataclass(frozen=True)
class _Recipe:
    """What a Dask worker needs to build its pool; the tasks of one job have equal recipes, and no other job has."""

    job: str
    settings: WorkerSettings
    max_memory_bytes: int
    silent: bool
    folder: str


class ClusterPool:
    """Runs `process_file` on the workers of a Dask cluster; Job uses it like a `WorkerPool`."""

    def __init__(
        self, scheduler: str, settings: WorkerSettings, jobs: int, max_memory_bytes: int, silent: bool = True
    ) -> None:
        """Connects to the cluster.

        Args:
            scheduler: The scheduler's address, or `local` for worker processes on this machine.
            settings: What each worker does with a file.
            jobs: Number of workers where the scheduler is `local`; a cluster brings its own.
            max_memory_bytes: Resident memory from which a decoding child is ended.
            silent: Whether what C libraries print is thrown away.

        Raises:
            CannotStartError: Dask is not installed, or the cluster cannot be reached or used.
        """
        settings = replace(settings, model_path=settings.model_path.absolute())
        self._recipe = _Recipe(uuid.uuid4().hex, settings, max_memory_bytes, silent, str(Path.cwd()))
        self._client, self._cluster = _connect(scheduler, jobs)
        self._lock = threading.Lock()
        self._gathered: list[_Order] = []
        self._tasks: set[Any] = set()
        self._seconds_a_file = _TASK_SECONDS  # so that the first tasks hold one file each

    def wants_more(self, flying: int) -> bool:
        """Whether a further file should be handed in: one task more than the cluster has threads waits in line."""
        del flying  # files; what counts here are tasks
        threads: int = sum(self._client.nthreads().values())
        return len(self._tasks) <= max(1, threads)

    def submit(self, path: Path, timeout_seconds: float | None) -> Future[Outcome]:
        """Puts a file into the next task; its time counts from when a decoding child takes it."""
        order = _Order(path, timeout_seconds, Future())
        self._gathered.append(order)
        if len(self._gathered) >= min(_MAX_FILES_IN_TASK, max(1, round(_TASK_SECONDS / self._seconds_a_file))):
            self.flush()
        return order.future

    def flush(self) -> None:
        """Sends the files that were gathered, however few."""
        if self._gathered:
            orders, self._gathered = self._gathered, []
            self._send(orders)

    def outcome(self, path: Path, future: Future[Outcome]) -> Outcome | None:
        """What became of a file.

        Raises:
            FileError: Its decoder crashed, took too long or too much memory, or it was lost with its workers.
            CannotStartError: Workers cannot be kept alive, or do not see the files.
        """
        return future.result()

    def stop(self) -> None:
        """Gives up what is not done; a worker ends its task after the file it is at."""
        with self._lock:
            tasks = list(self._tasks)
        self._client.cancel(tasks)
        self.close()

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        self._client.close()
        if self._cluster:
            self._cluster.close()

    def _send(self, orders: list[_Order]) -> None:
        work = [(order.path, order.timeout_seconds) for order in orders]
        # Not pure: a file that is handed in again is to be read again.
        task = self._client.submit(run_task, self._recipe, work, pure=False)
        with self._lock:
            self._tasks.add(task)
        task.add_done_callback(functools.partial(self._receive, orders))

    def _receive(self, orders: list[_Order], task: Any) -> None:
        """Passes the outcomes of a task on; Dask calls this in a thread of its own."""
        from distributed import KilledWorker

        try:
            if task.cancelled():
                return
            seconds, results = task.result()
            self._seconds_a_file = max(seconds / len(orders), 1e-3)
            for order, result in zip(orders, results, strict=True):
                _settle(order, result)
        except KilledWorker:
            self._lost(orders)
        except Exception as error:
            for order in orders:
                _settle(order, error)
        finally:
            with self._lock:
                self._tasks.discard(task)

    def _lost(self, orders: list[_Order]) -> None:
        """Workers died under a task again and again: its files go out one by one, and a single file is to blame."""
        if len(orders) > 1:
            for order in orders:
                self._send([order])
            return
        name = paths.for_terminal(orders[0].path)
        error = FileError(
            ErrorCode.DECODER_CRASHED,
            f"{name}: each worker of the cluster that took it was lost.",
            "See the workers' logs; if the machines were taken away for another reason, run with --retry-failed.",
        )
        _settle(orders[0], error)


def run_task(recipe: _Recipe, work: list[tuple[Path, float | None]]) -> tuple[float, list[Outcome | FileError]]:
    """What a Dask worker does: takes files through its decoding child, one after the other.

    Returns:
        The seconds that passed, and for each file its outcome or its error.
    """
    from distributed import get_worker
    from distributed.worker import thread_state

    worker = get_worker()
    started = time.monotonic()
    results: list[Outcome | FileError] = []
    with _pool_of(worker, recipe) as pool:
        for path, timeout_seconds in work:
            task = worker.state.tasks.get(thread_state.key)
            if task is None or task.state == "cancelled":
                break  # nobody waits for the rest
            results.append(_one(pool, path, timeout_seconds))
    return time.monotonic() - started, results


def process_in(folder: str, path: Path) -> Outcome:
    """Runs `process_file` in the folder that relative paths of the client start from."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise CannotStartError(
            f"{folder}: a worker of the cluster cannot open this folder ({error.strerror}).",
            "All workers must see the files under the same paths as this machine, on a shared file system.",
        ) from None
    return process_file(path)


def _one(pool: WorkerPool, path: Path, timeout_seconds: float | None) -> Outcome | FileError:
    outcome = None
    while outcome is None:
        try:
            outcome = pool.outcome(path, pool.submit(path, timeout_seconds))
        except FileError as error:
            return error
    return outcome


@dataclass
class _Shared:
    """A job's pool on this Dask worker, how many tasks use it now, and when the last of them ended."""

    pool: WorkerPool
    users: int = 0
    idle_since: float = 0.0


_pools: dict[_Recipe, _Shared] = {}
_pools_lock = threading.Lock()


@contextlib.contextmanager
def _pool_of(worker: Any, recipe: _Recipe) -> Iterator[WorkerPool]:
    """The pool of a job on this Dask worker, with a decoding child for each thread; it ends when it is long idle."""
    with _pools_lock:
        if recipe not in _pools:
            # Dask's nanny starts workers as daemons, which may have no children. The flag guards against orphans, and
            # Pebble's children end by themselves when the pipe to their parent closes.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            task: Callable[[Path], Outcome] = functools.partial(process_in, recipe.folder)
            pool = WorkerPool(recipe.settings, worker.state.nthreads, recipe.max_memory_bytes, recipe.silent, task)
            _pools[recipe] = _Shared(pool)
        shared = _pools[recipe]
        shared.users += 1
    try:
        yield shared.pool
    finally:
        with _pools_lock:
            shared.users -= 1
            shared.idle_since = time.monotonic()
        timer = threading.Timer(_IDLE_SECONDS, _end_idle)
        timer.daemon = True
        timer.start()


def _end_idle() -> None:
    """Ends the pools of jobs that have sent nothing for a while."""
    before = time.monotonic() - _IDLE_SECONDS
    with _pools_lock:
        idle = [recipe for recipe, shared in _pools.items() if not shared.users and shared.idle_since <= before]
        pools = [_pools.pop(recipe).pool for recipe in idle]
    for pool in pools:
        pool.stop()


def _settle(order: _Order, result: Outcome | Exception) -> None:
    if not order.future.set_running_or_notify_cancel():
        return  # the job took it back
    if isinstance(result, Exception):
        order.future.set_exception(result)
    else:
        order.future.set_result(result)


def _connect(scheduler: str, jobs: int) -> tuple[Any, Any]:
    """A client, and the cluster where it was started here."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise CannotStartError(
            "--scheduler: Dask is not installed.", "Install it with: pip install 'instag[dask]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a lost worker is dealt with here
    cluster = None
    try:
        if scheduler == "local":
            with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
                cluster = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
        client = Client(cluster or scheduler, timeout=_START_SECONDS)
        client.wait_for_workers(1, timeout=_START_SECONDS)
        versions = set(client.run(_version).values())
    except (OSError, ValueError, TimeoutError, ImportError) as error:
        raise CannotStartError(
            f"--scheduler {scheduler}: the cluster cannot be used ({paths.one_line(str(error))}).",
            "Check that the scheduler and at least one worker run, with the same instag installed as here.",
        ) from None
    if versions != {__version__}:
        raise CannotStartError(
            f"--scheduler {scheduler}: workers have instag {', '.join(sorted(versions))}, this machine {__version__}.",
            "Install the same version everywhere.",
        )
    return client, cluster


def _version() -> str:
    return __version__
