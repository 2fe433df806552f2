"""Training windows drawn from labelled recordings.

Every window has a generator of its own, seeded by the run's seed and the window's number, and positions are drawn in
shares of a clip. So a run that is taken up again sees the same windows, and systems of different sample rates see the
same music.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from instag.labels import LABELS, OTHER_INDEX
from instag.results import Samples
from train.corpus.manifest import AudioCache
from train.errors import TrainingError
from train.models.blocks import WINDOW_SECONDS
from train.sound.augment import AugmentSettings, WaveformAugment, coloured_noise, near_silence


@dataclass(frozen=True)
class Example:
    """One window with its targets.

    Attributes:
        samples: (samples,) float32.
        dominant: Index of the dominant label.
        present: (12,) bool, labels that are heard; `other` where none of the eleven is.
    """

    samples: Samples
    dominant: int
    present: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Windows with their targets.

    Attributes:
        audio: (batch, samples) float32.
        dominant: (batch, 12) float32, rows sum to 1.
        present: (batch, 12) float32 in 0..1.
    """

    audio: Tensor
    dominant: Tensor
    present: Tensor


class WindowSource:
    """Draws windows, every label equally often.

    Args:
        cache: The decoded recordings.
        labels: The label index of each clip of the cache.
        members: Clips that may be drawn.
        kind_weights: How often a kind of recording is drawn, relative to 1.
        augment: What is done to the windows.
    """

    def __init__(
        self,
        cache: AudioCache,
        labels: Sequence[int],
        members: Sequence[int],
        kind_weights: Mapping[str, float],
        augment: AugmentSettings,
    ) -> None:
        self._cache, self._labels, self._augment = cache, labels, augment
        self._waveform = WaveformAugment(augment)
        self.window = round(cache.sample_rate * WINDOW_SECONDS)
        pools: dict[int, list[int]] = defaultdict(list)
        self._notes: dict[tuple[int, str], list[int]] = defaultdict(list)
        for index in members:
            clip = cache.clips[index]
            pools[labels[index]].append(index)
            if clip.kind == "note":
                self._notes[labels[index], clip.group].append(index)
        if len(pools) < 2:
            raise TrainingError(
                "The training recordings have fewer than two labels.", "Add recordings of further instruments."
            )
        self._pools = {label: (indices, self._shares(indices, kind_weights)) for label, indices in pools.items()}
        self._drawable = sorted(pools)

    def _shares(self, indices: list[int], kind_weights: Mapping[str, float]) -> np.ndarray:
        """Sources count by the root of their clips, so that a big one does not drown the rest, and by their kind."""
        strata: dict[tuple[str, str], int] = defaultdict(int)
        for index in indices:
            clip = self._cache.clips[index]
            strata[clip.source, clip.kind] += 1
        shares = np.array(
            [
                kind_weights.get(clip.kind, 1.0) / np.sqrt(strata[clip.source, clip.kind])
                for clip in (self._cache.clips[index] for index in indices)
            ]
        )
        return shares / shares.sum()

    def _recording(self, rng: np.random.Generator) -> tuple[Samples, int]:
        """One recording's window and its label. Notes of one instrument follow each other until the window is full."""
        label = self._drawable[rng.integers(len(self._drawable))]
        indices, shares = self._pools[label]
        index = int(rng.choice(indices, p=shares))
        clip, length = self._cache.clips[index], self._cache.length(index)
        place = rng.random()
        if length >= self.window:
            return self._cache.samples(index, int(place * (length - self.window)), self.window), label
        samples = np.zeros(self.window, np.float32)
        siblings = self._notes.get((label, clip.group), []) if clip.kind == "note" else []
        filled = 0
        while filled < self.window:
            note = self._cache.samples(index, 0, self.window - filled)
            samples[filled : filled + len(note)] = note
            filled += len(note)
            if not siblings:
                break
            index = siblings[rng.integers(len(siblings))]
        return samples, label

    def example(self, rng: np.random.Generator) -> Example:
        """One window, mixed and augmented."""
        settings = self._augment
        replaced = rng.random()
        if replaced < settings.silent_samples + settings.noisy_samples:
            make = near_silence if replaced < settings.silent_samples else coloured_noise
            return Example(make(self.window, rng), OTHER_INDEX, np.arange(len(LABELS)) == OTHER_INDEX)
        count = int(rng.integers(settings.sources[0], settings.sources[1] + 1))
        total, label = self._recording(rng)
        level = _level_db(total)
        levels = {label: level}
        for _ in range(count - 1):
            further, further_label = self._recording(rng)
            wanted = level - rng.uniform(*settings.level_db)
            total = total + further * np.float32(10 ** ((wanted - _level_db(further)) / 20))
            levels[further_label] = max(wanted, levels.get(further_label, -np.inf))
        heard = [name for name in levels if name != OTHER_INDEX] or [OTHER_INDEX]
        samples = self._waveform(np.clip(total, -1.0, 1.0), self._cache.sample_rate, rng)
        return Example(samples, max(heard, key=lambda name: levels[name]), np.isin(np.arange(len(LABELS)), heard))

    def batch(self, seed: int, first: int, size: int) -> Batch:
        """Windows `first` to `first + size` of the endless series that belongs to the seed."""
        examples = [self.example(np.random.default_rng([seed, number])) for number in range(first, first + size)]
        return Batch(
            torch.from_numpy(np.stack([example.samples for example in examples])),
            torch.eye(len(LABELS))[[example.dominant for example in examples]],
            torch.from_numpy(np.stack([example.present for example in examples]).astype(np.float32)),
        )


def _level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-10))
