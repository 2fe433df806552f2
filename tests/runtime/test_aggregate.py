"""The rule from windows to the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instag.aggregate import aggregate, cast_votes
from instag.labels import LABELS, OTHER, OTHER_INDEX
from instag.model.card import FileRule
from instag.results import WindowScores
from tests.support.tinymodel import tiny_card


def windows(dominant: list[dict[str, float]], level: list[float], present: list[dict[str, float]] | None = None):
    def matrix(rows: list[dict[str, float]]) -> np.ndarray:
        return np.array([[row.get(label, 0.0) for label in LABELS] for row in rows], np.float32)

    start = np.arange(len(dominant)) * 3.0
    return WindowScores(start, start + 3.0, np.array(level, float), matrix(dominant), matrix(present or dominant))


RULE = FileRule()


def test_the_louder_windows_say_more() -> None:
    step = RULE.half_vote_db
    scores = windows([{"cello": 0.6, "piano": 0.4}, {"cello": 0.3, "piano": 0.7}], [-10.0, -10.0 - step])
    assert cast_votes(scores, RULE, OTHER_INDEX).weights == pytest.approx([2 / 3, 1 / 3])
    verdict = aggregate(scores, tiny_card())
    assert verdict.dominant == "cello"
    assert verdict.confidence == pytest.approx((2 * 0.6 + 0.3) / 3)


def test_silent_windows_do_not_vote() -> None:
    floor = RULE.silence_floor_dbfs
    scores = windows([{"flute": 1.0}, {"organ": 1.0}, {"organ": 1.0}], [-20.0, floor - 1, -np.inf])
    verdict = aggregate(scores, tiny_card())
    assert (verdict.dominant, verdict.silent_windows, verdict.instruments) == ("flute", 2, ("flute",))


def test_silence_is_other_and_needs_review() -> None:
    verdict = aggregate(windows([{"flute": 1.0}] * 2, [-np.inf, -95.0]), tiny_card())
    assert (verdict.dominant, verdict.confidence, verdict.needs_review) == (OTHER, 0.0, True)
    assert verdict.instruments == () and verdict.silent_windows == 2


def test_blank_tape_has_no_vote_and_a_quiet_instrument_has() -> None:
    quiet = -20.0 - RULE.blank_below_loud_db - 1
    blank = windows([{"piano": 0.9, "other": 0.1}] + [{"other": 1.0}] * 100, [-20.0] + [quiet] * 100)
    verdict = aggregate(blank, tiny_card())
    assert (verdict.dominant, verdict.instruments, verdict.silent_windows) == ("piano", ("piano",), 0)
    assert verdict.shares[LABELS.index("piano")] == 1.0
    solo = windows([{"piano": 1.0}] + [{"flute": 1.0}] * 100, [-20.0] + [quiet] * 100)
    assert aggregate(solo, tiny_card()).dominant == "flute"


def test_seconds_that_windows_share_count_once() -> None:
    """Case 34: the last window of the relay overlaps the one before it by 2.2 of its 3 seconds."""
    scores = windows([{"flute": 1.0}, {"cello": 1.0}, {"piano": 1.0}], [-20.0] * 3)
    scores.start_seconds[2] -= 2.2
    scores.end_seconds[2] -= 2.2
    assert cast_votes(scores, RULE, OTHER_INDEX).seconds == pytest.approx([3.0, 3.0, 0.8])
    verdict = aggregate(scores, tiny_card())
    assert verdict.scores[[LABELS.index(name) for name in ("flute", "cello", "piano")]] == pytest.approx(
        np.array([3.0, 3.0, 0.8]) / 6.8, abs=1e-5
    )


def test_overlapping_windows_give_the_verdict_of_the_same_seconds() -> None:
    labels = [{"flute": 1.0}] * 4 + [{"organ": 1.0}] * 2
    plain = aggregate(windows(labels, [-20.0] * 6), tiny_card())
    twice = windows([label for label in labels for _ in range(2)], [-20.0] * 12)
    starts = np.array([0.0, 0.0, 3.0, 3.0, 6.0, 6.0, 9.0, 9.0, 12.0, 12.0, 15.0, 15.0])
    overlapping = WindowScores(starts, starts + 3.0, twice.level_dbfs, twice.scores, twice.presences)
    assert aggregate(overlapping, tiny_card()).shares == pytest.approx(plain.shares)


def test_instruments_come_by_share_of_time_and_by_their_own_threshold() -> None:
    thresholds = {**dict.fromkeys(LABELS, 0.5), "violin": 0.2}
    dominant = [{"piano": 0.8, "violin": 0.2}] * 12 + [{"organ": 1.0}] * 8
    present = [{"piano": 0.9, "violin": 0.3, "other": 0.9}] * 12 + [{"organ": 0.4}] * 8
    verdict = aggregate(windows(dominant, [-20.0] * 20, present), tiny_card(present_thresholds=thresholds))
    assert verdict.instruments == ("piano", "violin", "organ")
    # Where one instrument takes over from another, the 15 s around a window hold some of both.
    assert verdict.shares[[LABELS.index(name) for name in verdict.instruments]] == pytest.approx([0.6, 0.55, 0.35])
    assert verdict.presences[LABELS.index("piano")] == pytest.approx(0.9 * 12 / 20)


@pytest.mark.parametrize("windows_in_file", [20, 200, 1200])
def test_what_one_window_takes_for_an_instrument_is_none_and_a_tenth_of_the_time_is(windows_in_file: int) -> None:
    """Case 05: the list must not grow with the length of the file."""
    few = windows_in_file // 10
    dominant = [{"flute": 0.9, "organ": 0.1}] * few + [{"organ": 1.0}] * (windows_in_file - few)
    present = [{"flute": 0.9}] * few + [{"organ": 0.9} for _ in range(windows_in_file - few)]
    for one in present[few + 1 :: 6]:
        one["violin"] = 0.99
    verdict = aggregate(windows(dominant, [-20.0] * windows_in_file, present), tiny_card())
    assert verdict.instruments == ("organ", "flute")


def test_an_instrument_that_only_accompanies_is_heard_where_it_goes_on() -> None:
    present = [{"voice": 0.95, "acoustic_guitar": 0.95}] * 5 + [{"voice": 0.95}] * 15
    verdict = aggregate(windows([{"voice": 1.0}] * 20, [-20.0] * 20, present), tiny_card())
    assert verdict.instruments == ("voice", "acoustic_guitar")
    assert verdict.shares[LABELS.index("acoustic_guitar")] == pytest.approx(3 / 20)


@given(
    label=st.sampled_from(LABELS),
    heard=st.lists(st.integers(0, 3), min_size=5, max_size=20),
    times=st.integers(2, 60),
)
def test_a_recording_after_itself_has_the_same_verdict(label: str, heard: list[int], times: int) -> None:
    rows = [{LABELS[one]: 0.7, label: 0.8} for one in heard]
    once = aggregate(windows(rows, [-20.0 - one for one in heard]), tiny_card())
    many = aggregate(windows(rows * times, [-20.0 - one for one in heard] * times), tiny_card())
    assert many.dominant == once.dominant
    assert many.confidence == pytest.approx(once.confidence)


@given(levels=st.lists(st.floats(-40, 0), min_size=1, max_size=12), down=st.floats(0, 50))
def test_turning_a_file_down_changes_nothing(levels: list[float], down: float) -> None:
    rows = [{LABELS[index % 12]: 0.9} for index in range(len(levels))]
    loud = aggregate(windows(rows, levels), tiny_card())
    quiet = aggregate(windows(rows, [level - down for level in levels]), tiny_card())
    assert quiet.scores == pytest.approx(loud.scores, abs=1e-6)
    assert quiet.shares == pytest.approx(loud.shares, abs=1e-6)


def test_other_that_comes_with_an_instrument_needs_review() -> None:
    present = [{"acoustic_guitar": 0.95, "other": 0.95}]
    verdict = aggregate(windows([{"other": 1.0}], [-20.0], present), tiny_card())
    assert (verdict.dominant, verdict.instruments, verdict.needs_review) == (OTHER, ("acoustic_guitar",), True)
    assert not aggregate(windows([{"other": 1.0}], [-20.0]), tiny_card()).needs_review


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
    assert verdict.silent_windows >= (level < RULE.silence_floor_dbfs).sum()
    assert (verdict.silent_windows == count) == bool((level < RULE.silence_floor_dbfs).all())
    if verdict.silent_windows < count:
        assert verdict.scores.sum() == pytest.approx(1.0, abs=1e-4)
        assert verdict.confidence == pytest.approx(verdict.scores.max(), abs=1e-6)


def test_who_plays_one_after_the_other_has_the_share_of_their_own_time() -> None:
    """A low threshold is reached by what plays nearby; the windows in which a player is silent are not theirs."""
    order = ("flute", "cello", "trumpet", "piano")
    card = replace(tiny_card(), present_thresholds=dict.fromkeys(LABELS, 0.2))
    verdict = aggregate(windows([{name: 1.0} for name in order], [-20.0] * 4), card)
    assert set(verdict.instruments) == set(order)
    assert [verdict.shares[LABELS.index(name)] for name in order] == [0.25] * 4
