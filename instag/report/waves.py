"""A recording's waveform and spectrogram in as many columns as a picture has, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from instag.results import Samples

FRAME_SAMPLES = 1024
_HOP_SAMPLES = FRAME_SAMPLES // 2
# Quieter than this is drawn as silence.
FLOOR_DB = -100.0


@dataclass(frozen=True)
class Waves:
    """What is drawn of a recording's sound.

    Attributes:
        lowest: (columns,) float32, the lowest sample of each column, -1..1.
        highest: (columns,) float32, the highest.
        power_db: (bins, columns) float32, mean power of each frequency in dB, 0 for a sine at full scale.
        top_hz: The frequency of the last bin; the first is 0 Hz.
    """

    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    power_db: NDArray[np.float32]
    top_hz: float


def waves_of(blocks: Iterable[Samples], sample_rate: int, seconds: float, columns: int) -> Waves:
    """Adds up a recording, block by block.

    Args:
        blocks: Its samples, (n,) float32.
        sample_rate: Of the samples, in Hz.
        seconds: Its length; sound behind it goes into the last column.
        columns: How many the picture has; a short recording gets fewer, at least one.
    """
    # Two frames and more for each, so that none stays empty.
    columns = max(1, min(columns, int(seconds * sample_rate) // (2 * _HOP_SAMPLES)))
    lowest, highest = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    power = np.zeros((columns, FRAME_SAMPLES // 2 + 1))
    frames_in = np.zeros(columns)
    window = np.hanning(FRAME_SAMPLES).astype(np.float32)
    scale = 2 / window.sum()
    rest = np.zeros(0, np.float32)
    at = 0
    for block in chain(blocks, [np.zeros(FRAME_SAMPLES, np.float32)]):
        samples = np.concatenate([rest, block])
        count = max(0, (len(samples) - FRAME_SAMPLES) // _HOP_SAMPLES + 1)
        rest = samples[count * _HOP_SAMPLES :]
        if not count:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::_HOP_SAMPLES][:count]
        starts = (at + _HOP_SAMPLES * np.arange(count)) / sample_rate
        places = np.minimum(columns - 1, (starts / max(seconds, 1e-9) * columns).astype(int))
        spectrum = np.abs(np.fft.rfft(frames * window, axis=1)) * scale
        np.add.at(power, places, spectrum**2)
        np.add.at(frames_in, places, 1)
        np.minimum.at(lowest, places, frames[:, :_HOP_SAMPLES].min(axis=1))
        np.maximum.at(highest, places, frames[:, :_HOP_SAMPLES].max(axis=1))
        at += count * _HOP_SAMPLES
    mean = power / np.maximum(1, frames_in)[:, None]
    decibels = 10 * np.log10(np.maximum(mean, 10 ** (FLOOR_DB / 10)))
    return Waves(lowest, highest, decibels.T.astype(np.float32), sample_rate / 2)
