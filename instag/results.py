"""The results that the stages hand to each other, from the container's facts to the verdict on a file.

One name means one thing from the model to the table: `scores` are the dominant scores (they sum to 1 over the labels),
`presences` are the independent probabilities that a label is heard, `shares` are shares of the heard time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Scores = NDArray[np.float32]


class TagOutcome(StrEnum):
    """What became of the tags in a file, or of its sidecar."""

    NOT_ASKED = ""
    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


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
        samples: (window_samples,) float32 in -1..1, mono at the model's rate and at the common level, zero-padded where
            the file is shorter.
        level_dbfs: RMS level in dBFS of the recording here, before levelling and without DC; -inf for digital silence.
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
        level_dbfs: (windows,) float64, RMS level of the recording, before levelling.
        scores: (windows, labels) float32, dominant scores; each row sums to 1.
        presences: (windows, labels) float32, independent probabilities that the label is heard.
    """

    start_seconds: NDArray[np.float64]
    end_seconds: NDArray[np.float64]
    level_dbfs: NDArray[np.float64]
    scores: Scores
    presences: Scores


class Silence(StrEnum):
    """Why a window has no vote in the verdict on its file."""

    NONE = ""
    SILENT = "silent"
    BLANK_TAPE = "blank tape"


@dataclass(frozen=True)
class Verdict:
    """The opinion on a whole file.

    Attributes:
        dominant: The label of the instrument that most likely dominates.
        confidence: Calibrated probability that `dominant` is right, 0..1.
        needs_review: True where a person should listen.
        instruments: Labels heard, the one with the largest share of time first.
        scores: (labels,) float32, sums to 1 (all zero where every window is silent).
        presences: (labels,) float32, presence of each label, averaged over the heard time.
        shares: (labels,) float32, share of the heard time in which each label is heard, 0..1.
        silent_windows: How many windows were silent.
    """

    dominant: str
    confidence: float
    needs_review: bool
    instruments: tuple[str, ...]
    scores: Scores
    presences: Scores
    shares: Scores
    silent_windows: int


@dataclass(frozen=True)
class FileResult:
    """One file, analysed.

    Attributes:
        info: What the container says.
        duration_seconds: What was really decoded.
        verdict: The opinion on the file.
        windows: The opinion window by window.
        heard_share: How much of the file's sound was decoded, 0..1; None where the file does not tell.
        warning: A sentence on what was not as it should be (a truncated file, say), or "".
        warning_code: Its `instag.errors.ErrorCode`, or "".
    """

    info: AudioInfo
    duration_seconds: float
    verdict: Verdict
    windows: WindowScores
    heard_share: float | None = None
    warning: str = ""
    warning_code: str = ""
