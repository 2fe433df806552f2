from __future__ import annotations

import numpy as np
import pytest

from instag.labels import LABELS
from train.measure.evaluate import Outcome, multilabel, plain_card, score_recordings, summarise, verdicts, wilson


def index(*names: str) -> np.ndarray:
    return np.array([LABELS.index(name) for name in names])


def test_figures_are_those_of_a_hand_made_example() -> None:
    result = Outcome(
        truth=index("cello", "cello", "flute", "flute", "other", "other"),
        predicted=index("cello", "flute", "flute", "other", "other", "cello"),
        confidence=np.array([0.9, 0.4, 0.8, 0.3, 0.7, 0.9]),
        review=np.array([False, True, False, True, False, False]),
    )
    figures = summarise(result)
    assert figures["accuracy"] == 0.5 and figures["accuracy_eleven"] == 0.5 and figures["other_recall"] == 0.5
    assert figures["accuracy_kept"] == 0.75 and figures["review_share"] == pytest.approx(1 / 3)
    cello = figures["per_class"]["cello"]
    assert (cello["precision"], cello["recall"], cello["support"]) == (0.5, 0.5, 2)
    assert ["cello", "flute", 1] in figures["confusions"] and len(figures["confusions"]) == 3


def test_wilson_intervals_hold_the_share_and_stay_in_range() -> None:
    low, high = wilson(9, 10)
    assert low == pytest.approx(0.596, abs=0.005) and high == pytest.approx(0.982, abs=0.005)
    assert wilson(0, 10)[0] == 0.0 and wilson(10, 10)[1] == 1.0 and wilson(0, 0) == (0.0, 1.0)


def test_recordings_are_cut_and_judged_as_the_runtime_does() -> None:
    rate = 16000
    rng = np.random.default_rng(0)
    recordings = [rng.normal(0, 0.1, int(rate * seconds)).astype(np.float32) for seconds in (1.0, 7.0, 3.0)]
    recordings.append(np.zeros(rate * 4, np.float32))
    calls = []

    def score(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(audio))
        dominant = np.full((len(audio), 12), 0.1 / 11, np.float32)
        dominant[:, 2] = 0.9
        return dominant, dominant

    files = score_recordings(recordings, score, rate, 3.0)
    assert [len(file.level_dbfs) for file in files] == [1, 3, 1, 2] and sum(calls) == 7
    assert files[0].end_seconds[0] == pytest.approx(1.0) and files[1].end_seconds[-1] == pytest.approx(7.0)
    given = verdicts(files, plain_card())
    assert [one.dominant for one in given] == ["flute", "flute", "flute", "other"]
    assert given[3].needs_review and given[3].confidence == 0.0


def test_multilabel_scores_leave_other_out() -> None:
    truth = np.zeros((2, 12), bool)
    truth[0, 0] = truth[0, 1] = truth[1, 0] = truth[1, 11] = True
    scores = np.zeros((2, 12))
    scores[0, 0] = scores[1, 1] = 0.9
    figures = multilabel(scores, truth, np.full(12, 0.5))
    assert figures["micro_f1"] == pytest.approx(2 * 1 / (2 + 3))
    assert figures["f1"] == {"cello": pytest.approx(2 / 3), "clarinet": 0.0}
