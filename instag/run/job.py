"""Runs many files: decides what is left to do, hands it to the workers, and records each outcome when it is there."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from instag import paths, tags
from instag.errors import FileError
from instag.model.card import ModelCard
from instag.results import TagOutcome
from instag.run.observer import Observer, Totals
from instag.run.pool import WorkerPool
from instag.run.worker import Outcome, WorkerSettings, failed_row
from instag.table import ResultTable
from instag.table.rows import Mark, Row, Status
from instag.table.timeline import Timeline

_POLL_SECONDS = 0.2
# After Ctrl-C, files in flight get this long to finish before their workers are ended.
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
        retry_failed: Whether files that failed before are tried again.
        force: Whether everything is done again.
        fail_fast: Whether the first failure ends the job.
        silent: Whether what C libraries print in workers is thrown away.
    """

    jobs: int = 1
    timeout_seconds: float | None = None
    max_memory_bytes: int = 2_000_000_000
    retry_failed: bool = False
    force: bool = False
    fail_fast: bool = False
    silent: bool = True


@dataclass(frozen=True)
class Plan:
    """What a job has to do.

    Attributes:
        todo: Files to analyse, in their order.
        sizes: Their sizes in bytes.
        broken: What was found and cannot be analysed (a path that does not exist, say).
        done: Files that an earlier run has done, with their marks.
    """

    todo: list[Path] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    broken: list[tuple[Path, FileError]] = field(default_factory=list)
    done: list[tuple[Path, Mark]] = field(default_factory=list)


def make_plan(
    found: Iterable[tuple[Path, FileError | None]],
    table: ResultTable | None,
    timeline: Timeline | None,
    card: ModelCard,
    worker: WorkerSettings,
    settings: JobSettings,
) -> Plan:
    """Sorts the files that were found into what is to be done and what is done already."""
    plan = Plan()
    for path, error in found:
        if error is not None:
            plan.broken.append((path, error))
            continue
        try:
            status = path.stat()
            identity = (status.st_size, status.st_mtime_ns)
        except OSError:  # it vanished meanwhile: the worker says so in its row
            identity = (0, 0)
        name = paths.to_table(path)
        mark = table.mark(name) if table and not settings.force else None
        windows = timeline.windows_of(name) if timeline else None
        if mark and _is_done(mark, identity, windows, card, worker, settings.retry_failed):
            plan.done.append((path, mark))
        else:
            plan.todo.append(path)
            plan.sizes.append(identity[0])
    return plan


def _is_done(
    mark: Mark,
    identity: tuple[int, int],
    windows: int | None,
    card: ModelCard,
    worker: WorkerSettings,
    retry_failed: bool,
) -> bool:
    if (mark.size_bytes, mark.mtime_ns) != identity:
        return False
    if (mark.model_id, mark.model_version) != (card.model_id, card.version):
        return False
    recorded, wanted = mark.settings.split(), worker.wanted()
    if not set(wanted) <= set(recorded):
        return False
    if mark.status is Status.FAILED or mark.tags_written is TagOutcome.REFUSED:
        return not retry_failed
    return windows is None or windows == mark.windows


def run_job(
    plan: Plan,
    table: ResultTable | None,
    timeline: Timeline | None,
    card: ModelCard,
    worker: WorkerSettings,
    settings: JobSettings,
    observer: Observer,
) -> Totals:
    """Does what the plan says. Rows are recorded as files finish; the caller finishes or closes the table.

    Raises:
        CannotStartError: The output can no longer be written, or workers cannot be kept alive.
    """
    totals = Totals(files=len(plan.todo) + len(plan.broken) + len(plan.done))
    started = time.monotonic()

    def record(outcome: Outcome) -> None:
        row = outcome.row
        if timeline and outcome.windows is not None:
            timeline.append(row.path, outcome.windows)
        if table:
            table.append(row)
        _count(totals, row)
        totals.elapsed_seconds = time.monotonic() - started
        observer.file_ended(row, totals)

    observer.job_started(totals.files, len(plan.todo), sum(plan.sizes))
    for path, mark in plan.done:
        totals.skipped += 1
        totals.failed += mark.status is Status.FAILED
        totals.refused += mark.tags_written is TagOutcome.REFUSED
        observer.file_skipped(paths.to_table(path), mark)
    for path, error in plan.broken:
        record(Outcome(failed_row(path, error, card, worker)))
    if plan.todo and not (settings.fail_fast and totals.failed):
        _run_workers(plan, card, worker, settings, observer, record, totals)
    totals.elapsed_seconds = time.monotonic() - started
    observer.job_ended(totals)
    return totals


