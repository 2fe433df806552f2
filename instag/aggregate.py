"""From windows to the file: one pure rule, which training's evaluation calls too.

Its numbers are in the model's card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instag.labels import OTHER
from instag.model.card import FileRule, ModelCard
from instag.results import Silence, Verdict, WindowScores

# Whether an instrument plays is judged over this much of a recording: one window alone errs too often.
STRETCH_SECONDS = 15.0
# A label that leads has both scores, one that accompanies has presence alone: over a stretch their mean is lower than
# the presence in a window, and this share of its threshold says the same.
STRETCH_SCALE = 0.9
# From here on the mean of both scores speaks for a window by itself, whatever is around it.
SURE = 0.8
# A window is lent evidence by its neighbours, up to so many times its own: where next to nothing speaks for a label it
# does not play, however clearly it does a few seconds away.
MOST_LENT = 2.0


@dataclass(frozen=True)
class Votes:
    """How much each window of a file says.

    Attributes:
        silent: (windows,) bool, True where there is nothing to hear.
        seconds: (windows,) float64, heard seconds: those that no earlier window holds, 0 for silence and blank tape.
        weights: (windows,) float64, the votes; they sum to 1, or are all 0 where nothing is heard.
    """

    silent: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    weights: NDArray[np.float64]


def cast_votes(windows: WindowScores, rule: FileRule, other: int) -> Votes:
    """Decides which windows vote, and with what weight.

    Seconds count once: a window that overlaps the one before it has a vote for its new seconds only. Loud windows have
    more of a vote than quiet ones. Silent windows have none, and neither has blank tape: windows well below the file's
    loud level in which none of the instruments leads.

    Args:
        windows: Scores, times and levels, in the order of time.
        rule: The numbers of the rule.
        other: Index of the label `other`, or -1 where there is none.
    """
    level = windows.level_dbfs
    start, end = windows.start_seconds, windows.end_seconds
    new_seconds = np.maximum(end - np.maximum(start, np.concatenate([[-np.inf], end[:-1]])), 0.0)
    sounding = (level >= rule.silence_floor_dbfs) & (new_seconds > 0)
    if not sounding.any():
        nothing = np.zeros(level.shape, np.float64)
        return Votes(level < rule.silence_floor_dbfs, nothing, nothing)

    below_loud = _loud_level(level[sounding], new_seconds[sounding]) - level
    silent = (level < rule.silence_floor_dbfs) | (below_loud >= rule.silence_below_loud_db)
    blank = (below_loud >= rule.blank_below_loud_db) & (windows.scores.argmax(axis=1) == other)
    seconds = np.where(silent | blank, 0.0, new_seconds)
    weights = np.where(seconds > 0, seconds * 2.0 ** -(np.where(silent, 0.0, below_loud) / rule.half_vote_db), 0.0)
    return Votes(silent, seconds, weights / weights.sum())


def why_silent(windows: WindowScores, card: ModelCard) -> tuple[Silence, ...]:
    """For each window the reason why it has no vote in the verdict, or `Silence.NONE` where it has one.

    Args:
        windows: Scores, times and levels, in the order of time.
        card: The labels and the rule of the model that scored them.
    """
    votes = cast_votes(windows, card.file_rule, card.labels.index(OTHER) if OTHER in card.labels else -1)
    return tuple(
        Silence.NONE if weight > 0 else Silence.SILENT if is_silent else Silence.BLANK_TAPE
        for weight, is_silent in zip(votes.weights, votes.silent, strict=True)
    )


def evidence(windows: WindowScores, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much speaks for each label around each window, on the scale of the card's presence thresholds.

    That is the mean of presence and dominant score over the heard time within `STRETCH_SECONDS`, or in the window alone
    where that is sure. An instrument that plays goes on for a while and sometimes leads; what a model half takes for
    one in a single window does not. At the ends of a recording, the stretch is what there is of it. Never is it more
    than `MOST_LENT` times what speaks for the label in the window itself.

    Args:
        windows: Scores and times, in the order of time; at least one window.
        seconds: (windows,) heard seconds, as `cast_votes` gives them.

    Returns:
        (windows, labels) float64, 0 where nothing is heard nearby.
    """
    centre = (windows.start_seconds + windows.end_seconds) / 2
    longest = float((windows.end_seconds - windows.start_seconds).max())
    reach = max(0.0, STRETCH_SECONDS - longest) / 2 + 1e-6  # windows that end with the stretch belong to it
    mean = (windows.presences.astype(np.float64) + windows.scores) / 2
    labels = mean.shape[1]
    summed = np.cumsum(np.column_stack([mean * seconds[:, None], seconds]), axis=0)
    total = np.concatenate([np.zeros((1, labels + 1)), summed])
    stretch = total[np.searchsorted(centre, centre + reach)] - total[np.searchsorted(centre, centre - reach)]
    heard = stretch[:, -1:] > 1e-6
    around_it = np.where(heard, stretch[:, :-1] / np.where(heard, stretch[:, -1:], 1.0), 0.0).round(9) / STRETCH_SCALE
    found = np.maximum(around_it, np.where((mean >= SURE) & (seconds[:, None] > 0), mean, 0.0))
    return np.minimum(found, MOST_LENT * mean)


