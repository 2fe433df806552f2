"""Short forms of benchmarks/reliability.py: kills, injected faults and damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reliability import STEPS, fuzz, inject_faults, kill_and_resume


def test_a_job_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    report = kill_and_resume(tmp_path, kills=3, copies=1, seed=3)
    assert report.faults == 3 and report.files >= 20
    assert report.is_clean, report


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    report = inject_faults(tmp_path)
    assert report.is_clean, report
    hit = {outcome.split(":")[0] for outcome in report.outcomes}
    assert hit == {name for _, name in STEPS}
    assert report.faults >= 20 * len(STEPS)


@pytest.mark.parametrize("seed", [11])
def test_damaged_files_never_end_the_job(tmp_path: Path, seed: int) -> None:
    report = fuzz(tmp_path, files=250, seed=seed)
    assert report.is_clean, report
    assert report.outcomes["writer alone: written"] > 20
