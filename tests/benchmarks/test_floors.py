"""The benchmark of the job beside its floor: what it divides by what, and that its floor is the whole sound."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from benchmarks.floors import candidates, decode, rows_of, timed
from benchmarks.install_sizes import sizes_of
from benchmarks.stages import PREDICTED_MS, STAGES, stages
from benchmarks.targets import planning_lines
from tests.support import synth


def test_the_floor_decodes_and_resamples_the_whole_file(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "a.wav", synth.tone(seconds=2.0))
    assert decode(path, 16_000) == pytest.approx(32_000, abs=2)


def test_a_run_is_divided_by_the_floor_above_it_of_the_same_turn() -> None:
    seconds = {"floor at 1 Hz": [1.0, 2.0], "a": [2.0, 6.0], "floor at 2 Hz": [2.0, 2.0], "b": [3.0, 3.0]}
    rows = rows_of("MP3", 16, 2, seconds, dict.fromkeys(seconds, 100.0))
    assert rows[1] == "| MP3 | 2 | a | 4.00 | 2.0 | 2.50 (2.00 to 3.00) | 100 |"
    assert rows[3] == "| MP3 | 2 | b | 3.00 | 2.7 | 1.50 (1.50 to 1.50) | 100 |"


def test_the_floor_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    synth.write(tmp_path / "songs/a.wav", synth.tone())
    words = candidates(tmp_path / "songs", tmp_path / "t.csv", 1, None)
    seconds, megabytes = timed(next(iter(words.values())))
    assert seconds > 0 and megabytes > 1
    with pytest.raises(SystemExit, match="ended with 3"):
        timed(["-c", "raise SystemExit(3)"])


def test_each_stage_of_a_file_takes_time_and_has_a_prediction(tmp_path: Path) -> None:
    measured = stages(synth.write(tmp_path / "a.wav", synth.tone(seconds=4.0)))
    assert len(measured) == len(STAGES) and all(len(ms) == len(STAGES) for ms in PREDICTED_MS.values())
    by_stage = dict(zip(STAGES, measured, strict=True))
    assert by_stage["front end and network"] > by_stage["aggregate"] > 0


def test_a_resume_finds_nothing_to_do_and_a_walk_everything(tmp_path: Path) -> None:
    resume, walk = planning_lines(tmp_path, 30, 20)
    assert resume.startswith("| resume over 30 finished rows: 0 to do, 30 done before | ") and "MB" in resume
    assert walk.startswith("| walk and plan 20 paths: 20 to do, 0 done before | ") and "MB" in walk


def test_sizes_of_a_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(3_000_000))
    download, installed = sizes_of(tmp_path / "a.whl")
    assert installed == 3.0 and 0 < download < 0.1
