"""Splits of the training recordings, and the vocabularies that they are labelled in."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from instag.labels import IRMAS_11, LABELS, OTHER, REPORT_11
from train.corpus.manifest import Clip, grouped_split
from train.errors import TrainingError

VOCABULARIES: dict[str, tuple[str, ...]] = {"instag-12": LABELS, "irmas-11": IRMAS_11, "report-11": REPORT_11}
_SOURCES = "sources:"
_FOLD = re.compile(r"fold:(\d+)/(\d+)")


def split(clips: Sequence[Clip], scheme: str, seed: int) -> tuple[list[int], list[int]]:
    """Indices to train on, and indices held out.

    Args:
        clips: What to split.
        scheme: `recording` (80/20, excerpts of a recording on one side), `fold:I/K` (fold I of K by recording, I from
            1), `sources:A+B` (the collections A and B held out whole, the hardest test: other players, rooms and
            microphones), or `leaky` (80/20 by excerpt, as in the report: excerpts of one recording stand on both sides
            and the figures come out too good).
        seed: Of the split.

    Raises:
        TrainingError: No such scheme, or too few recordings for it.
    """
    if scheme == "recording":
        return grouped_split(clips, 0.2, seed)
    if scheme == "leaky":
        order = np.random.default_rng(seed).permutation(len(clips)).tolist()
        cut = round(0.8 * len(clips))
        return sorted(order[:cut]), sorted(order[cut:])
    if scheme.startswith(_SOURCES):
        return _without_sources(clips, scheme.removeprefix(_SOURCES).split("+"))
    match = _FOLD.fullmatch(scheme)
    fold, folds = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= fold <= folds or folds < 2:
        raise TrainingError(
            f"There is no split '{scheme}'.", "Use recording, fold:I/K (1 <= I <= K), sources:A+B or leaky."
        )
    groups = [clip.group for clip in clips]
    if len(set(groups)) < folds:
        raise TrainingError(f"{len(set(groups))} recordings cannot make {folds} folds.", "Use fewer folds.")
    labels = [clip.label for clip in clips]
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    train, held = list(parts)[fold - 1]
    return train.tolist(), held.tolist()


def _without_sources(clips: Sequence[Clip], names: Sequence[str]) -> tuple[list[int], list[int]]:
    known = {clip.source for clip in clips}
    if unknown := set(names) - known:
        raise TrainingError(f"There is no source '{min(unknown)}'.", f"The sources are {', '.join(sorted(known))}.")
    held = [index for index, clip in enumerate(clips) if clip.source in names]
    return [index for index, clip in enumerate(clips) if clip.source not in names], held


def label_index(label: str, vocabulary: str) -> int | None:
    """The model's output that a label trains, or None where the vocabulary leaves the recording out."""
    if vocabulary == "report-11" and label not in REPORT_11:
        return LABELS.index(OTHER)
    return LABELS.index(label) if label in VOCABULARIES[vocabulary] else None


def fold_scores(dominant: np.ndarray, vocabulary: str) -> np.ndarray:
    """Scores over the twelve labels -> scores over a vocabulary.

    A label that the vocabulary lacks counts as `other` if the vocabulary has `other`, and is left out if not.

    Args:
        dominant: (items, 12), rows sum to 1.
        vocabulary: One of `VOCABULARIES`.

    Returns:
        (items, labels), rows sum to 1, in the order of the vocabulary.
    """
    names = VOCABULARIES[vocabulary]
    folded = dominant[:, [LABELS.index(name) for name in names]].astype(np.float64)
    if OTHER in names:
        folded[:, names.index(OTHER)] += 1.0 - folded.sum(axis=1)
    return folded / np.maximum(folded.sum(axis=1, keepdims=True), 1e-12)
