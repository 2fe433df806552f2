"""The histograms that later collections are held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.labels import LABELS
from train.measure.reference import make_reference


def test_counts_and_shares() -> None:
    scores = np.zeros((3, len(LABELS)), np.float32)
    piano = LABELS.index("piano")
    scores[:, piano] = [0.05, 0.95, np.nextafter(np.float32(1), np.float32(2))]
    made = make_reference(["other", "piano", "piano"], np.array([0.31, 0.95, 1.0]), scores, "three files")
    assert (made["recordings"], made["source"]) == (3, "three files")
    assert made["labels"]["piano"] == pytest.approx(2 / 3, abs=1e-4) and made["labels"]["cello"] == 0.0
    assert made["histograms"]["score_piano"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert made["histograms"]["edges"][0] == 0.0 and made["histograms"]["edges"][-1] == 1.0
    assert made["confidence"] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 2]


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0, 1)), min_size=1, max_size=30))
def test_no_file_is_lost_or_counted_twice(files: list[tuple[str, float]]) -> None:
    confidence = np.array([sure for _, sure in files])
    scores = np.repeat(confidence[:, None], len(LABELS), axis=1)
    made = make_reference([label for label, _ in files], confidence, scores, "")
    assert sum(made["confidence"]) == len(files)
    assert all(sum(made["histograms"][f"score_{label}"]) == len(files) for label in LABELS)
    assert sum(made["labels"].values()) == pytest.approx(1.0, abs=0.001)
