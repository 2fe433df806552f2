"""How a peer's classes become labels, and what is chosen on which recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import AUDIOSET, Mapped, Tagged, choose, mappings, measure
from instag.labels import IRMAS_11, OTHER_INDEX
from train.measure.real import RealFile

PIANO, VOICE = IRMAS_11.index("piano"), IRMAS_11.index("voice")


def real(label: str) -> RealFile:
    return RealFile(Path("a.wav"), label, (label,), "here", "phrase", "g", "choose")


def mapped(*tops: tuple[int, float]) -> Mapped:
    strengths = np.zeros((len(tops), len(IRMAS_11)))
    for row, (at, value) in enumerate(tops):
        strengths[row, at] = value
    return Mapped(strengths)


def test_the_strongest_class_that_means_a_label_counts_and_windows_have_their_votes() -> None:
    names = ("Singing", "Choir", "Piano", "Dog")
    probabilities = np.array([[0.2, 0.6, 0.1, 0.9], [0.2, 0.2, 0.5, 0.9]], np.float32)
    ways = mappings(Tagged(names, (probabilities,), (np.array([0.75, 0.25]),)), AUDIOSET)
    assert len(ways) == 4
    plain, strongest = ways["plain class, probability"].strengths, ways["strongest class, probability"].strengths
    assert plain[0, VOICE] == pytest.approx(0.2) and strongest[0, VOICE] == pytest.approx(0.75 * 0.6 + 0.25 * 0.2)
    assert plain[0, PIANO] == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)
    assert plain[0, IRMAS_11.index("cello")] < 1e-5, "no class, no strength"
    odds = ways["plain class, log odds"].strengths
    assert odds[0, VOICE] == pytest.approx(0.2) and odds[0].argmin() != VOICE


def test_the_threshold_for_other_is_the_fairest_and_not_the_one_that_names_everything() -> None:
    files = [real("piano"), real("voice"), real("other"), real("other")]
    good = mapped((PIANO, 0.9), (VOICE, 0.8), (PIANO, 0.3), (PIANO, 0.2))
    bad = mapped((VOICE, 0.9), (VOICE, 0.8), (PIANO, 0.3), (PIANO, 0.2))
    way, threshold, present = choose({"bad": bad, "good": good}, files)
    assert way == "good" and 0.3 < threshold <= 0.8 and 0.3 < present <= 0.8
    assert list(good.said(threshold)) == [PIANO, VOICE, OTHER_INDEX, OTHER_INDEX]
    figures = measure(good, files, threshold, present)
    assert figures["right"] == figures["other_kept"] == figures["presence_micro_f1"] == 1.0
    assert measure(good, files, 0.0, present)["other_kept"] == 0.0
    assert measure(good, files, 0.85, present)["lost_to_other"] == 0.5
