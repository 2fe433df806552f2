"""Sorts the files that were found into those to analyse and those that an earlier run has done."""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import overload

from instag import paths
from instag.discover import Unreached
from instag.errors import FileError
from instag.memory import collector_paused
from instag.model.card import ModelCard
from instag.results import TagOutcome
from instag.run.shard import Shard
from instag.run.worker import WorkerSettings
from instag.table import ResultTable
from instag.table.rows import Mark, Status
from instag.table.timeline import Timeline


class PathList(Sequence[Path]):
    """Paths in a third of the memory that a list of `Path` takes: a job may hold a million of them."""

    def __init__(self) -> None:
        """Starts empty."""
        self._texts: list[str] = []

    def append(self, text: str) -> None:
        """Adds a path, as text, at the end."""
        self._texts.append(text)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...

    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        if isinstance(index, slice):
            return [Path(text) for text in self._texts[index]]
        return Path(self._texts[index])


class Found:
    """The files of a walk, held as text until they are planned: a walk may find a million of them."""

    def __init__(self, items: Iterable[Path | Unreached]) -> None:
        """Walks to the end."""
        with collector_paused():
            self._items = deque(item if isinstance(item, Unreached) else str(item) for item in items)

    def __len__(self) -> int:
        return len(self._items)

    def drain(self) -> Iterator[tuple[str, FileError | None]]:
        """Hands out each file once, as text, with the reason why it cannot be reached, and forgets it."""
        while self._items:
            item = self._items.popleft()
            yield (str(item.path), item.error) if isinstance(item, Unreached) else (item, None)


@dataclass(frozen=True)
class Plan:
    """The work of a job.

    Attributes:
        todo: Files to analyse, in their order.
        sizes: Their sizes in bytes.
        broken: Paths that cannot be analysed (one that does not exist, say), with the reason.
        done: Files that an earlier run has done, as they stand in the table, with their marks.
        notes: Sentences that the person who runs the job should read.
    """

    todo: PathList = field(default_factory=PathList)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    broken: list[tuple[Path, FileError]] = field(default_factory=list)
    done: list[tuple[str, Mark]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planner:
    """Decides file by file whether there is something to do.

    Attributes:
        card: The model's card.
        worker: The results and outputs that are asked for.
        retry_failed: Whether files that failed before are tried again.
        force: Whether every file is analysed again.
        shard: The share of the files that the job is about; None for all.
    """

    card: ModelCard
    worker: WorkerSettings
    retry_failed: bool = False
    force: bool = False
    shard: Shard | None = None

    def plan(
        self,
        found: Iterable[tuple[str, FileError | None]],
        table: ResultTable | None,
        timeline: Timeline | None,
    ) -> Plan:
        """The plan for the files that were found, given the outputs of earlier runs."""
        with collector_paused():
            return self._plan(found, table, timeline)

    def _plan(
        self,
        found: Iterable[tuple[str, FileError | None]],
        table: ResultTable | None,
        timeline: Timeline | None,
    ) -> Plan:
        plan = Plan()
        spellings = _Spellings(table) if table and self.worker.root is None else None
        wanted = frozenset(self.worker.wanted())
        is_enough = lru_cache(maxsize=None)(lambda settings: wanted <= set(settings.split()))
        names: set[str] = set()
        for path, error in found:
            name = paths.table_path(path, self.worker.root)
            if self.shard and not self.shard.holds(name):
                continue
            if error is not None:
                plan.broken.append((Path(path), error))
                continue
            identity = _identity(path)
            mark = table.mark(name) if table and not self.force else None
            windows = timeline.windows_of(name) if timeline else None
            if mark and self._is_done(mark, identity, windows, is_enough):
                plan.done.append((name, mark))
                continue
            if self.worker.root is not None:
                # Links and spellings that discovery tells apart may lead to one name below the root.
                if name in names:
                    continue
                names.add(name)
            plan.todo.append(path)
            plan.sizes.append(identity[0])
            if spellings:
                spellings.look_at(path, name)
        if spellings:
            plan.notes.extend(spellings.notes())
        return plan

    def _is_done(
        self, mark: Mark, identity: tuple[int, int], windows: int | None, is_enough: Callable[[str], bool]
    ) -> bool:
        if (mark.size_bytes, mark.mtime_ns) != identity:
            return False
        if (mark.model_id, mark.model_version) != (self.card.model_id, self.card.version):
            return False
        if not is_enough(mark.settings):
            return False
        if mark.status is Status.FAILED or mark.tags_written is TagOutcome.REFUSED:
            return not self.retry_failed
        return windows is None or windows == mark.windows


class _Spellings:
    """Finds files that the table knows under another spelling of their path."""

    def __init__(self, table: ResultTable) -> None:
        self._table = table
        self._count = 0
        self._example = ("", "")
        try:
            self._folder = str(Path.cwd())
        except OSError:  # it is gone, so no relative path leads anywhere
            self._folder = ""

    def look_at(self, path: str, name: str) -> None:
        """Counts a file that is to be analysed, where another spelling of it has a row."""
        other = paths.other_spelling(path, self._folder) if self._folder else ""
        if other and self._table.mark(paths.to_table(other)):
            self._count += 1
            self._example = self._example if self._count > 1 else (name, paths.to_table(other))

    def notes(self) -> list[str]:
        """One sentence, or none."""
        if not self._count:
            return []
        files = "1 file is" if self._count == 1 else f"{self._count} files are"
        return [
            f"{files} in the table under two spellings of the path, such as {self._example[0]} and {self._example[1]}. "
            "Give paths as in the first run, or use --root DIR, so that each file has one row."
        ]


def _identity(path: str) -> tuple[int, int]:
    """Size and modification time of a file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each of a million files is slow
    except OSError:  # it vanished meanwhile: the worker says so in its row
        return 0, 0
    return status.st_size, status.st_mtime_ns
