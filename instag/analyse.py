"""One file's way through: decode, cut, score, aggregate. Everything that runs many files calls `Analyser.analyse`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from instag.aggregate import aggregate
from instag.audio import open_audio
from instag.containers.digest import HeardSamples
from instag.errors import ErrorCode, FileError
from instag.model.card import ModelCard
from instag.model.session import DEFAULT_MODEL, Device, Model, find_model, open_model
from instag.results import FileResult, Window, WindowScores
from instag.windows import cut


@dataclass(frozen=True)
class AnalysisSettings:
    """The user's choices about the analysis.

    Attributes:
        overlap_seconds: Overlap of consecutive windows.
        batch_size: Windows scored at once; a larger batch needs more memory and gives the same result.
    """

    overlap_seconds: float = 0.0
    batch_size: int = 4

    def fingerprint(self) -> str:
        """The settings that affect the result, as the table's `settings` column holds them."""
        return f"overlap_seconds={self.overlap_seconds:g}"


@dataclass(frozen=True)
class Analyser:
    """A loaded model with the settings that it analyses recordings with.

    Attributes:
        model: The loaded model; `model.card` is everything that it says of itself.
        settings: The settings of the analysis.
    """

    model: Model
    settings: AnalysisSettings = AnalysisSettings()

    def analyse(self, path: str | Path, heard: HeardSamples | None = None) -> FileResult:
        """Names the dominant instrument of one recording, and what else is heard.

        Memory is bounded whatever the file's length: blocks are decoded, cut and scored as they come.

        Args:
            path: Of the recording.
            heard: Takes the stored samples where the decoder gives them out just as they are.

        Raises:
            FileError: The file cannot be analysed; the error says why and what to do.
        """
        path, card = Path(path), self.model.card
        with open_audio(path, card.sample_rate, heard) as stream:
            windows = cut(stream.blocks(), card.sample_rate, card.window_samples, self.settings.overlap_seconds)
            scores = score_windows(windows, self.model, self.settings.batch_size)
            check_finite(scores, path, card)
            verdict = aggregate(scores, card)
            if stream.code is not None:  # What was not heard may say otherwise.
                verdict = replace(verdict, needs_review=True)
            return FileResult(
                info=stream.info,
                duration_seconds=stream.decoded_seconds,
                verdict=verdict,
                windows=scores,
                heard_share=stream.heard_share,
                warning=stream.warning,
                warning_code=stream.code or "",
            )


def load_model(
    name: str | Path = DEFAULT_MODEL, *, device: str | Device = Device.AUTO, overlap_seconds: float = 0.0
) -> Analyser:
    """Loads a model for analysing recordings from Python.

    Args:
        name: A model that ships (`instag` or `small`), or the path of an ONNX file under docs/model-contract.md.
        device: `auto`, `cpu` or `cuda`.
        overlap_seconds: Overlap of consecutive windows.

    Raises:
        CannotStartError: There is no such model, it cannot be used, or the device cannot be had.
        ValueError: There is no such device.
    """
    return Analyser(open_model(find_model(str(name)), Device(device)), AnalysisSettings(overlap_seconds))


def check_finite(scores: WindowScores, path: Path, card: ModelCard) -> None:
    """Checks that a model's scores are usable.

    Raises:
        FileError: A score is NaN or infinite.
    """
    if np.isfinite(scores.scores).all() and np.isfinite(scores.presences).all():
        return
    raise FileError(
        ErrorCode.NO_SCORES,
        f"{path}: the model {card.model_id} {card.version} gave NaN or infinite scores for this sound.",
        "Tell the maker of the model; another model (--model) may score the file.",
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
