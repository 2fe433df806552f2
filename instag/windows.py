"""Cuts a stream of samples into the windows that the model hears, all at one level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from instag.constants import LEAST_TAIL_SECONDS, WINDOW_LEVEL_DBFS
from instag.results import Samples, Window

# A level below this is rounding, not sound: the dither of 24 bits has ten times as much.
_ROUNDING = 3e-9
# Room for so many windows, so that what is kept is moved once in a few windows and not at each block.
_HELD_WINDOWS = 4


def cut(
    blocks: Iterable[Samples], sample_rate: int, window_samples: int, overlap_seconds: float = 0.0
) -> Iterator[Window]:
    """Yields the windows of a recording, in order.

    Windows start at 0, hop, 2 hop and so on, where hop = window - overlap, as long as they are full. What remains after
    the last of them, where it is `LEAST_TAIL_SECONDS` or more, gets one window more: the last full window of the file,
    that which ends where the file ends. So nothing but a file shorter than a window is ever padded (with zeros,
    behind). Each window is brought to one level (`level_window`). Memory does not grow with the recording: a few
    windows and a block are held.

    Args:
        blocks: (n,) float32 each, n of any size, 0 too; one after the other they are the recording.
        sample_rate: Of the blocks, in Hz.
        window_samples: Length of a window.
        overlap_seconds: By how much neighbours overlap, 0 or more and less than a window.

    Raises:
        ValueError: The overlap leaves no hop.
    """
    hop = window_samples - round(overlap_seconds * sample_rate)
    if not 0 < hop <= window_samples:
        raise ValueError(f"an overlap of {overlap_seconds} s does not fit windows of {window_samples} samples")

    held = np.empty(_HELD_WINDOWS * window_samples, np.float32)
    count = 0  # samples of `held` that are in use
    end = 0  # of those, counted from the start of the recording
    next_start = 0
    for block in blocks:
        if count + len(block) > len(held):
            # The next window and the last one both start within the last window_samples.
            kept = held[max(0, count - window_samples) : count]
            room = max(len(held), len(kept) + len(block))
            held = np.concatenate((kept, np.empty(room - len(kept), np.float32)))
            count = len(kept)
        held[count : count + len(block)] = block
        count += len(block)
        end += len(block)
        while next_start + window_samples <= end:
            first = next_start - (end - count)
            yield _window(held[first : first + window_samples], next_start, sample_rate)
            next_start += hop

    if end == 0:
        return
    if end < window_samples:
        padded = np.zeros(window_samples, np.float32)
        padded[:end] = held[:count]
        yield _window(padded, 0, sample_rate, own_samples=end)
    elif end - (next_start - hop + window_samples) >= max(1, LEAST_TAIL_SECONDS * sample_rate):
        yield _window(held[count - window_samples : count], end - window_samples, sample_rate)


def _window(samples: Samples, start: int, sample_rate: int, own_samples: int | None = None) -> Window:
    own = samples[:own_samples]
    levelled, level_dbfs = level_window(own)
    if len(own) < len(samples):
        levelled = np.concatenate((levelled, samples[len(own) :]))
    return Window(
        start_seconds=start / sample_rate,
        end_seconds=(start + len(own)) / sample_rate,
        samples=levelled,
        level_dbfs=level_dbfs,
    )


def level_window(samples: Samples) -> tuple[Samples, float]:
    """Takes out the DC offset and brings a window to `WINDOW_LEVEL_DBFS`, or to full scale where peaks reach it first.

    Args:
        samples: (n,) float32, n at least 1.

    Returns:
        The (n,) float32 samples at the common level, in -1..1; and the RMS level in dBFS that they had without the DC
        offset, -inf for digital silence (which stays silent).
    """
    # Only the mean needs more digits than the samples have: it is summed over all of them.
    centred = samples - np.float32(samples.mean(dtype=np.float64))
    rms = math.sqrt(float(np.dot(centred, centred)) / len(centred))
    if rms < _ROUNDING:
        return np.zeros_like(samples), -math.inf
    peak = max(float(centred.max()), -float(centred.min()))
    factor = np.float32(min(10 ** (WINDOW_LEVEL_DBFS / 20) / rms, 1.0 / peak))
    centred *= factor
    if np.float32(peak) * factor > 1.0:  # by rounding
        np.clip(centred, -1.0, 1.0, out=centred)
    return centred, 20 * math.log10(rms)