def heard_in(windows: WindowScores, seconds: NDArray[np.float64], card: ModelCard) -> NDArray[np.bool_]:
    """(windows, labels) bool: where each label counts as heard; shares of time and the list come from this.

    Args:
        windows: Scores and times, in the order of time; at least one window.
        seconds: (windows,) heard seconds, as `cast_votes` gives them.
        card: Labels and thresholds.
    """
    thresholds = np.array([card.present_thresholds[name] for name in card.labels])
    return evidence(windows, seconds) >= thresholds


def aggregate(windows: WindowScores, card: ModelCard) -> Verdict:
    """The opinion on a file, from its windows.

    `dominant` is the argmax of the windows' dominant scores, averaged by `cast_votes`; `confidence` is that average
    after the card's file temperature. `instruments` are the labels whose `evidence` is over their threshold for a real
    share of the heard time, which does not depend on the length of the file; most time first, ties in the labels'
    order.

    Args:
        windows: (windows, labels) scores, at least one window.
        card: Labels, thresholds, temperature and the numbers of the rule.

    Returns:
        The verdict. Where every window is silent it is `other` with confidence 0. That needs review, and so does a
        contradiction: `other` dominates, which means that no instrument is heard, and yet there is one.
    """
    other = card.labels.index(OTHER) if OTHER in card.labels else -1
    votes = cast_votes(windows, card.file_rule, other)
    silent_windows = int(votes.silent.sum())
    if not votes.weights.any():
        nothing = np.zeros(len(card.labels), np.float32)
        return Verdict(OTHER, 0.0, True, (), nothing, nothing, nothing, silent_windows)

    mean = votes.weights @ windows.scores.astype(np.float64)
    sharpened = np.maximum(mean, 1e-12) ** (1.0 / card.file_temperature)
    file_scores = sharpened / sharpened.sum()
    best = int(file_scores.argmax())

    time = votes.seconds / votes.seconds.sum()
    # Rounded, so that equal shares are equal in whatever order they were summed.
    shares = (time @ heard_in(windows, votes.seconds, card)).round(9)
    listed = [i for i in range(len(card.labels)) if i != other and shares[i] > 0]
    listed = [i for i in listed if shares[i] >= card.file_rule.least_share]
    listed.sort(key=lambda i: (-shares[i], i))
    confidence = float(file_scores[best])
    return Verdict(
        dominant=card.labels[best],
        confidence=confidence,
        needs_review=confidence < card.review_threshold or (best == other and bool(listed)),
        instruments=tuple(card.labels[i] for i in listed),
        scores=file_scores.astype(np.float32),
        presences=(time @ windows.presences.astype(np.float64)).astype(np.float32),
        shares=shares.astype(np.float32),
        silent_windows=silent_windows,
    )


def _loud_level(level_dbfs: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """The level of a file's loud windows: the mean of the levels, each second weighted by the square of its power.

    The square keeps an hour of hiss from outweighing nine seconds of music 25 dB above it.
    """
    power = 10.0 ** ((level_dbfs - level_dbfs.max()) / 10.0)
    return float(np.average(level_dbfs, weights=seconds * power**2))
