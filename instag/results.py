"""What the stages hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class AudioInfo:
    """What the container says of its audio.

    Attributes:
        container: Short name of the container, e.g. `WAV`, `FLAC`, `MP3`.
        sample_rate: Of the file, in Hz (not the model's).
        channels: Number of channels.
        claimed_seconds: Length that the header claims, or None where it claims none.
    """

    container: str
    sample_rate: int
    channels: int
    claimed_seconds: float | None


@dataclass(frozen=True)
class Window:
    """One window of a recording.

    Attributes:
        start_seconds: Where it starts in the file.
        end_seconds: Where it ends in the file; padding does not count.
        samples: (window_samples,) float32 in -1..1, mono at the model's rate, zero-padded where the file is shorter.
        level_dbfs: RMS level of the samples that are the file's own, in dBFS; -inf for digital silence.
    """

    start_seconds: float
    end_seconds: float
    samples: Samples
    level_dbfs: float


@dataclass(frozen=True)
class WindowScores:
    """The model's opinion, window by window.

    Attributes:
        start_seconds: (windows,) float64.
        end_seconds: (windows,) float64.
        level_dbfs: (windows,) float64, RMS level.
        dominant: (windows, labels) float32, each row sums to 1.
        present: (windows, labels) float32, independent probabilities.
    """

    start_seconds: NDArray[np.float64]
    end_seconds: NDArray[np.float64]
    level_dbfs: NDArray[np.float64]
    dominant: Scores
    present: Scores


@dataclass(frozen=True)
class Verdict:
    """The opinion on a whole file.

    Attributes:
        dominant: The label of the instrument that most likely dominates.
        confidence: Calibrated probability that `dominant` is right, 0..1.
        needs_review: True where a person should listen.
        instruments: Labels heard, the one with the largest share of time first.
        dominant_scores: (labels,) float32, sums to 1 (all zero where every window is silent).
        present_scores: (labels,) float32, highest credible presence of each label.
        silent_windows: How many windows were below the silence floor.
    """

    dominant: str
    confidence: float
    needs_review: bool
    instruments: tuple[str, ...]
    dominant_scores: Scores
    present_scores: Scores
    silent_windows: int


@dataclass(frozen=True)
class FileResult:
    """One file, analysed.

    Attributes:
        info: What the container says.
        duration_seconds: What was really decoded.
        verdict: The opinion on the file.
        windows: The opinion window by window.
        warning: A sentence on what was not as it should be (a truncated file, say), or "".
        warning_code: Its `instag.errors.ErrorCode`, or "".
    """

    info: AudioInfo
    duration_seconds: float
    verdict: Verdict
    windows: WindowScores
    warning: str = ""
    warning_code: str = ""
