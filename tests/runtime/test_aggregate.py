"""The rule from windows to the file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instag.aggregate import aggregate, vote_weights
from instag.constants import SILENCE_FLOOR_DBFS
from instag.labels import LABELS, OTHER
from instag.results import WindowScores
from tests.support.tinymodel import tiny_card


def windows(dominant: list[dict[str, float]], level: list[float], present: list[dict[str, float]] | None = None):
    def matrix(rows: list[dict[str, float]]) -> np.ndarray:
        return np.array([[row.get(label, 0.0) for label in LABELS] for row in rows], np.float32)

    start = np.arange(len(dominant)) * 3.0
    return WindowScores(start, start + 3.0, np.array(level, float), matrix(dominant), matrix(present or dominant))


def test_the_louder_windows_say_more() -> None:
    scores = windows([{"cello": 0.6, "piano": 0.4}, {"cello": 0.3, "piano": 0.7}], [-10.0, -50.0])
    assert vote_weights(scores.level_dbfs) == pytest.approx([0.8, 0.2])  # 40 dB apart: four times the vote
    verdict = aggregate(scores, tiny_card())
    assert verdict.dominant == "cello"
    assert verdict.confidence == pytest.approx(0.8 * 0.6 + 0.2 * 0.3)


def test_silent_windows_do_not_vote() -> None:
    scores = windows([{"flute": 1.0}, {"organ": 1.0}, {"organ": 1.0}], [-20.0, SILENCE_FLOOR_DBFS - 1, -np.inf])
    verdict = aggregate(scores, tiny_card())
    assert (verdict.dominant, verdict.silent_windows, verdict.instruments) == ("flute", 2, ("flute",))


def test_silence_is_other_and_needs_review() -> None:
    verdict = aggregate(windows([{"flute": 1.0}] * 2, [-np.inf, -90.0]), tiny_card())
    assert (verdict.dominant, verdict.confidence, verdict.needs_review) == (OTHER, 0.0, True)
    assert verdict.instruments == () and verdict.silent_windows == 2


def test_instruments_come_by_share_of_time_and_by_their_own_threshold() -> None:
    thresholds = {**dict.fromkeys(LABELS, 0.5), "violin": 0.2}
    present = [{"piano": 0.9, "violin": 0.3, "other": 0.9}, {"violin": 0.3}, {"organ": 0.4}]
    verdict = aggregate(windows([{"piano": 1.0}] * 3, [-20.0] * 3, present), tiny_card(present_thresholds=thresholds))
    assert verdict.instruments == ("violin", "piano")


def test_the_temperature_calibrates_and_never_changes_the_label() -> None:
    scores = windows([{"cello": 0.6, "piano": 0.4}], [-20.0])
    soft, plain, sharp = (aggregate(scores, tiny_card(file_temperature=t)) for t in (2.0, 1.0, 0.5))
    assert soft.confidence < plain.confidence < sharp.confidence
    assert sharp.confidence == pytest.approx(0.36 / (0.36 + 0.16))
    assert {verdict.dominant for verdict in (soft, plain, sharp)} == {"cello"}


def test_low_confidence_needs_review() -> None:
    scores = windows([{"cello": 0.6, "piano": 0.4}], [-20.0])
    assert aggregate(scores, tiny_card(review_threshold=0.61)).needs_review
    assert not aggregate(scores, tiny_card(review_threshold=0.59)).needs_review


@given(
    raw=hnp.arrays(
        np.float32, st.tuples(st.integers(1, 8), st.just(12)), elements=st.floats(0.0009765625, 1, width=32)
    ),
    data=st.data(),
)
def test_a_verdict_is_always_whole(raw: np.ndarray, data: st.DataObject) -> None:
    count = len(raw)
    level = np.array(data.draw(st.lists(st.floats(-120, 0) | st.just(-np.inf), min_size=count, max_size=count)))
    start = np.arange(count) * 3.0
    scores = WindowScores(start, start + 3.0, level, raw / raw.sum(axis=1, keepdims=True), raw)
    verdict = aggregate(scores, tiny_card())
    assert verdict.dominant in LABELS and OTHER not in verdict.instruments
    assert 0.0 <= verdict.confidence <= 1.0
    assert verdict.silent_windows == (level < SILENCE_FLOOR_DBFS).sum()
    if verdict.silent_windows < count:
        assert verdict.scores.sum() == pytest.approx(1.0, abs=1e-4)
        assert verdict.confidence == pytest.approx(verdict.scores.max(), abs=1e-6)
