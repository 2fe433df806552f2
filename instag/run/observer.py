"""What a job tells of its progress, and to whom: whoever runs a job hands it an observer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from instag.table.rows import Mark, Row


@dataclass
class Totals:
    """What a job did so far.

    Attributes:
        files: Files found.
        analysed: Analysed in this run.
        skipped: Analysed in an earlier run, and unchanged since.
        failed: Not analysed, in this run or an earlier one. `analysed + skipped + failed` are the files dealt with.
        failed_before: How many of the failed ones failed in an earlier run, and were not tried again.
        refused: Analysed, but their tags or sidecars could not be written.
        needs_review: Analysed in this run, and still to be heard by a person.
        audio_seconds: Length of what was analysed in this run.
        elapsed_seconds: Time that the run took.
        interrupted: Whether the job was stopped before its end.
    """

    files: int = 0
    analysed: int = 0
    skipped: int = 0
    failed: int = 0
    failed_before: int = 0
    refused: int = 0
    needs_review: int = 0
    audio_seconds: float = 0.0
    elapsed_seconds: float = 0.0
    interrupted: bool = False

    @property
    def speed(self) -> float:
        """Seconds of audio analysed in a second of the run."""
        return self.audio_seconds / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0


class Observer(Protocol):
    """Hears of a job's progress, in the job's own thread."""

    def note(self, text: str) -> None:
        """Something worth knowing that is not a fault (a repaired table, say)."""

    def job_started(self, files: int, todo: int, todo_bytes: int) -> None:
        """The walk is over: so many files were found, so many of them are to be analysed."""

    def file_started(self, path: str) -> None:
        """A worker took the file."""

    def file_skipped(self, path: str, mark: Mark) -> None:
        """An earlier run has dealt with the file."""

    def file_ended(self, row: Row, totals: Totals) -> None:
        """The file's row is recorded."""

    def job_ended(self, totals: Totals) -> None:
        """The job is over."""
