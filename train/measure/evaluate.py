"""How good a model is, by the same rule that the runtime applies to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_fscore_support
from torch import nn

from instag.aggregate import aggregate
from instag.labels import LABELS, OTHER, OTHER_INDEX
from instag.model.card import ModelCard
from instag.results import Samples, Verdict, WindowScores
from instag.windows import cut
from train.measure.calibration import expected_calibration_error

Score = Callable[[Samples], tuple[NDArray[np.float32], NDArray[np.float32]]]
BATCH = 32


def scorer(module: nn.Module) -> Score:
    """A calibrated module as a function from (batch, samples) to two (batch, 12) arrays."""

    def score(audio: Samples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.no_grad():
            dominant, present = module(torch.from_numpy(audio))
        return dominant.numpy(), present.numpy()

    return score


def score_recordings(
    recordings: Iterable[Samples], score: Score, sample_rate: int, window_seconds: float
) -> list[WindowScores]:
    """Cuts recordings as the runtime does and scores the windows, several recordings to a batch.

    Args:
        recordings: (samples,) float32 each, at the model's rate.
        score: From windows to scores.
        sample_rate: The model's.
        window_seconds: The model's.
    """
    window_samples = round(sample_rate * window_seconds)
    windows, counts = [], []
    for samples in recordings:
        pieces = list(cut([samples], sample_rate, window_samples))
        windows += pieces
        counts.append(len(pieces))
    if not windows:
        return []
    parts = [
        score(np.stack([window.samples for window in windows[at : at + BATCH]])) for at in range(0, len(windows), BATCH)
    ]
    dominant = np.concatenate([part[0] for part in parts])
    present = np.concatenate([part[1] for part in parts])
    files, first = [], 0
    for count in counts:
        span = slice(first, first + count)
        first += count
        files.append(
            WindowScores(
                start_seconds=np.array([window.start_seconds for window in windows[span]]),
                end_seconds=np.array([window.end_seconds for window in windows[span]]),
                level_dbfs=np.array([window.level_dbfs for window in windows[span]]),
                scores=dominant[span],
                presences=present[span],
            )
        )
    return files


@dataclass(frozen=True)
class Outcome:
    """What the model said of a set of files.

    Attributes:
        truth: (files,) index of the right label.
        predicted: (files,) index of the label given.
        confidence: (files,) confidence in it.
        review: (files,) whether a person should listen.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    review: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(files,) whether the label is right."""
        return self.truth == self.predicted


def outcome(truth: Sequence[str], verdicts: Sequence[Verdict]) -> Outcome:
    """Truth against verdicts."""
    return Outcome(
        truth=np.array([LABELS.index(label) for label in truth], np.int64),
        predicted=np.array([LABELS.index(verdict.dominant) for verdict in verdicts], np.int64),
        confidence=np.array([verdict.confidence for verdict in verdicts], np.float64),
        review=np.array([verdict.needs_review for verdict in verdicts], bool),
    )


def verdicts(files: Sequence[WindowScores], card: ModelCard) -> list[Verdict]:
    """The runtime's verdict on each file."""
    return [aggregate(scores, card) for scores in files]


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if count == 0:
        return 0.0, 1.0
    z = 1.96
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def summarise(result: Outcome) -> dict[str, Any]:
    """The figures of one set of files.

    Returns:
        n, accuracy (all), accuracy_eleven (files of the eleven instruments), other_recall, macro_f1 (labels that are in
        the set), ece, review_share, accuracy_kept (what needs no review), per_class, confusions (most frequent first).
    """
    eleven = result.truth != OTHER_INDEX
    kept = ~result.review
    per_class = {LABELS[index]: _one_class(result, index) for index in np.unique(result.truth)}
    wrong = [(LABELS[t], LABELS[p]) for t, p in zip(result.truth, result.predicted, strict=True) if t != p]
    pairs = sorted(set(wrong), key=lambda pair: (-wrong.count(pair), pair))
    return {
        "n": len(result.truth),
        "accuracy": _mean(result.right),
        "accuracy_eleven": _mean(result.right[eleven]),
        "n_eleven": int(eleven.sum()),
        "other_recall": _mean(result.right[~eleven]),
        "n_other": int((~eleven).sum()),
        "macro_f1": _mean(np.array([entry["f1"] for entry in per_class.values()])),
        "ece": expected_calibration_error(result.confidence, result.right) if len(result.truth) else None,
        "review_share": _mean(result.review),
        "accuracy_kept": _mean(result.right[kept]),
        "accuracy_kept_eleven": _mean(result.right[kept & eleven]),
        "per_class": per_class,
        "confusions": [[*pair, wrong.count(pair)] for pair in pairs],
    }


def _one_class(result: Outcome, index: int) -> dict[str, Any]:
    is_it, said = result.truth == index, result.predicted == index
    precision, recall, f1, _ = precision_recall_fscore_support(is_it, said, average="binary", zero_division=0)
    return {
        "support": int(is_it.sum()),
        "precision": float(precision),
        "recall": float(recall),
        "recall_interval": list(wilson(int((is_it & said).sum()), int(is_it.sum()))),
        "f1": float(f1),
    }


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def multilabel(
    scores: NDArray[np.floating], truth: NDArray[np.bool_], thresholds: NDArray[np.floating]
) -> dict[str, Any]:
    """Presence over the eleven: micro and macro F1 at thresholds.

    Args:
        scores: (files, 11 or more); `other` is left out.
        truth: As scores.
        thresholds: (labels,).
    """
    said = (scores >= thresholds)[:, :OTHER_INDEX]
    truth = truth[:, :OTHER_INDEX]
    real = truth.sum(axis=0) > 0
    per_class = f1_score(truth, said, average=None, zero_division=0)
    return {
        "n": len(truth),
        "micro_f1": float(f1_score(truth, said, average="micro", zero_division=0)),
        "macro_f1": float(per_class[real].mean()) if real.any() else None,
        "f1": {LABELS[i]: float(per_class[i]) for i in range(OTHER_INDEX) if real[i]},
    }


def plain_card(**changes: Any) -> ModelCard:
    """A card whose calibration changes nothing, for evaluations before there is a calibrated one."""
    values: dict[str, Any] = {
        "model_id": "candidate",
        "version": "0",
        "labels": LABELS,
        "sample_rate": 16_000,
        "window_seconds": 3.0,
        "review_threshold": 0.0,
        "present_thresholds": dict.fromkeys(LABELS, 0.5),
        "licence": "",
    }
    return ModelCard(**(values | changes))


assert LABELS[OTHER_INDEX] == OTHER
