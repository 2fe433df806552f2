"""Calibration and thresholds, from what the networks of the folds say of sources that they never heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from instag.labels import LABELS, OTHER_INDEX
from instag.model.card import ModelCard
from instag.results import Verdict
from train.measure.calibration import (
    SHARED_FILES,
    SHARED_WINDOWS,
    Calibration,
    fit_presence,
    fit_temperature,
    presence_thresholds,
)
from train.measure.evaluate import multilabel, outcome, plain_card, summarise, verdicts
from train.models.heads import FactorisedHead
from train.recipe.judge import HeldSet, file_scores


@dataclass(frozen=True)
class CalibrationSettings:
    """The rules that set thresholds and temperatures.

    Attributes:
        shift_range: Lowest and highest shift that is tried.
        shift_steps: How many shifts, evenly spread.
        lost_under_bands: In no fold may more than this share of the instruments under drums or bass that are up to 6 dB
            louder come out as `other`. A song that is taken for `other` is lost to an archive's index; an
            oboe taken for a clarinet is reviewed.
        kept_accuracy: So many recordings are set aside for review that the rest is right this often.
        review_share: At most this share of recordings of left-out sources is set aside.
        presence_sets: Held-out sets that presence is calibrated and its thresholds are set on.
        window_sets: Sets that the windows' temperature is fitted on.
        file_sets: Sets that the files' temperature is fitted on; their files have several windows.
        most_other: At most this share of the recordings that temperatures are fitted on is `other`, as of the mixtures.
        most_per_set: At most this many files or windows of one set count, so that none outweighs the others.
        file_temperature_range: Lowest and highest file temperature that is tried.
        file_temperature_steps: How many, evenly spread.
        shared_windows: For presence, all labels together count for each label as much as this many of its own windows.
        shared_files: The same for its threshold, in files.
    """

    shift_range: tuple[float, float] = (-4.0, 4.0)
    shift_steps: int = 81
    lost_under_bands: float = 0.08
    kept_accuracy: float = 0.97
    review_share: float = 0.45
    presence_sets: tuple[str, ...] = ("recordings", "mixtures", "pieces", "bands", "others")
    window_sets: tuple[str, ...] = ("recordings", "songs", "mixtures")
    file_sets: tuple[str, ...] = ("recordings", "songs", "pieces")
    most_other: float = 0.2
    most_per_set: int = 400
    file_temperature_range: tuple[float, float] = (0.5, 1.5)
    file_temperature_steps: int = 41
    shared_windows: float = SHARED_WINDOWS
    shared_files: float = SHARED_FILES


@dataclass(frozen=True)
class FoldScores:
    """Held-out sets and a network's logits for their windows.

    Attributes:
        sets: Held-out sets by name.
        dominant: For each, (windows, 12) log-probabilities.
        present: For each, (windows, 12) logits.
    """

    sets: Mapping[str, HeldSet]
    dominant: Mapping[str, NDArray[np.float32]]
    present: Mapping[str, NDArray[np.float32]]


def score_sets(head: FactorisedHead, sets: Mapping[str, HeldSet], features: Mapping[str, Tensor]) -> FoldScores:
    """What a head says of held-out sets, given their (windows, patches, embedding)."""
    dominant, present = {}, {}
    with torch.no_grad():
        for name in sets:
            dominant[name], present[name] = (output.numpy() for output in head(features[name]))
    return FoldScores(sets, dominant, present)


def shift_heard(dominant: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    """The factorised log-probabilities with `shift` added to the logit of "one of the eleven is heard"."""
    other = dominant[:, OTHER_INDEX:].astype(np.float64)
    not_other = np.log(-np.expm1(np.minimum(other, -1e-12)))
    heard = not_other - other + shift
    shifted = dominant[:, :OTHER_INDEX] - not_other - np.logaddexp(0.0, -heard)
    return np.concatenate([shifted, -np.logaddexp(0.0, heard)], axis=1).astype(np.float32)


def calibrate_folds(folds: Mapping[str, FoldScores], rules: CalibrationSettings) -> tuple[Calibration, float]:
    """Fits everything: the shift, then presence, then temperatures and the review threshold of the shifted network.

    Returns:
        The calibration, and what is to be added to the head's `shift`.
    """
    shift = _best_shift(folds, rules)
    scales, biases = _presence(folds, rules)
    thresholds = _thresholds(folds, Calibration(present_scale=scales, present_bias=biases), rules)
    folds = {name: _thinned(fold, rules) for name, fold in folds.items()}
    logits, targets = [], []
    for fold in folds.values():
        for name in rules.window_sets:
            if name in fold.sets:
                chosen = _evenly(len(fold.dominant[name]), rules.most_per_set)
                logits.append(shift_heard(fold.dominant[name][chosen], shift))
                targets.append(np.repeat(fold.sets[name].truth, fold.sets[name].counts)[chosen])
    temperature = fit_temperature(np.concatenate(logits), np.concatenate(targets))
    calibration = Calibration(temperature, scales, biases, present_thresholds=thresholds)
    calibration = replace(calibration, file_temperature=_file_temperature(folds, calibration, shift, rules))
    return replace(calibration, review_threshold=_review_threshold(folds, calibration, shift, rules)), shift


def _thinned(fold: FoldScores, rules: CalibrationSettings) -> FoldScores:
    """The fold with no more than `most_other` of its recordings of `other`."""
    held = fold.sets.get("recordings")
    if held is None:
        return fold
    kept = held.truth != OTHER_INDEX
    others = np.flatnonzero(~kept)
    kept[others[_evenly(len(others), int(rules.most_other / (1 - rules.most_other) * kept.sum()))]] = True
    windows = np.repeat(kept, held.counts)
    thinner = replace(
        held,
        spans=held.spans[windows],
        counts=held.counts[kept],
        truth=held.truth[kept],
        present=held.present[kept],
        known=held.known[kept],
    )
    return FoldScores(
        {**fold.sets, "recordings": thinner},
        {**fold.dominant, "recordings": fold.dominant["recordings"][windows]},
        {**fold.present, "recordings": fold.present["recordings"][windows]},
    )


def _evenly(count: int, wanted: int) -> NDArray[np.int64]:
    """At most `wanted` positions out of `count`, evenly spread, so that no set outweighs the others."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


