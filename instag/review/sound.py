"""What the page draws and plays of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from instag.audio import open_audio

# As many as a wide screen shows.
PEAK_COLUMNS = 1000
# Enough for a picture of the loudness, and a fifth of the work.
_PEAK_RATE = 8000
_MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


def media_type(path: Path) -> str:
    """What a browser is told of a file; never anything that it would show or run."""
    return _MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")


def peaks_of(path: Path, seconds: float) -> list[int]:
    """The waveform: the largest magnitude in each of `PEAK_COLUMNS` equal parts, in percent of full scale.

    Args:
        path: The recording; it is decoded block by block.
        seconds: Its length.

    Raises:
        FileError: It cannot be read.
    """
    peaks = np.zeros(PEAK_COLUMNS, np.float32)
    columns_per_sample = PEAK_COLUMNS / max(1.0, seconds * _PEAK_RATE)
    at = 0
    with open_audio(path, _PEAK_RATE) as stream:
        for block in stream.blocks():
            places = np.minimum(PEAK_COLUMNS - 1, (np.arange(at, at + len(block)) * columns_per_sample).astype(int))
            np.maximum.at(peaks, places, np.abs(block))
            at += len(block)
    return [round(100 * float(peak)) for peak in peaks]
