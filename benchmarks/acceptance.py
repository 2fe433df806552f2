"""Whether what `instag accept` promises holds: thousands of samples from collections whose errors are known.

`python -m benchmarks.acceptance` writes the table to benchmarks/ACCEPT.md; it takes about a minute on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instag.labels import LABELS
from instag.measure.acceptance import lowest_passed, plan_steps
from instag.measure.sample import Band, Candidate, cut_blocks

RUNS = 2000
FILES = 20_000
FOLDERS = 40


@dataclass(frozen=True)
class Collection:
    """Files that the model is sure of.

    Attributes:
        confidence: (files,) float64.
        label: (files,) int64.
        folder: (files,) int64.
    """

    confidence: NDArray[np.float64]
    label: NDArray[np.int64]
    folder: NDArray[np.int64]


# The chance that a label is wrong, from the collection and the error that is asked for.
Curve = Callable[[Collection, float], NDArray[np.floating]]

CURVES: dict[str, Curve] = {
    "calibrated: wrong as often as the confidence says": lambda files, error: 1 - files.confidence,
    "the model is too modest: a third of that": lambda files, error: (1 - files.confidence) / 3,
    "the model is too sure: twice that": lambda files, error: 2 * (1 - files.confidence),
    "one in a hundred is wrong, whatever the confidence": lambda files, error: 0 * files.confidence + 0.01,
    "just too many are wrong, whatever the confidence": lambda files, error: 0 * files.confidence + 1.02 * error,
    "upside down: the most confident are wrong most often": lambda files, error: 0.5 * (files.confidence - 0.78),
    "a cliff: nearly all right above 0.92, a third wrong below": lambda files, error: np.where(
        files.confidence > 0.92, 0.005, 0.33
    ),
    "one label is always wrong, the others never": lambda files, error: (files.label == 3).astype(float),
    "two folders of forty are always wrong, the others never": lambda files, error: (files.folder < 2).astype(float),
}


@dataclass(frozen=True)
class Outcome:
    """What became of all runs of one case.

    Attributes:
        held: In which share of the runs at most the error that was asked for was accepted.
        accepted: The mean share of the files that was accepted.
        possible: The largest share that any of the confidences would have allowed, with all errors known.
        none: In which share of the runs nothing was accepted.
    """

    held: float
    accepted: float
    possible: float
    none: float


def collection(files: int, seed: int = 0) -> Collection:
    """A made-up collection: confidences from 0.78, the model's threshold, to 1, rounded as in tables.

    Args:
        files: How many files.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    confidence = np.round(0.78 + 0.22 * random.beta(1.5, 1.0, files), 4)
    return Collection(confidence, random.integers(0, len(LABELS), files), random.integers(0, FOLDERS, files))


def simulate(files: Collection, curve: Curve, count: int, error: float, runs: int, seed: int = 1) -> Outcome:
    """Draws samples from a collection whose errors are known, and accepts from each.

    Args:
        files: The collection.
        curve: How often labels are wrong.
        count: Files drawn in each run.
        error: The share of wrong labels that is asked for.
        runs: How many samples.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    is_wrong = random.random(len(files.confidence)) < curve(files, error)
    rows = zip(files.confidence.tolist(), files.label.tolist(), files.folder.tolist(), strict=True)
    candidates = [
        Candidate(f"{folder:02}/{number}.wav", "", LABELS[label], confidence, True, "")
        for number, (confidence, label, folder) in enumerate(rows)
    ]
    cut = cut_blocks(candidates, [random.bytes(32) for _ in candidates], count)
    bands, wrong_drawn, wrong_there = [], [], []
    for blocks in cut:
        members = np.concatenate([np.array(block) for block in blocks])
        sizes = np.array([len(block) for block in blocks])
        drawn = np.cumsum(sizes) - sizes + (random.random((runs, len(sizes))) * sizes).astype(np.int64)
        wrong_drawn.append(is_wrong[members[drawn]].sum(axis=1))
        wrong_there.append(is_wrong[members].sum())
        some = tuple(candidates[block[0]] for block in blocks)
        bands.append(Band(float(files.confidence[members].min()), len(members), int(sizes.max()), some))
    steps = plan_steps(bands, error)
    passed = lowest_passed(np.cumsum(np.array(wrong_drawn).T, axis=1, dtype=np.int64), steps)
    # The last entry is for runs that accept nothing: -1 leads there.
    accepted = np.array([*(step.files for step in steps), 0])
    wrong = np.array([*np.cumsum(wrong_there), 0])
    is_good = wrong <= error * accepted
    return Outcome(
        float(is_good[passed].mean()),
        float(accepted[passed].mean() / len(candidates)),
        float(accepted[is_good].max() / len(candidates)),
        float((passed < 0).mean()),
    )


def table(runs: int) -> str:
    """The table of all cases, as Markdown.

    Args:
        runs: How many samples for each case.
    """
    files = collection(FILES)
    lines = [
        "| labels | error asked for | files heard | promise kept | accepted | possible | nothing accepted |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, curve in CURVES.items():
        for error, count in ((0.05, 200), (0.05, 400), (0.1, 200), (0.1, 400)):
            found = simulate(files, curve, count, error, runs)
            lines.append(
                f"| {name} | {100 * error:g} % | {count} | {100 * found.held:.1f} % | {100 * found.accepted:.0f} % | "
                f"{100 * found.possible:.0f} % | {100 * found.none:.0f} % |"
            )
    return "\n".join(lines)


def main() -> None:
    """Writes benchmarks/ACCEPT.md."""
    text = f"""# What `instag accept` promises, and whether it holds

Written by `python -m benchmarks.acceptance`: {RUNS:,} samples for each line, from a made-up collection of {FILES:,}
files whose wrong labels are known. "Promise kept" is the share of the samples after which at most the error that was
asked for was accepted, or nothing; it must be 95 % or more. "Accepted" is the mean share of the files, and "possible"
what could have been accepted if somebody had heard them all.

{table(RUNS)}
"""
    Path(__file__).with_name("ACCEPT.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
