"""Shows a job's progress: to a person at a terminal, in the log of a job without one, or as JSON Lines to a program."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any, TextIO

from tqdm import tqdm

from instag import __version__
from instag.labels import DISPLAY_NAMES
from instag.languages import Names
from instag.results import TagOutcome
from instag.run.observer import Totals
from instag.table.rows import Mark, Row, Status, with_identifiers

# Grows when an event or a field changes its meaning or goes; new ones may come without it. docs/events.md.
EVENTS_VERSION = 2
# Between two lines of progress where stderr is no terminal.
_LOG_SECONDS = 60.0


class EventLines:
    """JSON Lines for programs: one event per line, each with `event` and `version`."""

    def __init__(self, stream: TextIO) -> None:
        """Writes to a stream, flushing each line."""
        self._stream = stream

    def note(self, text: str) -> None:
        """Writes the event."""
        self._emit("note", text=text)

    def job_started(self, files: int, todo: int, todo_bytes: int) -> None:
        """Writes the event."""
        self._emit("job_started", instag_version=__version__, files=files, todo=todo, todo_bytes=todo_bytes)

    def file_started(self, path: str) -> None:
        """Writes the event."""
        self._emit("file_started", path=path)

    def file_skipped(self, path: str, mark: Mark) -> None:
        """Writes the event: `file_done` with status `skipped`."""
        self._emit("file_done", path=path, status=str(Status.SKIPPED), earlier_status=str(mark.status))

    def file_ended(self, row: Row, totals: Totals) -> None:
        """Writes the event with the whole row."""
        self._emit("file_failed" if row.status is Status.FAILED else "file_done", **with_identifiers(row.to_record()))

    def job_ended(self, totals: Totals) -> None:
        """Writes the event."""
        self._emit("job_done", **asdict(totals), speed=round(totals.speed, 1))

    def _emit(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "version": EVENTS_VERSION, **fields}, allow_nan=False)
        self._stream.write(line + "\n")
        self._stream.flush()


class Terminal:
    """Progress, failures and a summary for a person, on stderr; one readable line per file on stdout if asked for."""

    def __init__(self, lines: bool, quiet: bool, verbose: int, names: Names = DISPLAY_NAMES) -> None:
        """Chooses what is shown.

        Args:
            lines: Whether each file's result goes to stdout as a line.
            quiet: Whether progress, notes and the summary are left out; failures are shown all the same.
            verbose: 1 shows each file's result and each skipped file on stderr.
            names: What the labels are called.
        """
        self._names = names
        self._lines = lines
        self._quiet = quiet
        self._verbose = verbose
        self._bar: Any = None
        self._ended = 0
        self._todo_bytes = 0
        self._done_bytes = 0
        self._logged_at = time.monotonic()

    def note(self, text: str) -> None:
        """Shows a note."""
        if not self._quiet:
            self._say(text)

    def job_started(self, files: int, todo: int, todo_bytes: int) -> None:
        """Starts the bar if stderr is a terminal, and the clock of the log otherwise."""
        self._todo_bytes = todo_bytes
        self._logged_at = time.monotonic()
        if not self._quiet and todo:
            self._bar = tqdm(
                total=None,
                unit="s",
                disable=None,  # no bar where stderr is not a terminal
                file=sys.stderr,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]",
                desc="instag",
                dynamic_ncols=True,
            )

    def file_started(self, path: str) -> None:
        """Shows nothing: a terminal has no room for it."""

    def file_skipped(self, path: str, mark: Mark) -> None:
        """Shows skipped files if asked to, and the failures of earlier runs always."""
        if mark.status is Status.FAILED:
            self._say(f"FAILED {path}: failed in an earlier run and has not changed; --retry-failed tries it again")
        elif self._verbose:
            self._say(f"{path}: skipped, {mark.status} in an earlier run and unchanged since")

    def file_ended(self, row: Row, totals: Totals) -> None:
        """Shows the result or the failure, and moves the bar."""
        if row.status is Status.FAILED:
            self._say(f"FAILED {row.error} [{row.error_code}]")
        else:
            if self._lines:
                self._say(result_line(row, self._names), to_stdout=True)
            elif self._verbose:
                self._say(result_line(row, self._names))
            if row.tags_written is TagOutcome.REFUSED:
                self._say(f"NOT WRITTEN {row.error} [{row.error_code}]")
            elif row.error:
                # What changes nothing, such as a few mended samples, has no code.
                code = f" [{row.error_code}]" if row.error_code else ""
                self._say(f"WARNING {row.path}: {row.error}{code}")
        self._ended += 1
        self._done_bytes += row.size_bytes or 0
        self._move(totals)

    def job_ended(self, totals: Totals) -> None:
        """Closes the bar and sums up."""
        if self._bar is not None:
            self._bar.close()
        if not self._quiet and totals.files:
            self._say(summary(totals))

    def _move(self, totals: Totals) -> None:
        if self._bar is None:
            return
        # Nobody knows how long the remaining recordings are before they are decoded; bytes tell how much is left.
        share = min(1.0, self._done_bytes / self._todo_bytes) if self._todo_bytes else 1.0
        done = progress_text(totals, totals.skipped + totals.failed_before + self._ended)
        if not self._bar.disable:
            self._bar.total = totals.audio_seconds / share if share else None
            self._bar.n = totals.audio_seconds
            self._bar.set_postfix_str(done)
        elif time.monotonic() - self._logged_at >= _LOG_SECONDS:
            self._logged_at = time.monotonic()
            left = totals.elapsed_seconds * (1 - share) / share if share else 0.0
            self._say(f"{100 * share:.0f} % done: {done}, about {_clock(left)} left")

    def _say(self, text: str, to_stdout: bool = False) -> None:
        stream = sys.stdout if to_stdout else sys.stderr
        tqdm.write(text, file=stream)
        stream.flush()  # a reader gets each file when it is done, and a full disk stops the job at once


def progress_text(totals: Totals, done: int) -> str:
    """How far a job is.

    Args:
        totals: What it has done so far.
        done: Files that are dealt with, those of earlier runs included.
    """
    return (
        f"{done} of {count(totals.files, 'file')}, {totals.failed} failed, "
        f"{_clock(totals.audio_seconds)} of audio, {totals.speed:.0f} × real time"
    )


def result_line(row: Row, names: Names) -> str:
    """One file in one readable line.

    Args:
        row: Its row.
        names: What the labels are called.
    """
    percent = f"{100 * (row.confidence or 0):.0f} %"
    also = [names[label] for label in row.instruments if label != row.dominant]
    text = f"{row.path}: {names[row.dominant]} ({percent})"
    if also:
        text += f", also {', '.join(also)}"
    if row.windows and row.silent_windows == row.windows:
        text = f"{row.path}: silence"
    if row.reviewed_label:
        return f"{text} - reviewed as {names.get(row.reviewed_label, row.reviewed_label)}"
    return text + (" - needs review" if row.wants_review else "")


def summary(totals: Totals) -> str:
    """The whole job in one sentence or two."""
    parts = [f"{totals.analysed} analysed", f"{totals.skipped} done before", f"{totals.failed} failed"]
    if totals.failed_before:
        parts[-1] += f" ({totals.failed_before} in an earlier run)"
    if totals.refused:
        parts.append(f"{totals.refused} not written to")
    verb = "needs" if totals.needs_review == 1 else "need"
    text = f"{count(totals.files, 'file')}: {', '.join(parts)}; {totals.needs_review} {verb} review."
    if totals.analysed:
        text += (
            f" {_clock(totals.audio_seconds)} of audio in {_took(totals.elapsed_seconds)},"
            f" {totals.speed:.0f} × real time."
        )
    if totals.interrupted:
        text += " Stopped early: run the same command again to continue."
    return text


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else _clock(seconds)


def count(number: int, noun: str) -> str:
    """The number and its noun, in the plural where there is one: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
