"""How right a table is, against what people say.

Conventions. A recording is right when its dominant label is one of the true labels. Per-class figures and the confusion
count it under that label; a wrong one counts under its first true label. Confidence is calibrated when, of recordings
with confidence p, the share p is right. Intervals are percentile bootstraps over recordings (Efron and Tibshirani
1993): copies or takes of one session make them too narrow. Where all recordings are right, or all are wrong, every
resample says the same; the accuracy then has the exact interval of Clopper and Pearson (1934).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instag.labels import LABELS

BINS = 10
RESAMPLES = 1000
KEPT_SHARES = (1.0, 0.9, 0.8, 0.75, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class Judged:
    """One recording, with the machine's word and the true one.

    Attributes:
        path: As in the table.
        truth: Its true labels, not empty; the dominant one first where the source tells.
        dominant: The machine's label.
        confidence: 0..1.
        instruments: What the machine heard.
        needs_review: Whether the machine asks for a person.
    """

    path: str
    truth: tuple[str, ...]
    dominant: str
    confidence: float
    instruments: tuple[str, ...]
    needs_review: bool

    @property
    def right(self) -> bool:
        """Whether the dominant label is a true one."""
        return self.dominant in self.truth

    @property
    def true_class(self) -> str:
        """The label that it counts under."""
        return self.dominant if self.right else self.truth[0]


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassFigures:
    """One label: how many recordings it is true of, and how well it was found."""

    label: str
    recordings: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Bin:
    """The recordings whose confidence lies between `low` and `high`."""

    low: float
    high: float
    recordings: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Kept:
    """What is right when the least confident recordings go to a person."""

    share: float
    recordings: int
    least_confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Everything `evaluate` prints.

    Attributes:
        recordings: How many were judged.
        accuracy: Share of right ones.
        macro_f1: Mean F1 of the labels that are true of a recording at least once.
        calibration_error: Expected calibration error over ten bins of equal width (Guo et al., ICML 2017), 0..1.
        presence_f1: Micro-averaged F1 of all that was heard; None where no recording has several true labels.
        review_share: Share of recordings that the machine asks a person to hear.
        kept_accuracy: Share of right ones among the rest; None where nothing is left.
        classes: Each label.
        confusion: `(true labels, machine's labels) int`, in the order of `LABELS`.
        bins: Calibration, without empty bins.
        curve: What is right when ever more recordings go to a person.
    """

    recordings: int
    accuracy: Figure
    macro_f1: Figure
    calibration_error: Figure
    presence_f1: float | None
    review_share: float
    kept_accuracy: float | None
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[Bin, ...]
    curve: tuple[Kept, ...]


def evaluate(judged: Sequence[Judged], seed: int = 0) -> Evaluation:
    """Measures a table.

    Args:
        judged: At least one recording.
        seed: Of the bootstrap.

    Raises:
        ValueError: There is no recording.
    """
    if not judged:
        raise ValueError("no recording to judge")
    index = {label: number for number, label in enumerate(LABELS)}
    true = np.array([index[each.true_class] for each in judged])
    heard = np.array([index[each.dominant] for each in judged])
    confidences = np.array([each.confidence for each in judged])
    right = true == heard
    chance = np.random.default_rng(seed)
    draws = [chance.integers(0, len(judged), len(judged)) for _ in range(RESAMPLES)]
    confusion = _confusion(true, heard)
    kept = np.array([not each.needs_review for each in judged])
    return Evaluation(
        recordings=len(judged),
        accuracy=_accuracy(right, draws),
        macro_f1=_figure(_macro_f1(confusion), [_macro_f1(_confusion(true[draw], heard[draw])) for draw in draws]),
        calibration_error=_figure(
            _calibration_error(confidences, right),
            [_calibration_error(confidences[draw], right[draw]) for draw in draws],
        ),
        presence_f1=_presence_f1(judged),
        review_share=float(1 - kept.mean()),
        kept_accuracy=float(right[kept].mean()) if kept.any() else None,
        classes=_classes(confusion),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        bins=_bins(confidences, right),
        curve=_curve(confidences, right),
    )


def _accuracy(right: NDArray[np.bool_], draws: Sequence[NDArray[np.int_]]) -> Figure:
    found = _figure(float(right.mean()), [float(right[draw].mean()) for draw in draws])
    if found.value not in (0, 1):
        return found
    chance = 0.025 ** (1 / len(right))
    return Figure(1.0, chance, 1.0) if found.value else Figure(0.0, 0.0, 1 - chance)


def _figure(value: float, resampled: Sequence[float]) -> Figure:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Figure(value, float(low), float(high))


def _confusion(true: NDArray[np.int_], heard: NDArray[np.int_]) -> NDArray[np.int_]:
    size = len(LABELS)
    return np.bincount(true * size + heard, minlength=size * size).reshape(size, size)


def _macro_f1(confusion: NDArray[np.int_]) -> float:
    hits, true, heard = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    there = true > 0
    return float((2 * hits[there] / (true + heard)[there]).mean())


def _calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    places = _bin_of(confidences)
    gaps = np.bincount(places, confidences - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def _bin_of(confidences: NDArray[np.float64]) -> NDArray[np.int_]:
    places: NDArray[np.int_] = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return places


def _bins(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    places = _bin_of(confidences)
    return tuple(
        Bin(n / BINS, (n + 1) / BINS, int(here.sum()), float(confidences[here].mean()), float(right[here].mean()))
        for n in range(BINS)
        if (here := places == n).any()
    )


def _classes(confusion: NDArray[np.int_]) -> tuple[ClassFigures, ...]:
    figures = []
    for number, label in enumerate(LABELS):
        hits, true, heard = (
            int(confusion[number, number]),
            int(confusion[number].sum()),
            int(confusion[:, number].sum()),
        )
        figures.append(
            ClassFigures(
                label,
                true,
                hits / heard if heard else None,
                hits / true if true else None,
                2 * hits / (true + heard) if true else None,
            )
        )
    return tuple(figures)


def _curve(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Kept, ...]:
    order = np.argsort(-confidences, kind="stable")
    steps = []
    for share in KEPT_SHARES:
        count = max(round(share * len(right)), 1)
        best = order[:count]
        steps.append(Kept(share, count, float(confidences[best[-1]]), float(right[best].mean())))
    return tuple(steps)


def _presence_f1(judged: Sequence[Judged]) -> float | None:
    several = [each for each in judged if len(each.truth) > 1]
    if not several:
        return None
    hits = sum(len(set(each.truth) & set(each.instruments)) for each in several)
    both = sum(len(set(each.truth)) + len(set(each.instruments)) for each in several)
    return 2 * hits / both
