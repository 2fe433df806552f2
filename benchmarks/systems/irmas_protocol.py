"""The published protocol of IRMAS's test part (Bosch et al., 2012): micro and macro F1 at one threshold, and LRAP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score, label_ranking_average_precision_score

from instag.labels import IRMAS_11
from train.corpus.manifest import Clip


def truth_matrix(clips: Sequence[Clip]) -> np.ndarray:
    """(clips, 11) bool: which of the eleven are annotated."""
    return np.array([[name in (clip.labels or (clip.label,)) for name in IRMAS_11] for clip in clips])


def choose_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold with the best micro F1; call it with training recordings only.

    Args:
        scores: (files, 11), a file's window scores averaged.
        truth: (files, 11) bool.
    """
    grid = np.linspace(0.01, 0.99, 99)
    return float(grid[int(np.argmax([f1_score(truth, scores >= value, average="micro") for value in grid]))])


@dataclass(frozen=True)
class MultiLabelFigures:
    """How well several labels per file were found.

    Attributes:
        micro_f1: F1 over all decisions.
        macro_f1: Mean of the labels' F1.
        lrap: Label ranking average precision, which needs no threshold.
        threshold: From which score a label counted as found.
        files: How many files were scored.
    """

    micro_f1: float
    macro_f1: float
    lrap: float
    threshold: float
    files: int


def score_testing(scores: np.ndarray, truth: np.ndarray, threshold: float) -> MultiLabelFigures:
    """The published protocol's figures.

    Args:
        scores: (files, 11), a file's window scores averaged.
        truth: (files, 11) bool.
        threshold: As chosen on training recordings.
    """
    found = scores >= threshold
    return MultiLabelFigures(
        micro_f1=float(f1_score(truth, found, average="micro", zero_division=0)),
        macro_f1=float(f1_score(truth, found, average="macro", zero_division=0)),
        lrap=float(label_ranking_average_precision_score(truth, scores)),
        threshold=threshold,
        files=len(truth),
    )