def _count(totals: Totals, row: Row) -> None:
    if row.status is Status.FAILED:
        totals.failed += 1
        return
    totals.analysed += 1
    totals.refused += row.tags_written is TagOutcome.REFUSED
    totals.needs_review += bool(row.needs_review)
    totals.audio_seconds += row.duration_seconds or 0.0


def _run_workers(
    plan: Plan,
    card: ModelCard,
    worker: WorkerSettings,
    settings: JobSettings,
    observer: Observer,
    record: Callable[[Outcome], None],
    totals: Totals,
) -> None:
    pool = WorkerPool(worker, min(settings.jobs, len(plan.todo)), settings.max_memory_bytes, settings.silent)
    waiting = deque(zip(plan.todo, plan.sizes, strict=True))
    flying: dict[Future[Outcome], _Flight] = {}
    withdrawn: list[_Flight] = []

    def settle(finished: Iterable[Future[Outcome]]) -> None:
        for future in finished:
            flight = flying.pop(future)
            announce(future, flight)
            try:
                outcome = pool.outcome(flight.path, future)
            except FileError as error:
                tags.remove_leftovers(flight.path)
                outcome = Outcome(failed_row(flight.path, error, card, worker))
            except Exception as error:
                error.add_note(f"This is a bug in instag; it happened with {paths.for_terminal(flight.path)}.")
                raise
            if outcome is None:
                waiting.appendleft((flight.path, flight.size_bytes))
            else:
                record(outcome)

    def announce(future: Future[Outcome], flight: _Flight) -> None:
        if not flight.announced and (future.running() or future.done()):
            flight.announced = True
            observer.file_started(paths.to_table(flight.path))

    whole = False
    try:
        with _stop_signals() as stop:
            failed_fast = False
            while (waiting or flying) and not stop.is_set() and not failed_fast:
                # One file more than workers waits in line, so that none idles while a row is recorded.
                while waiting and len(flying) <= settings.jobs:
                    path, size_bytes = waiting.popleft()
                    future = pool.submit(path, settings.timeout_seconds or _timeout_seconds(size_bytes))
                    flying[future] = _Flight(path, size_bytes)
                finished, _ = wait(flying, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                settle(finished)
                for future, flight in flying.items():
                    announce(future, flight)
                failed_fast = settings.fail_fast and totals.failed > 0
            # A worker may take one of these up in this very moment, and be writing when it is stopped.
            in_line = [future for future in flying if not future.running() and future.cancel()]
            withdrawn.extend(flying.pop(future) for future in in_line)
            finished, _ = wait(flying, timeout=_GRACE_SECONDS)
            settle(finished)
            whole = not (waiting or flying or withdrawn)
            totals.interrupted = stop.is_set() and not whole
            if failed_fast and not whole:
                observer.note("Stopped at the first failure, as --fail-fast asks.")
    finally:
        if whole:
            pool.close()
        else:
            pool.stop()
        for flight in (*flying.values(), *withdrawn):
            tags.remove_leftovers(flight.path)


@dataclass
class _Flight:
    path: Path
    size_bytes: int
    announced: bool = False


def _timeout_seconds(size_bytes: int) -> float:
    return _BASE_TIMEOUT_SECONDS + size_bytes * _TIMEOUT_SECONDS_PER_BYTE


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """While inside, Ctrl-C and termination set an event, so that rows in flight can still be recorded."""
    stop = threading.Event()

    def set_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, set_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
