"""The benchmark of the job beside its floor: what it divides by what, and that its floor is the whole sound."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from benchmarks.floors import candidates, decode, rows_of, timed
from benchmarks.install_sizes import sizes_of
from tests.support import synth


def test_the_floor_decodes_and_resamples_the_whole_file(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "a.wav", synth.tone(seconds=2.0))
    assert decode(path, 16_000) == pytest.approx(32_000, abs=2)


def test_a_run_is_divided_by_the_floor_above_it_of_the_same_turn() -> None:
    seconds = {"floor at 1 Hz": [1.0, 2.0], "a": [2.0, 6.0], "floor at 2 Hz": [2.0, 2.0], "b": [3.0, 3.0]}
    rows = rows_of("MP3", 2, seconds, dict.fromkeys(seconds, 100.0))
    assert rows[1] == "| MP3 | 2 | a | 4.00 | 2.50 (2.00 to 3.00) | 100 |"
    assert rows[3] == "| MP3 | 2 | b | 3.00 | 1.50 (1.50 to 1.50) | 100 |"


def test_the_floor_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    synth.write(tmp_path / "songs/a.wav", synth.tone())
    words = candidates(tmp_path / "songs", tmp_path / "t.csv", 1, None)
    seconds, megabytes = timed(next(iter(words.values())))
    assert seconds > 0 and megabytes > 1
    with pytest.raises(SystemExit, match="ended with 3"):
        timed(["-c", "raise SystemExit(3)"])


def test_sizes_of_a_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(3_000_000))
    download, installed = sizes_of(tmp_path / "a.whl")
    assert installed == 3.0 and 0 < download < 0.1
