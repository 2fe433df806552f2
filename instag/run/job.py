"""Runs a plan: hands files to workers, and records each outcome as soon as it is there."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path

from instag import paths, tags
from instag.aggregate import why_silent
from instag.errors import FileError
from instag.model.card import ModelCard
from instag.results import TagOutcome
from instag.run.cluster import ClusterPool
from instag.run.observer import Observer, Totals
from instag.run.plan import Plan
from instag.run.pool import WorkerPool
from instag.run.signals import stop_requests
from instag.run.worker import Outcome, WorkerSettings, failed
from instag.table import ResultTable
from instag.table.rows import Row, Status
from instag.table.timeline import Timeline

_POLL_SECONDS = 0.2
# After a request to stop, files in flight get this long to finish before their workers are ended.
_GRACE_SECONDS = 1.5
# A file may take this long, and more for each byte: 100 kB/s is a hundredth of what a slow machine reads.
_BASE_TIMEOUT_SECONDS = 120.0
_TIMEOUT_SECONDS_PER_BYTE = 1e-5


@dataclass(frozen=True)
class JobSettings:
    """How the job is run; nothing here changes a result.

    Attributes:
        jobs: Worker processes.
        timeout_seconds: Longest time for one file; None makes it depend on the file's size.
        max_memory_bytes: Resident memory from which a worker is ended.
        fail_fast: Whether the first failure ends the job.
        silent: Whether messages that C libraries print in workers are thrown away.
        scheduler: The Dask scheduler whose workers are used (`tcp://host:port` or `local`); None uses processes here.
    """

    jobs: int = 1
    timeout_seconds: float | None = None
    max_memory_bytes: int = 2_000_000_000
    fail_fast: bool = False
    silent: bool = True
    scheduler: str | None = None

    def timeout_for(self, size_bytes: int) -> float:
        """Longest time for a file of a size, in seconds."""
        return self.timeout_seconds or _BASE_TIMEOUT_SECONDS + size_bytes * _TIMEOUT_SECONDS_PER_BYTE


@dataclass
class _Flight:
    """A file that was handed to the workers."""

    index: int
    path: Path
    announced: bool = False


class Job:
    """One run over a plan. Rows are recorded as files finish; the caller finishes or closes the table.

    Attributes:
        totals: The count of what was done so far.
    """

    def __init__(
        self,
        settings: JobSettings,
        worker: WorkerSettings,
        card: ModelCard,
        observer: Observer,
        table: ResultTable | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        """Prepares a job.

        Args:
            settings: How to run.
            worker: The results and outputs that are asked for.
            card: The model's card.
            observer: Who hears of the progress.
            table: Where rows go.
            timeline: Where window scores go.
        """
        self._settings, self._card = settings, card
        self._worker = replace(worker, reviews=table.reviews) if table else worker
        self._observer, self._table, self._timeline = observer, table, timeline
        self.totals = Totals()
        self._started = 0.0
        self._plan = Plan()
        # Places in the plan: numbers are small, and a plan may hold a million files.
        self._waiting: deque[int] = deque()
        self._flying: dict[Future[Outcome], _Flight] = {}
        self._withdrawn: list[_Flight] = []

    def run(self, plan: Plan) -> Totals:
        """Works through the plan.

        Raises:
            CannotStartError: The output can no longer be written, or workers cannot be kept alive.
        """
        self._started = time.monotonic()
        self.totals = Totals(files=len(plan.todo) + len(plan.broken) + len(plan.done))
        for note in plan.notes:
            self._observer.note(note)
        self._observer.job_started(self.totals.files, len(plan.todo), sum(plan.sizes))
        self._count_done(plan)
        for path, error in plan.broken:
            self._record(failed(path, error, self._card, self._worker))
        self._plan, self._waiting = plan, deque(range(len(plan.todo)))
        if self._waiting and not self._has_failed_fast():
            self._run_workers()
        self.totals.elapsed_seconds = time.monotonic() - self._started
        self._observer.job_ended(self.totals)
        return self.totals

    def _count_done(self, plan: Plan) -> None:
        for path, mark in plan.done:
            if mark.status is Status.FAILED:
                self.totals.failed += 1
                self.totals.failed_before += 1
            else:
                self.totals.skipped += 1
            self.totals.refused += mark.tags_written is TagOutcome.REFUSED
            self._observer.file_skipped(path, mark)

    def _run_workers(self) -> None:
        settings = self._settings
        jobs = min(settings.jobs, len(self._waiting))
        pool: WorkerPool | ClusterPool
        if settings.scheduler:
            pool = ClusterPool(settings.scheduler, self._worker, jobs, settings.max_memory_bytes, settings.silent)
        else:
            pool = WorkerPool(self._worker, jobs, settings.max_memory_bytes, settings.silent)
        whole = False
        try:
            with stop_requests() as stop:
                self._work(pool, stop)
                self._withdraw()
                finished, _ = wait(self._flying, timeout=_GRACE_SECONDS)
                self._settle(pool, finished)
                whole = not (self._waiting or self._flying or self._withdrawn)
                self.totals.interrupted = stop.is_set() and not whole
                if self._has_failed_fast() and not whole:
                    self._observer.note("Stopped at the first failure, as --fail-fast asks.")
        finally:
            if whole:
                pool.close()
            else:
                pool.stop()
            for flight in (*self._flying.values(), *self._withdrawn):
                tags.remove_leftovers(flight.path, self._worker.sidecar_tree)

    def _work(self, pool: WorkerPool | ClusterPool, stop: threading.Event) -> None:
        """Keeps the workers busy until everything is done or something stops the job."""
        while (self._waiting or self._flying) and not stop.is_set() and not self._has_failed_fast():
            while self._waiting and pool.wants_more(len(self._flying)):
                index = self._waiting.popleft()
                path = self._plan.todo[index]
                future = pool.submit(path, self._settings.timeout_for(self._plan.sizes[index]))
                self._flying[future] = _Flight(index, path)
            pool.flush()
            finished, _ = wait(self._flying, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            self._settle(pool, finished)
            for future, flight in self._flying.items():
                self._announce(future, flight)

    def _withdraw(self) -> None:
        """Takes back the files that no worker has begun; a worker may take one up in this very moment."""
        in_line = [future for future in self._flying if not future.running() and future.cancel()]
        self._withdrawn.extend(self._flying.pop(future) for future in in_line)

    def _settle(self, pool: WorkerPool | ClusterPool, finished: Iterable[Future[Outcome]]) -> None:
        """Records the files that are done; a file whose pool broke through no fault of its own waits again."""
        for future in finished:
            flight = self._flying.pop(future)
            self._announce(future, flight)
            outcome = self._outcome(pool, future, flight)
            if outcome is None:
                self._waiting.appendleft(flight.index)
            else:
                self._record(outcome)

    def _outcome(self, pool: WorkerPool | ClusterPool, future: Future[Outcome], flight: _Flight) -> Outcome | None:
        try:
            return pool.outcome(flight.path, future)
        except FileError as error:
            tags.remove_leftovers(flight.path, self._worker.sidecar_tree)
            return failed(flight.path, error, self._card, self._worker)
        except Exception as error:
            error.add_note(f"This is a bug in instag; it happened with {paths.for_terminal(flight.path)}.")
            raise

    def _announce(self, future: Future[Outcome], flight: _Flight) -> None:
        if not flight.announced and (future.running() or future.done()):
            flight.announced = True
            self._observer.file_started(paths.table_path(flight.path, self._worker.root))

    def _record(self, outcome: Outcome) -> None:
        row = outcome.row
        if self._timeline and outcome.windows is not None:
            self._timeline.append(row.path, outcome.windows, why_silent(outcome.windows, self._card))
        if self._table:
            self._table.append(row)
        if outcome.note:
            self._observer.note(outcome.note)
        self._count(row)
        self.totals.elapsed_seconds = time.monotonic() - self._started
        self._observer.file_ended(row, self.totals)

    def _count(self, row: Row) -> None:
        if row.status is Status.FAILED:
            self.totals.failed += 1
            return
        self.totals.analysed += 1
        self.totals.refused += row.tags_written is TagOutcome.REFUSED
        self.totals.needs_review += row.wants_review
        self.totals.audio_seconds += row.duration_seconds or 0.0

    def _has_failed_fast(self) -> bool:
        return self._settings.fail_fast and self.totals.failed > 0