def _best_shift(folds: Mapping[str, FoldScores], rules: CalibrationSettings) -> float:
    """The smallest shift with which no fold loses more instruments under louder bands than it may."""

    def lost(shift: float) -> float:
        shares = [0.0]
        for fold in folds.values():
            held = fold.sets.get("bands")
            if held is not None:
                said = _means(held, shift_heard(fold.dominant["bands"], shift)).argmax(axis=1) == OTHER_INDEX
                shares.append(float(said.mean()))
        return max(shares)

    shifts = np.linspace(*rules.shift_range, rules.shift_steps)
    enough = [shift for shift in shifts if lost(shift) <= rules.lost_under_bands]
    return float(min(enough, default=shifts[-1]))


def _means(held: HeldSet, dominant: NDArray[np.float32]) -> NDArray[np.float64]:
    """(files, 12) plain means of the windows' probabilities."""
    starts = np.cumsum(held.counts) - held.counts
    return np.add.reduceat(np.exp(dominant.astype(np.float64)), starts, axis=0) / held.counts[:, None]


def _presence(
    folds: Mapping[str, FoldScores], rules: CalibrationSettings
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    logits, truth, known = _present_windows(folds, rules)
    return fit_presence(logits, truth, known, rules.shared_windows)


def _present_windows(
    folds: Mapping[str, FoldScores], rules: CalibrationSettings
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    parts: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for fold in folds.values():
        for name in (one for one in rules.presence_sets if one in fold.sets):
            held = fold.sets[name]
            chosen = _evenly(len(fold.present[name]), rules.most_per_set)
            parts[0].append(fold.present[name][chosen])
            parts[1].append(np.repeat(held.present, held.counts, axis=0)[chosen])
            parts[2].append(np.repeat(held.known, held.counts, axis=0)[chosen])
    logits, truth, known = (np.concatenate(part) for part in parts)
    return logits, truth, known


def _thresholds(
    folds: Mapping[str, FoldScores], calibration: Calibration, rules: CalibrationSettings
) -> tuple[float, ...]:
    """For each label, the threshold with the highest F1 over files: heard in one of its windows is heard."""
    parts: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for fold in folds.values():
        for name in (one for one in rules.presence_sets if one in fold.sets):
            held = fold.sets[name]
            chosen = _evenly(len(held.counts), rules.most_per_set)
            heard = _presence_scores(fold, name, calibration)
            highest = np.maximum.reduceat(heard, np.cumsum(held.counts) - held.counts, axis=0)
            for part, values in zip(parts, (highest, held.present, held.known), strict=True):
                part.append(values[chosen])
    scores, truth, known = (np.concatenate(part) for part in parts)
    return presence_thresholds(scores, truth > 0.5, known > 0, rules.shared_files)


def _presence_scores(fold: FoldScores, name: str, calibration: Calibration) -> NDArray[Any]:
    """(windows, 12) calibrated presence of a set."""
    logits = fold.present[name] * np.array(calibration.present_scale) + np.array(calibration.present_bias)
    return 1 / (1 + np.exp(-logits))


def card_of(calibration: Calibration) -> ModelCard:
    """A card that holds the calibration, for the runtime's rule."""
    return plain_card(
        file_temperature=calibration.file_temperature,
        review_threshold=calibration.review_threshold,
        present_thresholds=dict(zip(LABELS, calibration.present_thresholds, strict=True)),
    )


def file_verdicts(fold: FoldScores, name: str, calibration: Calibration, shift: float) -> list[Verdict]:
    """The runtime's verdicts on the files of a set."""
    logits = shift_heard(fold.dominant[name], shift) / calibration.dominant_temperature
    dominant = np.exp(logits - logits.max(axis=1, keepdims=True))
    dominant /= dominant.sum(axis=1, keepdims=True)
    present = _presence_scores(fold, name, calibration)
    return verdicts(file_scores(fold.sets[name], dominant, present.astype(np.float32)), card_of(calibration))


def _file_temperature(
    folds: Mapping[str, FoldScores], calibration: Calibration, shift: float, rules: CalibrationSettings
) -> float:
    """The temperature at which files are as sure as they are right; each set of each fold counts the same.

    The calibration error itself is too flat to choose by: between 0.7 and 1.0 it changed by less than its own noise.
    """

    def gap(temperature: float) -> float:
        gaps = []
        for fold in folds.values():
            for name in (one for one in rules.file_sets if one in fold.sets):
                given = file_verdicts(fold, name, replace(calibration, file_temperature=temperature), shift)
                right = np.array([LABELS.index(one.dominant) for one in given]) == fold.sets[name].truth
                gaps.append(np.mean([one.confidence for one in given]) - right.mean())
        return abs(float(np.mean(gaps)))

    return round(float(min(np.linspace(*rules.file_temperature_range, rules.file_temperature_steps), key=gap)), 3)


def _review_threshold(
    folds: Mapping[str, FoldScores], calibration: Calibration, shift: float, rules: CalibrationSettings
) -> float:
    """The lowest confidence from which recordings are right often enough, unless that sets too many aside."""
    confidence, right = [], []
    for fold in folds.values():
        if "recordings" in fold.sets:
            given = file_verdicts(fold, "recordings", calibration, shift)
            confidence += [one.confidence for one in given]
            right += [
                LABELS.index(one.dominant) == t for one, t in zip(given, fold.sets["recordings"].truth, strict=True)
            ]
    order = np.argsort(confidence)
    sorted_confidence, sorted_right = np.array(confidence)[order], np.array(right, float)[order]
    kept = np.cumsum(sorted_right[::-1])[::-1] / np.arange(len(order), 0, -1)
    good = np.flatnonzero(kept >= rules.kept_accuracy)
    most = sorted_confidence[int(rules.review_share * len(order))]
    return float(min(sorted_confidence[good[0]], most)) if len(good) else float(most)


def figures_of(
    folds: Mapping[str, FoldScores], calibration: Calibration | None = None, shift: float = 0.0
) -> dict[str, Any]:
    """For each fold and set: accuracy over the eleven whatever `other` says, and the runtime's figures."""
    calibration = calibration or Calibration()
    figures: dict[str, Any] = {}
    for fold_name, fold in folds.items():
        for name, held in fold.sets.items():
            given = file_verdicts(fold, name, calibration, shift)
            result = outcome([LABELS[t] for t in held.truth], given)
            summary = summarise(result)
            eleven = held.truth != OTHER_INDEX
            scores = np.stack([one.scores for one in given])
            best = scores[:, :OTHER_INDEX].argmax(axis=1)
            entry = {key: summary[key] for key in ("n", "accuracy_eleven", "other_recall", "ece", "review_share")}
            if eleven.any():
                entry["best_of_eleven"] = float((best == held.truth)[eleven].mean())
                entry["lost_to_other"] = float((result.predicted == OTHER_INDEX)[eleven].mean())
            if name in ("mixtures", "pieces", "bands"):
                heard = np.stack([one.presences for one in given])
                entry["present"] = multilabel(heard, held.present > 0.5, np.array(calibration.present_thresholds))
                known = held.known[:, :OTHER_INDEX] > 0
                entry["present_auc"] = float(
                    roc_auc_score(held.present[:, :OTHER_INDEX][known] > 0.5, heard[:, :OTHER_INDEX][known])
                )
            figures.setdefault(fold_name, {})[name] = entry
    return figures
