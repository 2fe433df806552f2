"""How far two collections of scores are apart, from their histograms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The usual steps of the population stability index (Siddiqi 2006): below 0.1 little, from 0.25 on much.
SOME_INDEX, MUCH_INDEX = 0.1, 0.25
SURE_P = 0.01
# Keeps an empty step from making the index infinite.
_PRIOR = 0.5


@dataclass(frozen=True)
class Shift:
    """One number of the recordings, here against the reference.

    Attributes:
        name: A label, or `confidence`.
        stability_index: Population stability index, 0 or more.
        p: Of the Mann-Whitney test, two-sided, after Holm's correction over all numbers that were tested.
        effect: Cliff's delta, -1..1: positive where the numbers are higher here than in the reference.
    """

    name: str
    stability_index: float
    p: float
    effect: float

    @property
    def is_some(self) -> bool:
        """The difference is no chance, and large enough to matter."""
        return self.p < SURE_P and self.stability_index >= SOME_INDEX

    @property
    def is_much(self) -> bool:
        """The same, and the difference is large."""
        return self.p < SURE_P and self.stability_index >= MUCH_INDEX


def stability_index(reference: NDArray[np.int64], here: NDArray[np.int64]) -> float:
    """The population stability index of two histograms over the same steps (Siddiqi, Credit Risk Scorecards, 2006)."""
    p, q = ((counts + _PRIOR) / (counts + _PRIOR).sum() for counts in (reference, here))
    return float(((q - p) * np.log(q / p)).sum())


def rank_test(reference: NDArray[np.int64], here: NDArray[np.int64]) -> tuple[float, float]:
    """The Mann-Whitney test of two histograms: all in one step count as equal (Mann and Whitney 1947).

    Args:
        reference: Counts over ascending steps, at least one recording.
        here: Counts over the same steps, at least one recording.

    Returns:
        The two-sided p of the normal approximation with its correction for ties, and Cliff's delta (Cliff 1993).
    """
    n, m = float(reference.sum()), float(here.sum())
    below = np.cumsum(reference) - reference
    u = float((here * (below + reference / 2)).sum())  # pairs in which the one here is higher; half of the equal ones
    ties = (reference + here).astype(np.float64)
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    effect = 2 * u / (n * m) - 1
    if variance <= 0:  # all in one step
        return 1.0, 0.0
    return math.erfc(abs(u - n * m / 2) / math.sqrt(2 * variance)), effect


def shifts(pairs: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[Shift, ...]:
    """All numbers, the largest stability index first.

    Args:
        pairs: By name, the histogram of the reference and the one here.
    """
    tested = {name: rank_test(*pair) for name, pair in pairs.items()}
    corrected, worst = {}, 0.0
    for at, name in enumerate(sorted(tested, key=lambda name: tested[name][0])):
        worst = max(worst, min(1.0, tested[name][0] * (len(tested) - at)))  # Holm 1979
        corrected[name] = worst
    found = [Shift(name, stability_index(*pairs[name]), corrected[name], tested[name][1]) for name in pairs]
    return tuple(sorted(found, key=lambda shift: -shift.stability_index))
