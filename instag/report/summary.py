"""What a page says of many files at once: totals, instruments, folders, failures, what to hear first."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from instag.report.columns import is_silent, split_path
from instag.table.rows import Row, Status

HISTOGRAM_BARS = 10
# Lists on a page stop here; the table below them has everything.
MOST_LISTED = 25
MOST_DUPLICATES = 500


@dataclass
class FolderTotals:
    """A folder with all that lies below it.

    Attributes:
        files: Its files.
        failed: How many of them failed.
        seconds: The length of the others.
        labels: Files by the label that counts.
    """

    files: int = 0
    failed: int = 0
    seconds: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)


class Summary:
    """Adds up rows, one at a time, whatever their number.

    Attributes:
        files: How many it has taken in.
    """

    def __init__(self) -> None:
        """Starts with none."""
        self._statuses: Counter[Status] = Counter()
        self._needs_review = self._reviewed = self._accepted = self._left = self._silent = 0
        self._seconds = 0.0
        self._labels: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0])
        self._histogram = [[0, 0] for _ in range(HISTOGRAM_BARS)]
        self._failures: dict[str, list[Any]] = {}
        self._folders: defaultdict[str, FolderTotals] = defaultdict(FolderTotals)
        self._models: Counter[str] = Counter()
        self._doubtful: list[tuple[bool, float, int, str]] = []
        self._digests: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self.files = 0

    def add(self, row: Row) -> None:
        """Takes a row in; rows have to come in the order in which the pages show them."""
        number, self.files = self.files, self.files + 1
        self._statuses[row.status] += 1
        seconds = row.duration_seconds or 0.0
        is_failed = row.status is Status.FAILED
        for folder in _folders_above(row.path):
            totals = self._folders[folder]
            totals.files += 1
            totals.failed += is_failed
            totals.seconds += seconds
            if row.label:
                totals.labels[row.label] += 1
        self._reviewed += row.review is not None
        self._accepted += row.is_accepted
        if row.audio_digest:
            self._digests[row.audio_digest].append((number, row.path))
        if is_failed:
            failure = self._failures.setdefault(row.error_code, [0, row.error])
            failure[0] += 1
        if row.label:
            self._take_label(row, seconds)
        if row.status is Status.ANALYSED:
            self._seconds += seconds
            self._silent += is_silent(row)
            self._models[f"{row.model_id} {row.model_version}".strip()] += 1
            self._needs_review += bool(row.needs_review)
            if row.wants_review:
                self._take_doubtful(row, number)

    def to_record(self) -> dict[str, Any]:
        """What has been added up, for the page. Files are named as pairs of number and path; numbers count from 0."""
        copies = [group for group in self._digests.values() if len(group) > 1]
        return {
            "files": self.files,
            "analysed": self._statuses[Status.ANALYSED],
            "failed": self._statuses[Status.FAILED],
            "skipped": self._statuses[Status.SKIPPED],
            "silent": self._silent,
            "seconds": round(self._seconds, 1),
            "needs_review": self._needs_review,
            "reviewed": self._reviewed,
            "accepted": self._accepted,
            "left": self._left,
            "models": self._models.most_common(),
            "instruments": [
                [name, files, round(seconds, 1), heard]
                for name, (files, seconds, heard) in sorted(
                    self._labels.items(), key=lambda item: (-item[1][0], -item[1][2], item[0])
                )
            ],
            "histogram": self._histogram,
            "failures": [[code, *rest] for code, rest in sorted(self._failures.items(), key=lambda item: -item[1][0])],
            "folders": self._tree(),
            "review_first": [[number, path] for _, _, number, path in sorted(self._doubtful)[:MOST_LISTED]],
            "duplicates": [group[:MOST_LISTED] for group in copies[:MOST_DUPLICATES]],
            "duplicate_groups": len(copies),
            "duplicate_files": sum(map(len, copies)),
        }

    def _take_label(self, row: Row, seconds: float) -> None:
        totals = self._labels[row.label]
        totals[0] += 1
        totals[1] += seconds
        for label in row.instruments:
            if label != row.label:
                self._labels[label][2] += 1
        if row.confidence is not None:
            bar = min(HISTOGRAM_BARS - 1, int(row.confidence * HISTOGRAM_BARS))
            self._histogram[bar][bool(row.needs_review)] += 1

    def _take_doubtful(self, row: Row, number: int) -> None:
        self._left += 1
        # A file in which nothing is heard takes a moment to judge, and tells the least: those come last.
        self._doubtful.append((is_silent(row), row.confidence or 0.0, number, row.path))
        if len(self._doubtful) > 100 * MOST_LISTED:
            self._doubtful = nsmallest(MOST_LISTED, self._doubtful)

    def _tree(self) -> list[list[Any]]:
        """Folders, each before those in it; the folders that all files lie in are left out but for the last."""
        names = sorted(self._folders, key=lambda name: name.split("/"))
        while len(names) > 1 and self._folders[names[1]].files == self._folders[names[0]].files:
            del names[0]
        return [
            [name, totals.files, totals.failed, round(totals.seconds, 1), dict(totals.labels.most_common())]
            for name in names
            for totals in (self._folders[name],)
        ]


def _folders_above(path: str) -> list[str]:
    """Every folder that a file lies in, each with a slash at its end, the outermost ("" for a relative path) first."""
    folder, _ = split_path(path)
    parts = folder.split("/")[:-1]
    start = [] if folder.startswith("/") else [""]
    return start + ["/".join(parts[:depth]) + "/" for depth in range(1, len(parts) + 1)]
