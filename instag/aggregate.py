"""From windows to the file: one pure rule, which training's evaluation calls too."""

from __future__ import annotations

import numpy as np

from instag.constants import SILENCE_FLOOR_DBFS
from instag.labels import OTHER
from instag.model.card import ModelCard
from instag.results import Verdict, WindowScores

# Of two windows 20 dB apart the louder has twice the vote of the other: loud passages say more, and quiet ones are not
# lost.
_VOTE_PER_DB = 0.5 / 10


def vote_weights(level_dbfs: np.ndarray) -> np.ndarray:
    """How much each window counts.

    Args:
        level_dbfs: (windows,) RMS levels in dBFS; -inf for digital silence.

    Returns:
        (windows,) float64, 0 for silent windows, else sums to 1. All zero where all are silent.
    """
    heard = level_dbfs >= SILENCE_FLOOR_DBFS
    weights = np.zeros(level_dbfs.shape, np.float64)
    if heard.any():
        weights[heard] = 2.0 ** ((level_dbfs[heard] - level_dbfs[heard].max()) * _VOTE_PER_DB)
        weights /= weights.sum()
    return weights


def aggregate(scores: WindowScores, card: ModelCard) -> Verdict:
    """The opinion on a file, from its windows.

    `dominant` is the argmax of the energy-aware mean of the windows' dominant scores; `confidence` is that mean after
    the card's file-level temperature. `instruments` are the labels whose presence is over their threshold in some heard
    window, most share of heard time first (ties in the labels' order).

    Args:
        scores: (windows, labels) scores, at least one window.
        card: Labels, thresholds and temperature.

    Returns:
        The verdict. Where every window is silent it is `other` with confidence 0, and needs review.
    """
    weights = vote_weights(scores.level_dbfs)
    heard = weights > 0
    silent_windows = int((~heard).sum())
    if not heard.any():
        nothing = np.zeros(len(card.labels), np.float32)
        return Verdict(OTHER, 0.0, True, (), nothing, nothing, nothing, silent_windows)

    mean = weights @ scores.scores.astype(np.float64)
    sharpened = np.maximum(mean, 1e-12) ** (1.0 / card.file_temperature)
    file_scores = sharpened / sharpened.sum()
    best = int(file_scores.argmax())

    thresholds = np.array([card.present_thresholds[name] for name in card.labels])
    seconds = (scores.end_seconds - scores.start_seconds)[heard]
    present = scores.presences[heard]
    share = seconds @ (present >= thresholds)
    order = sorted((i for i in range(len(card.labels)) if share[i] > 0), key=lambda i: (-share[i], i))
    confidence = float(file_scores[best])
    return Verdict(
        dominant=card.labels[best],
        confidence=confidence,
        needs_review=confidence < card.review_threshold,
        instruments=tuple(card.labels[i] for i in order if card.labels[i] != OTHER),
        scores=file_scores.astype(np.float32),
        presences=present.max(axis=0).astype(np.float32),
        shares=(share / seconds.sum()).astype(np.float32),
        silent_windows=silent_windows,
    )
