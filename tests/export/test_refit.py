"""Thresholds fitted through the runtime's rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.refit import (
    MOST_REVIEW,
    Recording,
    presence_reached,
    presence_threshold,
    reference_of,
    refit,
    review_threshold,
    score_recordings,
)
from instag.aggregate import aggregate
from instag.labels import LABELS, OTHER
from instag.model.card import FileRule
from instag.model.session import Device, open_model
from instag.results import WindowScores
from tests.support import synth
from tests.support.tinymodel import SAMPLE_RATE, frequency_of, tiny_card, write_tiny_model
from train.errors import TrainingError


def recording(truth: str, presence: float, sure: float = 0.9, others: float = 0.1, windows: int = 4) -> Recording:
    """One label all the time, with a presence and a dominant score."""
    at = LABELS.index(truth)
    scores = np.full((windows, 12), (1 - sure) / 11, np.float32)
    presences = np.full((windows, 12), others, np.float32)
    scores[:, at], presences[:, at] = sure, presence
    start = np.arange(windows) * 3.0
    return Recording(truth, (truth,), WindowScores(start, start + 3.0, np.full(windows, -20.0), scores, presences))


def test_the_threshold_stands_between_what_is_heard_and_what_is_not() -> None:
    some = [recording("piano", 0.6, others=0.3), recording("organ", 0.7, others=0.3), recording(OTHER, 0.9)]
    changes, figures = refit(some, tiny_card())
    assert 0.3 < figures["presence_threshold"] <= 0.6
    assert figures["presence_micro_f1"] == 1.0 and figures["false_labels"] == 0.0
    assert set(changes["present_thresholds"].values()) == {figures["presence_threshold"]}


def test_confidence_becomes_as_high_as_the_share_of_right_files() -> None:
    wrong = replace(recording("violin", 0.6), label="cello", labels=("cello",))
    some = [recording("piano", 0.6)] * 6 + [wrong] * 4
    changes, figures = refit(some, tiny_card())
    assert changes["file_temperature"] > 1.0  # 0.9 was too sure of 6 in 10
    assert figures["accuracy"] == 0.6
    verdict = aggregate(some[0].windows, tiny_card(file_temperature=changes["file_temperature"]))
    assert verdict.confidence == pytest.approx(0.6, abs=0.05)


@given(
    levels=st.lists(st.lists(st.floats(0, 1), min_size=12, max_size=12), min_size=1, max_size=20),
    threshold=st.floats(0.01, 1),
    least_share=st.floats(0, 1),
)
def test_a_label_is_listed_where_it_reaches_the_threshold(
    levels: list[list[float]], threshold: float, least_share: float
) -> None:
    card = tiny_card(
        file_rule=FileRule(least_share=least_share),
        present_thresholds=dict.fromkeys(LABELS, float(np.float32(threshold))),
    )
    start = np.arange(len(levels)) * 3.0
    scores = np.eye(12, dtype=np.float32)[[0] * len(levels)]
    windows = WindowScores(start, start + 3.0, np.full(len(levels), -20.0), scores, np.array(levels, np.float32))
    reached = presence_reached(windows, card) >= float(np.float32(threshold))
    listed = {LABELS[i] for i in np.flatnonzero(reached)} - {OTHER}
    assert set(aggregate(windows, card).instruments) == listed


def test_review_takes_as_little_as_it_can_and_never_too_much() -> None:
    confidence = np.linspace(0.005, 0.995, 100)
    assert review_threshold(confidence, np.ones(100, bool)) == 0.0
    assert review_threshold(confidence, confidence > 0.2) == pytest.approx(0.12, abs=0.01)
    assert (confidence < review_threshold(confidence, np.zeros(100, bool))).mean() == pytest.approx(MOST_REVIEW)


def test_recordings_come_from_a_manifest_and_one_part_of_it(tmp_path: Path) -> None:
    model = open_model(write_tiny_model(tmp_path / "tiny.onnx"), Device.CPU)
    synth.write(tmp_path / "a.wav", synth.tone(frequency_of("organ"), 3.0, SAMPLE_RATE)[:, None], SAMPLE_RATE)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label,labels,part\na.wav,organ,organ;piano,choose\nabsent.wav,,,report\n")
    (one,) = score_recordings(model, manifest, "choose")
    assert (one.label, one.labels, len(one.windows.level_dbfs)) == ("organ", ("organ", "piano"), 3)
    with pytest.raises(TrainingError, match="part=none"):
        score_recordings(model, manifest, "none")
    with pytest.raises(TrainingError, match=r"absent\.csv"):
        score_recordings(model, tmp_path / "absent.csv", "choose")


def test_the_reference_counts_what_is_heard_and_leaves_silence_out() -> None:
    quiet = recording("piano", 0.9)
    silent = replace(quiet, windows=replace(quiet.windows, level_dbfs=np.full(4, -120.0)))
    some = [recording("piano", 0.9), recording("organ", 0.9), silent]
    made = reference_of(some, tiny_card(), "a test")
    assert made["recordings"] == 2 and made["labels"]["piano"] == made["labels"]["organ"] == 0.5
    assert sum(made["histograms"]["score_piano"]) == 2


def test_lists_hold_few_wrong_labels_before_they_hold_many_right_ones() -> None:
    # One duet is heard at 0.3; in ten recordings without an instrument five labels reach 0.4.
    reached, truth = np.zeros((11, 11)), np.zeros((11, 11), bool)
    truth[0, :2], reached[0, :2] = True, (0.9, 0.3)
    reached[1:6, 3] = 0.4
    plays = np.arange(11) == 0
    assert presence_threshold(reached, truth, plays) > 0.4
    # Three in eleven are few enough.
    reached[4:6, 3] = 0.0
    assert presence_threshold(reached, truth, plays) <= 0.3
