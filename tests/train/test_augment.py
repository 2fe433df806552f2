"""Augmentations: lengths, ranges, repeatability, and what each changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from train.sound.augment import (
    AugmentSettings,
    WaveformAugment,
    coloured_noise,
    mixup,
    near_silence,
    spec_augment,
)

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 500 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def peak_hz(audio):
    return np.abs(np.fft.rfft(audio * np.hanning(len(audio)))).argmax() * RATE / len(audio)


@pytest.mark.parametrize("name", ["time_stretch", "pitch_shift", "noise", "volume"])
def test_waveform_augmentation_keeps_length_and_repeats(name):
    augment = WaveformAugment(replace(AugmentSettings(), **{name: 1.0}))
    first = augment(TONE, RATE, np.random.default_rng(3))
    again = augment(TONE, RATE, np.random.default_rng(3))
    other = augment(TONE, RATE, np.random.default_rng(4))
    assert first.shape == TONE.shape
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1.0
    assert np.array_equal(first, again)
    assert not np.array_equal(first, TONE)
    assert not np.array_equal(first, other)


def test_without_probabilities_nothing_changes():
    assert np.array_equal(WaveformAugment(AugmentSettings())(TONE, RATE, np.random.default_rng(0)), TONE)


def test_pitch_shift_moves_the_pitch_and_time_stretch_does_not():
    shift = WaveformAugment(AugmentSettings(pitch_shift=1.0))
    stretch = WaveformAugment(AugmentSettings(time_stretch=1.0))
    shifted = [peak_hz(shift(TONE, RATE, np.random.default_rng(seed))) for seed in range(6)]
    stretched = [peak_hz(stretch(TONE, RATE, np.random.default_rng(seed))) for seed in range(6)]
    assert max(abs(np.log2(pitch / 500)) for pitch in shifted) > 1 / 24
    assert max(abs(np.log2(pitch / 500)) for pitch in shifted) < 2.2 / 12
    assert max(abs(np.log2(pitch / 500)) for pitch in stretched) < 0.02


def test_silence_and_noise_have_the_levels_they_claim():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert -102 < 20 * np.log10(near_silence(RATE, rng).std()) < -68
        assert -51 < 20 * np.log10(coloured_noise(RATE, rng).std()) < -9


def test_spec_augment_masks_chosen_windows_only():
    spectra = [torch.randn(6, 40, 80), torch.randn(6, 20, 160)]
    masked = spec_augment(spectra, 1.0, np.random.default_rng(1))
    for before, after in zip(spectra, masked, strict=True):
        changed = (before != after).float().mean(dim=(1, 2))
        assert (changed > 0).all()
        assert (changed < 0.5).all()
    untouched = spec_augment(spectra, 0.0, np.random.default_rng(1))
    assert all(torch.equal(a, b) for a, b in zip(spectra, untouched, strict=True))


def test_mixup_blends_targets_as_it_blends_audio():
    audio = torch.eye(4)  # so that the blend of the audio shows the shares
    mixed, (dominant, present) = mixup(audio, (torch.eye(4), torch.eye(4)), 1.0, np.random.default_rng(2))
    assert torch.equal(mixed, dominant)
    assert torch.equal(mixed, present)
    assert torch.allclose(dominant.sum(dim=1), torch.ones(4))
    assert not torch.equal(mixed, audio)
    same, _ = mixup(audio, (torch.eye(4), torch.eye(4)), 0.0, np.random.default_rng(2))
    assert torch.equal(same, audio)
