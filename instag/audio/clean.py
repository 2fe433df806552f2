"""Takes out what is not sound and would spoil what comes after it: single wild samples, and a large DC offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instag.results import Samples

# Lossy codecs overshoot full scale by less than this.
OVERSHOOT = 2.0
# A few samples of a block that are so many times as large as all the others are damage, not a loud passage.
_TIMES_THE_REST = 8.0
_FEW = 1e-3


@dataclass
class Cleaner:
    """Cleans the mono blocks of one recording, in their order.

    A wild sample counts as silence; else the limiter would turn the whole recording down for it. An offset that is
    larger than the sound itself is taken out before resampling, which makes a click of it at both ends of the file. A
    smaller one does no harm there: windows lose theirs when they are levelled.

    Attributes:
        mended_samples: How many wild samples there were.
    """

    mended_samples: int = 0
    _offset: np.float32 | None = None

    def clean(self, samples: Samples) -> Samples:
        """A block without what is not sound.

        Args:
            samples: (n,) float32, finite; not changed.

        Returns:
            (n,) float32; `samples` itself where there is nothing to clean.
        """
        if not len(samples):
            return samples
        samples = self._without_wild(samples)
        if self._offset is None:
            mean, spread = samples.mean(dtype=np.float64), samples.std(dtype=np.float64)
            self._offset = np.float32(mean if abs(mean) > spread else 0.0)
        return samples - self._offset if self._offset else samples

    def _without_wild(self, samples: Samples) -> Samples:
        size = np.abs(samples)
        if size.max() <= OVERSHOOT:
            return samples
        few = max(1, int(len(samples) * _FEW))
        if len(samples) <= few:
            return samples
        rest = float(np.partition(size, -few - 1)[-few - 1])
        wild = size > max(OVERSHOOT, _TIMES_THE_REST * rest)
        if not wild.any():
            return samples
        self.mended_samples += int(wild.sum())
        return np.where(wild, np.float32(0.0), samples)
