"""Mixtures on the fly: one dominant source, others below it, a band around it, and the room and the carrier.

Labels follow the project's rule: where one of the eleven is heard, the strongest of the eleven dominates, however loud
the rest of the band is; `other` is the label only of mixtures with none of the eleven in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from instag.labels import LABELS, OTHER
from instag.results import Samples
from train.corpus.manifest import AudioCache, Clip
from train.errors import TrainingError
from train.sound.degrade import degrade, rms
from train.sound.draws import ClipDraws, is_rhythm
from train.sound.mix_settings import BACKING, NOTE, MixSettings
from train.sound.stretches import Stretches

# What a backing track of a rock song may hold besides drums and bass; nobody wrote it down.
MAYBE_IN_BACKING = ("acoustic_guitar", "electric_guitar", "organ", "piano", "voice")


@dataclass(frozen=True)
class MixBatch:
    """Mixtures and what is in them.

    Attributes:
        audio: (batch, samples) float32.
        dominant: (batch,) int64, index of the label.
        present: (batch, 12) float32, 1 where the label is heard.
        present_known: (batch, 12) float32, 0 where nobody knows whether the label is heard.
    """

    audio: NDArray[np.float32]
    dominant: NDArray[np.int64]
    present: NDArray[np.float32]
    present_known: NDArray[np.float32]


class _Draft:
    """A mixture in the making."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.present = np.zeros(len(LABELS), np.float32)
        self.known = np.ones(len(LABELS), np.float32)

    def hear(self, label: str, clip: Clip) -> None:
        """Notes that a clip of this label is in the mixture, and what is known of its other labels."""
        self.present[LABELS.index(label)] = 1.0
        if clip.labels:
            self.present[[LABELS.index(name) for name in clip.labels]] = 1.0
        elif clip.kind.endswith("/mix"):
            self.known[:] = 0.0


class Mixer:
    """Draws mixtures from a cache. Batch number n is the same whenever it is drawn, so that a run can resume.

    Args:
        cache: Decoded clips.
        settings: How to mix.
        seed: Of everything random.
        indices: Which of the cache's clips to draw from; all where None.
    """

    def __init__(
        self,
        cache: AudioCache,
        settings: MixSettings,
        seed: int,
        indices: Sequence[int] | None = None,
    ) -> None:
        self.cache = cache
        self.settings = settings
        self.seed = seed
        self.samples = round(settings.window_seconds * cache.sample_rate)
        self._stretches = Stretches(cache, self.samples, settings)
        chosen = range(len(cache)) if indices is None else indices
        self._pools = {label: ClipDraws(cache.clips, chosen, label, settings) for label in LABELS}
        self._rhythm = ClipDraws(cache.clips, [i for i in chosen if is_rhythm(cache.clips[i])], OTHER, settings)
        self._backing = [i for i in chosen if cache.clips[i].kind == BACKING]
        self._pitched = [name for name in LABELS if name != OTHER and self._pools[name]]
        if not self._pitched:
            raise TrainingError(
                "No clip of any of the eleven instruments is left to mix.",
                "Add recordings, or leave fewer sources out.",
            )

    def batch(self, number: int, size: int) -> MixBatch:
        """Batch `number` of this mixer's endless supply."""
        return self.mixtures(range(number * size, (number + 1) * size))

    def mixtures(self, numbers: Sequence[int]) -> MixBatch:
        """The mixtures of these numbers."""
        made = [self._mixture(_Draft(np.random.default_rng([self.seed, number]))) for number in numbers]
        audio, dominant, drafts = zip(*made, strict=True)
        return MixBatch(
            audio=np.stack(audio),
            dominant=np.array([LABELS.index(label) for label in dominant], np.int64),
            present=np.stack([draft.present for draft in drafts]),
            present_known=np.stack([np.maximum(draft.known, draft.present) for draft in drafts]),
        )

    def _mixture(self, draft: _Draft) -> tuple[Samples, str, _Draft]:
        settings, rng = self.settings, draft.rng
        draw = rng.random()
        if draw < settings.silent_share:
            dominant, mix = OTHER, np.zeros(self.samples, np.float32)
        elif draw < settings.silent_share + settings.other_share and self._pools[OTHER]:
            count = int(rng.integers(1, settings.band_count + 1))
            dominant, mix = OTHER, self._others(draft, count, self._pools[OTHER])
        else:
            dominant, mix = self._instruments(draft)
            if rng.random() < settings.band_share:
                mix = self._add_band(draft, mix)
        return degrade(mix, self.cache.sample_rate, settings.degrade, rng), dominant, draft

    def _instruments(self, draft: _Draft) -> tuple[str, Samples]:
        """A dominant instrument and its companions below it."""
        rng = draft.rng
        counts = np.asarray(self.settings.companion_counts)
        companions = min(int(rng.choice(len(counts), p=counts / counts.sum())), len(self._pitched) - 1)
        names = [self._pitched[i] for i in rng.permutation(len(self._pitched))[: companions + 1]]
        mix = np.zeros(self.samples, np.float32)
        for position, name in enumerate(names):
            gain = 1.0 if position == 0 else 10 ** (rng.uniform(*self.settings.companion_db) / 20)
            mix += np.float32(gain) * self._part(draft, name, self._pools[name])
        return names[0], mix

    def _add_band(self, draft: _Draft, mix: Samples) -> Samples:
        """Drums, bass, and whatever else is none of the eleven, at any level."""
        rng = draft.rng
        reference = max(rms(mix), 1e-4)
        if self._backing and rng.random() < self.settings.backing_share:
            index = int(rng.choice(self._backing))
            band = self._stretches.excerpt(rng, index)
            low, high = self.settings.backing_db
            draft.hear(OTHER, self.cache.clips[index])
            draft.known[[LABELS.index(name) for name in MAYBE_IN_BACKING]] = 0.0
        elif self._pools[OTHER]:
            rhythm = bool(self._rhythm) and rng.random() < self.settings.rhythm_share
            pool = self._rhythm if rhythm else self._pools[OTHER]
            band = self._others(draft, int(rng.integers(1, self.settings.band_count + 1)), pool)
            low, high = self.settings.band_db
        else:
            return mix
        gain = 10 ** (rng.uniform(low, high) / 20) * reference / max(rms(band), 1e-4)
        return mix + np.float32(gain) * band

    def _others(self, draft: _Draft, count: int, pool: ClipDraws) -> Samples:
        """Sources of `other` that surely hold none of the eleven, summed."""
        mix = np.zeros(self.samples, np.float32)
        for _ in range(count):
            mix += np.float32(10 ** (draft.rng.uniform(-10.0, 0.0) / 20)) * self._part(draft, OTHER, pool)
        return mix

    def _part(self, draft: _Draft, label: str, pool: ClipDraws) -> Samples:
        """One source for the whole window, at unit RMS."""
        index = pool.draw(draft.rng)
        clip = self.cache.clips[index]
        draft.hear(label, clip)
        part = (
            self._stretches.sequence(draft.rng, index, pool)
            if clip.kind == NOTE
            else self._stretches.excerpt(draft.rng, index)
        )
        return part / np.float32(max(rms(part), 1e-4))
