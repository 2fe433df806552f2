"""What a job shows while it runs, where nobody sits at a terminal."""

from __future__ import annotations

import re

import pytest

from instag.cli import progress
from instag.cli.progress import Terminal
from instag.results import TagOutcome
from instag.run.observer import Totals
from instag.table.rows import Row, Status


class Clock:
    """Time that passes when the test says so."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


def log_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, quiet: bool) -> list[str]:
    """The lines of a job of 100 files of 20 seconds and 1 kB each, in a log."""
    time = Clock()
    monkeypatch.setattr(progress, "time", time)
    terminal = Terminal(lines=False, quiet=quiet, verbose=0)
    totals = Totals(files=120, skipped=20)
    terminal.job_started(120, 100, 100_000)
    for number in range(100):
        time.seconds += 3
        totals.analysed += 1
        totals.audio_seconds += 20
        totals.elapsed_seconds += 3
        row = Row(path=f"{number}.wav", status=Status.ANALYSED, size_bytes=1000, tags_written=TagOutcome.NOT_ASKED)
        terminal.file_ended(row, totals)
    terminal.job_ended(totals)
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_one_line_a_minute(monkeypatch, capsys) -> None:
    *lines, summary = log_of(monkeypatch, capsys, quiet=False)
    assert lines[0] == "20 % done: 40 of 120 files, 0 failed, 6:40 of audio, 7 × real time, about 4:00 left"
    assert [re.match(r"\d+", line)[0] for line in lines] == ["20", "40", "60", "80", "100"]
    assert summary.startswith("120 files: 100 analysed, 20 done before, 0 failed; 0 need review.")


def test_a_quiet_job_has_no_lines(monkeypatch, capsys) -> None:
    assert log_of(monkeypatch, capsys, quiet=True) == []


def test_a_warning_without_a_code_shows_no_empty_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(lines=False, quiet=False, verbose=0)
    terminal.job_started(2, 2, 2000)
    for code in ("", "truncated"):
        terminal.file_ended(
            Row(path="a.wav", status=Status.ANALYSED, tags_written=TagOutcome.NOT_ASKED, error="Odd.", error_code=code),
            Totals(files=2),
        )
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("WARNING")]
    assert lines == ["WARNING a.wav: Odd.", "WARNING a.wav: Odd. [truncated]"]
