"""What a worker makes of one file: its row, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile

from instag.analyse import Analyser, AnalysisSettings
from instag.errors import ErrorCode
from instag.model.session import Device, open_model
from instag.results import TagOutcome
from instag.run import worker
from instag.run.worker import Outcome, WorkerSettings, process_file
from instag.table.rows import Status
from instag.tags import read_tags
from tests.support import synth
from tests.support.tinymodel import frequency_of


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "cello.wav"
    soundfile.write(path, synth.tone(frequency_of("cello"), 3.0), 44_100)
    return path


@pytest.fixture
def process(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    def run(path: Path, **changes: object) -> Outcome:
        settings = WorkerSettings(tiny_model, Device.CPU, AnalysisSettings(), **changes)  # type: ignore[arg-type]
        analyser = Analyser(open_model(tiny_model, Device.CPU), settings.analysis)
        monkeypatch.setattr(worker, "_states", [worker._State(settings, analyser)])
        return process_file(path)

    return run


def test_a_good_file(process, wav: Path) -> None:
    outcome = process(wav)
    row = outcome.row
    assert (row.status, row.dominant, row.windows, row.error_code) == (Status.ANALYSED, "cello", 3, "")
    assert (row.size_bytes, row.mtime_ns) == (wav.stat().st_size, wav.stat().st_mtime_ns)
    assert len(row.scores) == len(row.presences) == 12 and row.scores[0] == max(row.scores)
    assert outcome.windows is not None and len(outcome.windows.start_seconds) == 3


def test_size_and_time_are_taken_after_tags_were_written(process, wav: Path) -> None:
    before = wav.stat()
    row = process(wav, write_tags=True).row
    assert row.tags_written is TagOutcome.WRITTEN and wav.stat().st_size > before.st_size
    assert (row.size_bytes, row.mtime_ns) == (wav.stat().st_size, wav.stat().st_mtime_ns)
    found = read_tags(wav)
    assert found and (found.dominant, found.source) == ("cello", "machine: tiny 1.0.0")
    beside = process(wav, sidecar=True).row
    assert beside.tags_written is TagOutcome.NOT_ASKED and beside.error == ""
    again = process(wav, write_tags=True, sidecar=True).row
    assert again.tags_written is TagOutcome.UNCHANGED and again.audio_digest == row.audio_digest


def test_a_file_that_changes_meanwhile_fails_and_is_not_written(
    process, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = Analyser.analyse

    def analyse_and_change(analyser: Analyser, path: Path, *more: object):
        result = analyse(analyser, path, *more)
        with path.open("ab") as file:
            file.write(b"more")
        return result

    monkeypatch.setattr(Analyser, "analyse", analyse_and_change)
    row = process(wav, write_tags=True).row
    assert (row.status, row.error_code) == (Status.FAILED, ErrorCode.CHANGED_DURING_RUN)
    assert read_tags(wav) is None


def test_too_little_memory_is_a_row(process, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Analyser, "analyse", explode)
    outcome = process(wav)
    assert (outcome.row.status, outcome.row.error_code) == (Status.FAILED, ErrorCode.OUT_OF_MEMORY)
    assert "--max-memory" in outcome.row.error and outcome.windows is None


def test_a_bug_is_no_row(process, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Analyser, "analyse", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        process(wav)


def test_a_refusal_keeps_the_result(process, tmp_path: Path) -> None:
    path = tmp_path / "piano.au"
    soundfile.write(path, synth.tone(frequency_of("piano"), 2.0), 44_100)
    content = path.read_bytes()
    row = process(path, write_tags=True, sidecar=True).row
    assert (row.status, row.dominant) == (Status.ANALYSED, "piano")
    assert (row.tags_written, row.error_code) == (TagOutcome.REFUSED, ErrorCode.TAGS_UNSUPPORTED)
    assert path.read_bytes() == content
    assert (tmp_path / "piano.au.instag.json").is_file()


def test_hard_links_are_told_and_not_broken(process, wav: Path) -> None:
    other = wav.with_name("other.wav")
    os.link(wav, other)
    row = process(wav, write_tags=True).row
    assert (row.tags_written, row.error_code) == (TagOutcome.REFUSED, ErrorCode.TAGS_HARD_LINK)
    assert other.samefile(wav)


def test_a_file_that_vanished_is_a_row(process, tmp_path: Path) -> None:
    row = process(tmp_path / "gone.wav").row
    assert (row.status, row.error_code, row.size_bytes) == (Status.FAILED, ErrorCode.NOT_FOUND, None)
    assert "gone.wav" in row.error
