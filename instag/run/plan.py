"""Sorts the files that were found into those to analyse and those that an earlier run has done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from instag import paths
from instag.errors import FileError
from instag.model.card import ModelCard
from instag.results import TagOutcome
from instag.run.worker import WorkerSettings
from instag.table import ResultTable
from instag.table.rows import Mark, Status
from instag.table.timeline import Timeline


@dataclass(frozen=True)
class Plan:
    """The work of a job.

    Attributes:
        todo: Files to analyse, in their order.
        sizes: Their sizes in bytes.
        broken: Paths that cannot be analysed (one that does not exist, say), with the reason.
        done: Files that an earlier run has done, with their marks.
    """

    todo: list[Path] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    broken: list[tuple[Path, FileError]] = field(default_factory=list)
    done: list[tuple[Path, Mark]] = field(default_factory=list)


@dataclass(frozen=True)
class Planner:
    """Decides file by file whether there is something to do.

    Attributes:
        card: The model's card.
        worker: The results and outputs that are asked for.
        retry_failed: Whether files that failed before are tried again.
        force: Whether every file is analysed again.
    """

    card: ModelCard
    worker: WorkerSettings
    retry_failed: bool = False
    force: bool = False

    def plan(
        self,
        found: Iterable[tuple[Path, FileError | None]],
        table: ResultTable | None,
        timeline: Timeline | None,
    ) -> Plan:
        """The plan for the files that were found, given the outputs of earlier runs."""
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
            mark = table.mark(name) if table and not self.force else None
            windows = timeline.windows_of(name) if timeline else None
            if mark and self._is_done(mark, identity, windows):
                plan.done.append((path, mark))
            else:
                plan.todo.append(path)
                plan.sizes.append(identity[0])
        return plan

    def _is_done(self, mark: Mark, identity: tuple[int, int], windows: int | None) -> bool:
        if (mark.size_bytes, mark.mtime_ns) != identity:
            return False
        if (mark.model_id, mark.model_version) != (self.card.model_id, self.card.version):
            return False
        if not set(self.worker.wanted()) <= set(mark.settings.split()):
            return False
        if mark.status is Status.FAILED or mark.tags_written is TagOutcome.REFUSED:
            return not self.retry_failed
        return windows is None or windows == mark.windows
