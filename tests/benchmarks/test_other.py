"""What is measured of `other`, on made-up strengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.other import WHATS, Row, class_indices, judge


def row(detail: str, label: str = "other") -> Row:
    return Row(Path("a.wav"), label, detail, "g")


def test_kinds_follow_the_words_of_the_manifest_and_other_alone() -> None:
    drums = next(what for what in WHATS if what.name == "drums")
    assert row("snare (with snares); snare.mp3").is_a(drums)
    assert not row("viola; viola.mp3").is_a(drums)
    assert not row("snare drum behind a singer", "voice").is_a(drums)


def test_what_parts_well_is_found_by_thresholds_of_other_groups() -> None:
    real = np.arange(12) % 2 == 0
    found = judge(np.where(real, 0.9, 0.1).astype(np.float32), real, [str(i // 2) for i in range(12)])
    assert (found.recordings, found.groups) == (6, 6)
    assert (found.auc, found.precision, found.recall) == (1.0, 1.0, 1.0)


def test_a_group_with_levels_of_its_own_is_not_judged_by_them() -> None:
    # In the last group everything answers weakly: its own best threshold would be right, those of the others are not.
    strength = np.array([0.9, 0.5] * 3 + [0.2, 0.1], np.float32)
    real = np.array([True, False] * 4)
    found = judge(strength, real, [name for name in "abcd" for _ in range(2)])
    assert (found.precision, found.recall) == (1.0, 3 / 4)


def test_a_class_that_is_not_in_the_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("index,mid,display_name\n0,/m/1,Speech\n1,/m/2,Drum\n")
    assert class_indices(path, ("Drum", "Speech")) == [1, 0]
    with pytest.raises(ValueError, match="no class 'Choir'"):
        class_indices(path, ("Choir",))
