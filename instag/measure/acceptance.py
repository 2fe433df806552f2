"""From a sample that people heard to labels that may be accepted unheard, with a bound on how many of them are wrong.

One file is drawn from each block of nearly the same size, so the number of wrong ones in the sample is a sum of
independent draws with different chances. Hoeffding (On the Distribution of the Number of Successes in Independent
Trials, 1956, theorem 4) proves that few wrong ones are then no likelier than with equal chances: the exact binomial
test (Clopper and Pearson 1934) keeps its level for the stratified sample.

Several confidences are tried, in an order that is fixed before anything is heard: from the most confident files to the
least. The 5 % that may go wrong are shared out among three of them; a test that passes hands its share on to the next
one, and a test that fails loses it (the fallback procedure: Wiens and Dmitrienko 2005; with several starts as in
Angelopoulos et al., Learn then Test, 2021). So the chance that any test passes wrongly stays below 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from instag.measure.sample import Band, Sample, cut_bands

CERTAINTY = 0.95
# Few files pass most often with one start, many with several: in benchmarks/ACCEPT.md three did well in every case.
_STARTS = 3


@dataclass(frozen=True)
class Step:
    """A confidence that is tried: that of a band and of all bands above it.

    Attributes:
        least_confidence: Files with this confidence or more.
        files: How many there are.
        drawn: How many of them were drawn.
        shares: How many of the three shares of the 5 % it is given.
        allowed: How many of those drawn may be wrong, if it is tried with 0 to 3 shares; -1 where it fails even
            if none is.
    """

    least_confidence: float
    files: int
    drawn: int
    shares: int
    allowed: tuple[int, ...]


@dataclass(frozen=True)
class Acceptance:
    """What may be accepted.

    Attributes:
        steps: The confidences that were to be tried, in their order.
        wrong: For each of them, how many files of the sample are wrong.
        passed: Which of them is the lowest that passed; None where none did.
    """

    steps: tuple[Step, ...]
    wrong: tuple[int, ...]
    passed: int | None


def accept(sample: Sample, error: float) -> Acceptance:
    """The lowest confidence above which at most a share of the labels is wrong, with a certainty of 95 %.

    Args:
        sample: A sample in which every file was decided.
        error: The share that may be wrong, 0..1.
    """
    steps = plan_steps(sample.bands, error)
    wrong = np.cumsum([sum(candidate.is_wrong for candidate in band.drawn) for band in sample.bands], dtype=np.int64)
    passed = int(lowest_passed(wrong[None, :], steps)[0]) if steps else -1
    return Acceptance(steps, tuple(int(number) for number in wrong), None if passed < 0 else passed)


def plan_steps(bands: Sequence[Band], error: float) -> tuple[Step, ...]:
    """The confidences to be tried, in their order; nothing in it depends on what people said.

    Args:
        bands: Of the sample.
        error: The share that may be wrong, 0..1.
    """
    steps = []
    files = drawn = largest = 0
    for band in bands:
        files, drawn = files + band.files, drawn + len(band.drawn)
        largest = max(largest, band.largest_block)
        # A wrong file counts for its block. If a share `error` of the files is wrong, the mean of the blocks' shares
        # is at least this, whichever blocks the wrong files are in.
        least_mean = error * files / (drawn * largest)
        allowed = (most_wrong(drawn, least_mean, shares * (1 - CERTAINTY) / _STARTS) for shares in range(_STARTS + 1))
        steps.append(Step(band.least_confidence, files, drawn, 0, tuple(allowed)))
    starts = _starts(steps)
    return tuple(replace(step, shares=starts.count(index)) for index, step in enumerate(steps))


def lowest_passed(wrong: NDArray[np.int64], steps: Sequence[Step]) -> NDArray[np.int64]:
    """Which step is the last one that passes.

    Args:
        wrong: (samples, steps) int64, how many files are wrong in each step of each sample.
        steps: The steps.

    Returns:
        (samples,) int64; -1 where none passes.
    """
    shares = np.zeros(len(wrong), np.int64)
    passed = np.full(len(wrong), -1, np.int64)
    for index, step in enumerate(steps):
        shares += step.shares
        passes = wrong[:, index] <= np.array(step.allowed)[shares]
        shares[~passes] = 0
        passed[passes] = index
    return passed


def most_wrong(drawn: int, error: float, level: float) -> int:
    """How many files of a sample may be wrong if a share of `error` or more is to be ruled out.

    Args:
        drawn: How many files were drawn.
        error: The share, above 0 and below 1.
        level: The chance of ruling it out wrongly, 0..1.

    Returns:
        The number; -1 where the sample is too small even if none is wrong.
    """
    allowed, chance = -1, 0.0
    while allowed < drawn:
        wrong = allowed + 1
        ways = math.lgamma(drawn + 1) - math.lgamma(wrong + 1) - math.lgamma(drawn - wrong + 1)
        chance += math.exp(ways + wrong * math.log(error) + (drawn - wrong) * math.log1p(-error))
        if chance > level:
            break
        allowed = wrong
    return allowed


def most_share_wrong(drawn: int, wrong: int) -> float:
    """The largest share of wrong labels that a simple random sample does not rule out, with a certainty of 95 %.

    Args:
        drawn: How many files were drawn.
        wrong: How many of them are wrong.

    Returns:
        0..1, the exact bound of Clopper and Pearson.
    """
    if wrong >= drawn:
        return 1.0
    low, high = wrong / drawn, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if most_wrong(drawn, middle, 1 - CERTAINTY) >= wrong:
            high = middle
        else:
            low = middle
    return high


def least_sample(confidences: Sequence[float], error: float) -> int | None:
    """How many files at least must be drawn from a collection, if none of them is wrong.

    In a small collection these are more than in a large one: its blocks differ more in size.

    Args:
        confidences: Of all files that can be drawn.
        error: The share that is to be ruled out, above 0 and below 1.

    Returns:
        The number; None where not even all files are enough.
    """
    falling = sorted(confidences, reverse=True)
    for count in range(math.ceil(math.log(1 - CERTAINTY) / math.log1p(-error)), len(falling) + 1):
        largest = max(math.ceil((end - begin) / draws) for begin, end, draws in cut_bands(falling, count))
        if most_wrong(count, error * len(falling) / (count * largest), 1 - CERTAINTY) >= 0:
            return count
    return None


def _starts(steps: Sequence[Step]) -> tuple[int, ...]:
    """The steps that get a share: the first that can pass although one file is wrong, the last, and one between.

    In a small sample all three may be the last step.
    """
    if not steps:
        return ()
    first = next((index for index, step in enumerate(steps) if step.allowed[1] >= 1), len(steps) - 1)
    between = math.sqrt(steps[first].drawn * steps[-1].drawn)
    middle = min(range(len(steps)), key=lambda index: abs(steps[index].drawn - between))
    return first, middle, len(steps) - 1
