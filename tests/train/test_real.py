from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instag.labels import LABELS
from instag.results import WindowScores
from train.measure.evaluate import plain_card
from train.measure.real import RealFile, figures, intervals, joined, judged, read_real


def windows(label: str, count: int, presence: float = 0.9) -> WindowScores:
    """Windows in which one label is sure."""
    scores = np.full((count, len(LABELS)), 0.01, np.float32)
    scores[:, LABELS.index(label)] = 0.89
    presences = np.full((count, len(LABELS)), 0.05, np.float32)
    presences[:, LABELS.index(label)] = presence
    start = 3.0 * np.arange(count)
    return WindowScores(start, start + 3.0, np.full(count, -20.0), scores, presences)


def real(label: str, group: str, source: str = "here") -> RealFile:
    return RealFile(Path(f"{group}.wav"), label, (label,), source, "phrase", group, "choose")


FILES = [real("piano", "a"), real("cello", "b"), real("other", "c"), real("other", "d", "world-view")]
SAID = [windows("piano", 4), windows("piano", 4), windows("other", 4), windows("violin", 4)]


def test_figures_of_a_small_set() -> None:
    found = figures(judged(FILES, SAID, plain_card()))
    assert (found["n_eleven"], found["n_other"], found["n_polyphonic"]) == (2, 2, 2)
    assert found["right"] == 0.5
    assert found["lost_to_other"] == 0.0
    assert (found["other_kept"], found["other_kept_without_world_view"], found["other_kept_world_view"]) == (0.5, 1, 0)
    assert found["presence_micro_f1"] == pytest.approx(2 * 1 / (2 + 2))
    assert found["false_labels_known"] == pytest.approx(2 / 4)


def test_a_listed_companion_counts_apart() -> None:
    duet = RealFile(Path("e.wav"), "cello", ("cello", "piano"), "here", "song", "e", "choose")
    found = figures(judged([*FILES, duet], [*SAID, windows("piano", 4)], plain_card()))
    assert (found["right"], found["right_or_listed"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_intervals_hold_the_figure() -> None:
    result = judged(FILES, SAID, plain_card())
    low, high = intervals(result)["other_kept"]
    assert low <= figures(result)["other_kept"] <= high


def test_joined_files_of_one_instrumentation_keep_their_list() -> None:
    table = joined(FILES[:1], SAID[:1], plain_card())
    assert {row["false_labels"] for row in table.values()} == {0.0}
    assert {row["found"] for row in table.values()} == {1.0}


def test_an_unknown_label_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label,labels,source,kind,group,part\na.wav,banjo,,s,clip,g,choose\n")
    with pytest.raises(ValueError, match=r"a\.wav has the label 'banjo'"):
        read_real(manifest, "choose")
