"""All pictures of a set of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.systems import figures
from benchmarks.systems.compare import TABLE, read_outcome
from instag.results import Samples
from train.corpus.manifest import Clip, load_clip
from train.errors import TrainingError
from train.systems.fit import load_best

# Both vocabularies of the comparison: IRMAS's classes, and the report's.
_VOCABULARIES = ("irmas-11", "report-11")


def picture_runs(runs: Sequence[Path], evaluation: Sequence[Clip], clip: Path | None, out: Path) -> Iterator[Path]:
    """Draws everything; yields each picture's path when it is written.

    Args:
        runs: Folders of measured runs.
        evaluation: The clips that they tagged.
        clip: A recording to show through each run's front end.
        out: Folder of the pictures.

    Raises:
        TrainingError: A run was not measured.
    """
    yield figures.save(figures.learning_curves(runs), out / "learning_curves.png")
    for run in runs:
        table = run / TABLE
        if not table.exists():
            raise TrainingError(
                f"{table}: there is no such table.", "Measure the run with `python -m benchmarks.systems compare`."
            )
        for vocabulary in _VOCABULARIES:
            outcome = read_outcome(table, evaluation, vocabulary)
            name = f"{run.name}-{vocabulary}"
            yield figures.save(figures.confusion_matrix(outcome, vocabulary), out / f"{name}-confusion.png")
            yield figures.save(figures.class_bars(outcome, vocabulary), out / f"{name}-classes.png")
        everything = read_outcome(table, evaluation, "instag-12")
        yield figures.save(figures.reliability_diagram(everything), out / f"{run.name}-reliability.png")
        if clip is not None:
            system, _ = load_best(run)
            samples = first_window(clip, system.sample_rate, system.window_seconds)
            title = f"{run.name}: {clip.name}"
            yield figures.save(figures.front_end(system, samples, title), out / f"{run.name}-front_end.png")


def first_window(path: Path, sample_rate: int, window_seconds: float) -> Samples:
    """(samples,) float32: the beginning of a recording, padded with zeros where it is shorter than a window."""
    length = round(sample_rate * window_seconds)
    samples = load_clip(Clip(path, "other", "", "", "", "", "", 0.0, ""), sample_rate)[:length]
    return np.pad(samples, (0, length - len(samples)))
