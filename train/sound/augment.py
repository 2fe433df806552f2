"""Augmentations, each alone or together: on waveforms through audiomentations, on spectra and batches in a few lines.

A probability of 0 switches one off. Every draw comes from the generator that is handed in, so that a run can be taken
up again in the middle and see what it would have seen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import audiomentations
import numpy as np
import torch
from torch import Tensor

from instag.results import Samples


@dataclass(frozen=True)
class AugmentSettings:
    """What is done to the training windows.

    Attributes:
        time_stretch: Probability of playing up to a quarter faster or a fifth slower at the same pitch.
        pitch_shift: Probability of moving the pitch by up to two semitones.
        noise: Probability of white noise, 5 to 40 dB below the signal.
        volume: Probability of a gain of -18 to +6 dB.
        silent_samples: Share of windows that are replaced by near silence, labelled `other`.
        noisy_samples: Share of windows that are replaced by coloured noise alone, labelled `other`.
        spec_augment: Probability of masked bands and frames (Park et al., 2019).
        mixup: Probability that a window is blended with another of its batch, targets too (Zhang et al., 2018).
        sources: Least and most recordings that are summed in a window, their labels merged.
        level_db: How far the further recordings lie below the first, least and most.
    """

    time_stretch: float = 0.0
    pitch_shift: float = 0.0
    noise: float = 0.0
    volume: float = 0.0
    silent_samples: float = 0.0
    noisy_samples: float = 0.0
    spec_augment: float = 0.0
    mixup: float = 0.0
    sources: tuple[int, int] = (1, 1)
    level_db: tuple[float, float] = (3.0, 12.0)


class WaveformAugment:
    """Stretch, pitch, noise and volume."""

    def __init__(self, settings: AugmentSettings) -> None:
        self._chain = audiomentations.Compose(
            [
                audiomentations.TimeStretch(min_rate=0.8, max_rate=1.25, p=settings.time_stretch),
                audiomentations.PitchShift(min_semitones=-2.0, max_semitones=2.0, p=settings.pitch_shift),
                audiomentations.AddGaussianSNR(min_snr_db=5.0, max_snr_db=40.0, p=settings.noise),
                audiomentations.Gain(min_gain_db=-18.0, max_gain_db=6.0, p=settings.volume),
            ]
        )

    def __call__(self, samples: Samples, sample_rate: int, rng: np.random.Generator) -> Samples:
        """(samples,) float32 -> (samples,) float32 of the same length, within -1..1."""
        # The library draws from the global generators of `random` and NumPy.
        seed = int(rng.integers(2**32))
        random.seed(seed)
        np.random.seed(seed)
        return np.clip(self._chain(samples, sample_rate), -1.0, 1.0).astype(np.float32)


def near_silence(length: int, rng: np.random.Generator) -> Samples:
    """(length,) float32 white noise at -100 to -70 dBFS, as a muted track or an empty groove has it."""
    return (rng.standard_normal(length) * 10 ** (rng.uniform(-100, -70) / 20)).astype(np.float32)


def coloured_noise(length: int, rng: np.random.Generator) -> Samples:
    """(length,) float32 noise between white and brown at -50 to -10 dBFS."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] /= np.arange(1, spectrum.size) ** rng.uniform(0.0, 1.0)
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum, length)
    noise *= 10 ** (rng.uniform(-50, -10) / 20) / np.sqrt(np.mean(noise**2))
    return np.clip(noise, -1.0, 1.0).astype(np.float32)


def spec_augment(spectra: list[Tensor], probability: float, rng: np.random.Generator) -> list[Tensor]:
    """Sets two stripes of bands and two of frames to the spectrum's mean, each up to an eighth of the axis wide.

    Args:
        spectra: (batch, bands, frames) each; a window that is masked is masked in all of them.
        probability: Of a window to be masked.
        rng: What the draws come from.

    Returns:
        Spectra of the same shapes.
    """
    chosen = rng.random(len(spectra[0])) < probability
    masked = []
    for spectrum in spectra:
        keep = np.ones(tuple(spectrum.shape), bool)
        for item in np.flatnonzero(chosen):
            for axis in (0, 1, 0, 1):
                size = spectrum.shape[axis + 1]
                width = int(rng.integers(0, size // 8 + 1))
                start = int(rng.integers(0, size - width + 1))
                np.moveaxis(keep[item], axis, 0)[start : start + width] = False
        mean = spectrum.mean(dim=(1, 2), keepdim=True)
        masked.append(torch.where(torch.from_numpy(keep).to(spectrum.device), spectrum, mean))
    return masked


def mixup(
    audio: Tensor, targets: tuple[Tensor, Tensor], probability: float, rng: np.random.Generator
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Blends windows with others of the batch, by a share from Beta(0.4, 0.4).

    Args:
        audio: (batch, samples).
        targets: `(dominant, present)`, (batch, 12) each.
        probability: Of a window to be blended.
        rng: What the draws come from.

    Returns:
        Audio and targets of the same shapes.
    """
    partner = torch.from_numpy(rng.permutation(len(audio))).to(audio.device)
    share = np.where(rng.random(len(audio)) < probability, rng.beta(0.4, 0.4, len(audio)), 1.0)
    kept = torch.from_numpy(share.astype(np.float32)).to(audio.device)[:, None]
    dominant, present = (kept * target + (1 - kept) * target[partner] for target in targets)
    return kept * audio + (1 - kept) * audio[partner], (dominant, present)
