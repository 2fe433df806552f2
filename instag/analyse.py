"""One file's way through: decode, cut, score, aggregate. Everything that runs many files calls `analyse_file`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from instag.aggregate import aggregate
from instag.audio import open_audio
from instag.errors import ErrorCode, FileError
from instag.model.session import Model
from instag.results import FileResult, Window, WindowScores
from instag.windows import cut


@dataclass(frozen=True)
class AnalysisSettings:
    """What the user may choose about the analysis.

    Attributes:
        overlap_seconds: How far a window reaches into the one before it; 0 lets them follow each other.
        batch_size: Windows scored at once; costs memory, never changes a result.
    """

    overlap_seconds: float = 0.0
    batch_size: int = 4

    def fingerprint(self) -> str:
        """What of the settings decides the result, as it stands in the table's `settings` column."""
        return f"overlap_seconds={self.overlap_seconds:g}"


def analyse_file(path: Path, model: Model, settings: AnalysisSettings) -> FileResult:
    """Names the dominant instrument of one recording.

    Memory is bounded whatever the file's length: blocks are decoded, cut and scored as they come.

    Raises:
        FileError: The file cannot be analysed; the error says why and what to do.
    """
    with open_audio(path, model.card.sample_rate) as stream:
        windows = cut(stream.blocks(), model.card.sample_rate, model.card.window_samples, settings.overlap_seconds)
        scores = score_windows(windows, model, settings.batch_size)
        if not (np.isfinite(scores.scores).all() and np.isfinite(scores.presences).all()):
            card = model.card
            message = (
                f"{path}: the model {card.model_id} {card.version} gave scores that are no numbers for this sound."
            )
            remedy = "Report it to the maker of the model; another one (--model) may score the file."
            raise FileError(ErrorCode.NO_SCORES, message, remedy)
        return FileResult(
            info=stream.info,
            duration_seconds=stream.decoded_seconds,
            verdict=aggregate(scores, model.card),
            windows=scores,
            warning=stream.warning,
            warning_code=stream.code or "",
        )


def score_windows(windows: Iterable[Window], model: Model, batch_size: int) -> WindowScores:
    """Scores windows batch by batch, keeping only the scores.

    Returns:
        The scores of all windows, in their order.
    """
    times: list[tuple[float, float, float]] = []
    scores: list[np.ndarray] = []
    presences: list[np.ndarray] = []
    for batch in _batches(windows, batch_size):
        batch_scores, batch_presences = model.score(np.stack([window.samples for window in batch]))
        scores.append(batch_scores)
        presences.append(batch_presences)
        times.extend((window.start_seconds, window.end_seconds, window.level_dbfs) for window in batch)
    start, end, level = np.array(times, np.float64).reshape(-1, 3).T
    labels = len(model.card.labels)
    return WindowScores(
        start_seconds=start,
        end_seconds=end,
        level_dbfs=level,
        scores=np.concatenate([np.empty((0, labels), np.float32), *scores]),
        presences=np.concatenate([np.empty((0, labels), np.float32), *presences]),
    )


def _batches(windows: Iterable[Window], batch_size: int) -> Iterator[list[Window]]:
    source = iter(windows)
    while batch := list(islice(source, batch_size)):
        yield batch
