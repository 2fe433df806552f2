"""From a decoder's blocks to one clean channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instag.results import Samples

# No sample format has larger numbers (32-bit integers kept as floats): what is larger is damage.
_LARGEST = 2.0**32
# Independent channels of equal power p average to p / channels. Below half of that, they cancel each other.
_CANCELLING_BELOW = 0.5


@dataclass
class Mixer:
    """Mixes blocks down, and keeps count of what it had to mend.

    The channels are averaged. Where that would cancel them, as with a stereo transfer of reversed polarity, the block's
    loudest channel stands for all. NaN, infinities and numbers beyond any sample format become 0.

    Attributes:
        mended_samples: How many numbers were none that a sample can be.
    """

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
        return mono

    @staticmethod
    def _average(block: Samples) -> Samples:
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0].copy()
        return block @ np.full(channels, 1 / channels, np.float32)


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
