"""Thresholds and temperature of an exported file, fitted on real recordings through the runtime's own rule."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instag.aggregate import aggregate, cast_votes, evidence
from instag.analyse import Analyser, AnalysisSettings
from instag.labels import LABELS, OTHER, OTHER_INDEX
from instag.model.card import ModelCard
from instag.model.session import Model
from instag.results import WindowScores
from train.errors import TrainingError
from train.measure.calibration import best_threshold, expected_calibration_error
from train.measure.reference import make_reference

BATCH = 16
# A person can be asked for this share of the files; among the rest, so many shall be right.
MOST_REVIEW = 0.40
RIGHT_AMONG_KEPT = 0.90
# Of the lists of instruments, no more labels than this are wrong per recording.
MOST_FALSE_LABELS = 0.3
_PRESENCE_THRESHOLDS = np.round(np.arange(0.01, 1.02, 0.01), 2)
_TEMPERATURES = np.round(np.arange(0.4, 2.55, 0.05), 2)


@dataclass(frozen=True)
class Recording:
    """A recording of known instruments, with what the model says of its windows.

    Attributes:
        label: The dominant label, or "" where nobody knows.
        labels: Every label that is heard, or () where only the dominant one is known.
        windows: The window scores.
    """

    label: str
    labels: tuple[str, ...]
    windows: WindowScores


def score_recordings(model: Model, manifest: Path, part: str) -> list[Recording]:
    """Scores the recordings of one part of a manifest (CSV with path, label, labels and part).

    Raises:
        TrainingError: The manifest cannot be read, or has no such part.
        FileError: One of the recordings cannot be analysed.
    """
    analyser = Analyser(model, AnalysisSettings(batch_size=BATCH))
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["part"] == part]
    except (OSError, KeyError) as error:
        raise TrainingError(f"{manifest}: the manifest cannot be read ({error}).") from error
    if not rows:
        raise TrainingError(f"{manifest}: no recording has part={part}.")
    return [
        Recording(
            row["label"],
            tuple(name for name in row["labels"].split(";") if name),
            analyser.analyse(manifest.parent / row["path"]).windows,
        )
        for row in rows
    ]


def refit(recordings: Sequence[Recording], card: ModelCard) -> tuple[dict[str, Any], dict[str, float]]:
    """Fits one presence threshold for all labels, the file temperature and the review threshold.

    The presence threshold is the one with the highest micro F1 of the lists of instruments, over recordings of which
    every label is known and one at least is an instrument, among the thresholds that give at most `MOST_FALSE_LABELS`
    wrong labels a recording where those with none of the instruments count too. With the temperature, confidence is on
    average as high as the share of right files. Below the review threshold are as few files as leave
    `RIGHT_AMONG_KEPT` right among the others, and at most `MOST_REVIEW`.

    Returns:
        The fields of the card that change (for `restamp`, which also needs a version), and the figures on these
        recordings: counts, micro F1, false labels per file, accuracy, calibration error, review share.
    """
    known = [one for one in recordings if one.labels]
    plays = np.array([one.labels != (OTHER,) for one in known], bool)
    if not plays.any() or not any(one.label for one in recordings):
        raise TrainingError("Thresholds need recordings whose labels are all known, and some with a dominant label.")
    truth = np.array([[name in one.labels for name in LABELS[:OTHER_INDEX]] for one in known])
    reached = np.array([presence_reached(one.windows, card)[:OTHER_INDEX] for one in known])
    threshold = presence_threshold(reached, truth, plays)
    card = replace(card, present_thresholds=dict.fromkeys(LABELS, threshold), review_threshold=0.0)

    labelled = [one for one in recordings if one.label]

    def judged(temperature: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        verdicts = [aggregate(one.windows, replace(card, file_temperature=temperature)) for one in labelled]
        right = [verdict.dominant == one.label for verdict, one in zip(verdicts, labelled, strict=True)]
        return np.array([verdict.confidence for verdict in verdicts]), np.array(right)

    def gap(temperature: float) -> float:
        confidence, right = judged(temperature)
        return abs(float(confidence.mean() - right.mean()))

    temperature = float(min(_TEMPERATURES, key=gap))
    confidence, right = judged(temperature)
    review = review_threshold(confidence, right)
    kept = confidence >= review
    listed, there = reached[plays] >= threshold, truth[plays]
    changes = {
        "present_thresholds": card.present_thresholds,
        "file_temperature": temperature,
        "review_threshold": review,
    }
    return changes, {
        "recordings": len(labelled),
        "accuracy": float(right.mean()),
        "calibration_error": expected_calibration_error(confidence, right),
        "review_share": float(1 - kept.mean()),
        "accuracy_kept": float(right[kept].mean()),
        "recordings_known": len(known),
        "presence_threshold": threshold,
        "presence_micro_f1": float(2 * (listed & there).sum() / (listed.sum() + there.sum())),
        "false_labels": float(((reached >= threshold) & ~truth).sum(axis=1).mean()),
    }


def presence_threshold(reached: NDArray[np.float64], truth: NDArray[np.bool_], plays: NDArray[np.bool_]) -> float:
    """The threshold of the lists of instruments; see `refit`.

    Args:
        reached: (recordings, 11) what `presence_reached` says.
        truth: (recordings, 11) whether the label is heard.
        plays: (recordings,) whether any of the eleven is.
    """
    least = next(
        threshold
        for threshold in _PRESENCE_THRESHOLDS
        if ((reached >= threshold) & ~truth).sum() <= MOST_FALSE_LABELS * len(reached)
    )
    best = best_threshold(reached[plays].ravel(), truth[plays].ravel())
    if best >= least:
        return round(best, 2)

    def micro_f1(threshold: float) -> float:
        listed = reached[plays] >= threshold
        return float((listed & truth[plays]).sum() / (listed.sum() + truth[plays].sum()))

    return float(max(_PRESENCE_THRESHOLDS[least <= _PRESENCE_THRESHOLDS], key=micro_f1))


def reference_of(recordings: Sequence[Recording], card: ModelCard, source: str) -> dict[str, Any]:
    """The card's field `reference`: what the model with this card says of the recordings, whatever is known of them."""
    verdicts = [aggregate(one.windows, card) for one in recordings]
    # A silent file has no scores; it says nothing about a collection of sound.
    heard = [verdict for verdict in verdicts if verdict.scores.any()]
    return make_reference(
        [verdict.dominant for verdict in heard],
        np.array([verdict.confidence for verdict in heard]),
        np.stack([verdict.scores for verdict in heard]),
        source,
    )


def presence_reached(windows: WindowScores, card: ModelCard) -> NDArray[np.float64]:
    """(labels,) the evidence that a label reaches for the rule's least share of the heard time; 0 in silence.

    A label is listed exactly where this is at or over its threshold.
    """
    seconds = cast_votes(windows, card.file_rule, OTHER_INDEX).seconds
    if not seconds.any():
        return np.zeros(windows.presences.shape[1])
    reached = evidence(windows, seconds)
    order = np.argsort(-reached, axis=0, kind="stable")
    share = (np.cumsum(seconds[order], axis=0) / seconds.sum()).round(9)
    first = np.argmax(share >= max(card.file_rule.least_share, 1e-9), axis=0)
    return np.take_along_axis(reached, order, axis=0)[first, np.arange(len(first))]


def review_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The lowest confidence, in steps of 0.01, from which enough files are right or too many would be left out."""
    steps = np.round(np.arange(0.0, 1.0, 0.01), 2)
    allowed = [step for step in steps if (confidence < step).mean() <= MOST_REVIEW]
    enough = [step for step in allowed if right[confidence >= step].mean() >= RIGHT_AMONG_KEPT]
    return float(min(enough, default=allowed[-1]))
