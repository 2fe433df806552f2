"""From a decoder's blocks to one clean channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instag.results import Samples

# No sample format has larger numbers (32-bit integers kept as floats): what is larger is damage.
_LARGEST = 2.0**32
# Independent channels of equal power p average to p / channels. Below half of that, they cancel each other.
_CANCELLING_BELOW = 0.5
# Where the average has more than this of the channels' power they are much the same, and none is noise.
_ALIKE_FROM = 0.9
_SEGMENTS, _SEGMENT_FRAMES = 8, 2048
# Noise has as much power at every frequency: the geometric mean of its spectrum is near the arithmetic one. Of music
# it is a few hundredths.
_NOISE_FLATNESS, _TIMES_AS_FLAT = 0.3, 4.0
_MUSIC_FROM_HZ, _MUSIC_TO_HZ = 150.0, 6000.0
# What has less than this above the hum of the mains is hum.
_HUM_SHARE, _MUSIC_SHARE = 0.02, 0.1
# Further below the loudest channel than this, a channel is no recording of its own but what leaks into it.
_LEAST_POWER = 1e-4


@dataclass
class Mixer:
    """Mixes blocks down, and keeps count of what it had to mend.

    The channels are averaged. Where that would cancel them, as with a stereo transfer of reversed polarity, the block's
    loudest channel stands for all. A channel of nothing but noise or hum, which would hide a quiet one, is left out
    where another one has music. NaN, infinities and numbers beyond any sample format become 0.

    Attributes:
        sample_rate: Of the blocks, in Hz.
        mended_samples: How many numbers were none that a sample can be.
    """

    sample_rate: int
    mended_samples: int = 0

    def mix(self, block: Samples) -> Samples:
        """One channel of a block.

        Args:
            block: (frames, channels) float32; it may be mended in place.

        Returns:
            (frames,) float32.
        """
        frames, channels = block.shape
        with np.errstate(over="ignore", invalid="ignore"):
            mono = self._average(block)
            power = float(np.dot(mono, mono))
        if not power < _LARGEST * frames:  # NaN compares false
            bad = ~(np.abs(block) < _LARGEST)
            self.mended_samples += int(bad.sum())
            block[bad] = 0.0
            mono = self._average(block)
            power = float(np.dot(mono.astype(np.float64), mono))
        if channels > 1:
            mean_power = float(np.vdot(block, block)) / channels
            if power < _CANCELLING_BELOW * mean_power / channels:
                loudest = int(np.einsum("fc,fc->c", block, block).argmax())
                mono = block[:, loudest].copy()
            elif power < _ALIKE_FROM * mean_power:
                music = music_channels(block, self.sample_rate)
                mono = mono if music.all() else self._average(block[:, music])
        return mono

    @staticmethod
    def _average(block: Samples) -> Samples:
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0].copy()
        return block @ np.full(channels, 1 / channels, np.float32)


def music_channels(block: Samples, sample_rate: int) -> NDArray[np.bool_]:
    """Which channels to average: all, or those with music where the others are nothing but noise or hum.

    Args:
        block: (frames, channels) float32.
        sample_rate: In Hz.

    Returns:
        (channels,) bool, one True at least.
    """
    channels = block.shape[1]
    if len(block) < _SEGMENT_FRAMES:
        return np.ones(channels, np.bool_)
    starts = np.linspace(0, len(block) - _SEGMENT_FRAMES, _SEGMENTS).astype(int)
    segments = np.stack([block[start : start + _SEGMENT_FRAMES] for start in starts])
    windowed = segments * np.hanning(_SEGMENT_FRAMES).astype(np.float32)[None, :, None]
    spectrum = (np.abs(np.fft.rfft(windowed, axis=1)) ** 2).mean(axis=0) + 1e-20
    hertz = np.fft.rfftfreq(_SEGMENT_FRAMES, 1 / sample_rate)
    middle = spectrum[(hertz >= _MUSIC_FROM_HZ) & (hertz <= _MUSIC_TO_HZ)]
    flatness = np.exp(np.log(middle).mean(axis=0)) / middle.mean(axis=0)
    above_hum = spectrum[hertz >= _MUSIC_FROM_HZ].sum(axis=0) / spectrum.sum(axis=0)
    is_music = (flatness < _NOISE_FLATNESS) & (above_hum > _MUSIC_SHARE)
    is_music &= spectrum.sum(axis=0) > _LEAST_POWER * spectrum.sum(axis=0).max()
    if not is_music.any():
        return np.ones(channels, np.bool_)
    is_noise = (flatness >= _NOISE_FLATNESS) & (flatness >= _TIMES_AS_FLAT * flatness[is_music].max())
    kept: NDArray[np.bool_] = ~is_noise & (above_hum > _HUM_SHARE) | is_music
    return kept


@dataclass
class Limiter:
    """Keeps samples within -1..1 by turning down, never by clipping, which would add a sound of its own.

    From the first sample that is too large on, everything is divided by the largest one so far. Decoders of lossy
    formats overshoot by some percent; floats that hold integers exceed by orders of magnitude.

    Attributes:
        peak: Largest absolute value met, at least 1.
    """

    peak: float = 1.0

    def limit(self, samples: Samples) -> Samples:
        """Turned down where needed.

        Args:
            samples: (n,) float32, finite.
        """
        if len(samples):
            self.peak = max(self.peak, float(samples.max()), -float(samples.min()))
        return samples if self.peak == 1.0 else samples / np.float32(self.peak)
