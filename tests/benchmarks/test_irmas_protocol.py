"""The figures of IRMAS's test part."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.systems.irmas_protocol import choose_threshold, score_testing, truth_matrix
from instag.labels import IRMAS_11
from train.corpus.manifest import Clip


def test_truth_holds_every_label_that_is_annotated():
    one = Clip(Path("a.wav"), "flute", "", "irmas", "clip/mix", "a", "train", 3.0, "")
    several = Clip(Path("b.wav"), "voice", "", "irmas", "clip/mix", "b", "dev", 3.0, "", ("voice", "piano"))
    truth = truth_matrix([one, several])
    assert truth.shape == (2, 11)
    assert [[IRMAS_11[i] for i in np.flatnonzero(row)] for row in truth] == [["flute"], ["piano", "voice"]]


def test_multi_label_figures_are_those_of_the_definition():
    truth = np.zeros((3, 11), bool)
    truth[[0, 0, 1, 2], [0, 1, 2, 3]] = True
    scores = np.full((3, 11), 0.1)
    scores[[0, 1, 2], [0, 2, 4]] = 0.9  # two right, one wrong, two missed
    figures = score_testing(scores, truth, 0.5)
    assert figures.micro_f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert figures.macro_f1 == pytest.approx(2 / 11)
    # Ranks of the true labels: 1 and tied 11th; 1; tied 11th.
    assert figures.lrap == pytest.approx(np.mean([(1 + 2 / 11) / 2, 1.0, 1 / 11]))


def test_threshold_is_the_best_for_micro_f1():
    rng = np.random.default_rng(0)
    truth = rng.random((200, 11)) < 0.2
    scores = np.clip(0.3 * truth + rng.normal(0.2, 0.05, truth.shape), 0, 1)
    assert 0.28 < choose_threshold(scores, truth) < 0.42
