"""The Morlet bank against PyWavelets' continuous transform."""

import numpy as np
import pytest
import pywt
import torch
from scipy.signal import chirp

from train.models import build
from train.models.morlet import MorletBank

RATE, W0 = 16000, 6.0


@pytest.fixture(scope="module")
def bank():
    return MorletBank(RATE, low_hz=110.0, octaves=6, per_octave=4, hop=128, w0=W0)


def reference(signal, octave, centres_hz, positions):
    """|W| by PyWavelets at samples of our rate, in units of half a sine's amplitude.

    PyWavelets averages a wavelet over each sample, which weakens those of a few samples' width. So the signal is made
    at a rate where they are all long. Its wavelets have unit energy at every scale, ours unit gain.
    """
    oversampling = 2 * 2 ** max(0, octave - 1)
    # cmorB-C: exp(-t^2 / B) exp(2 pi i C t) / sqrt(pi B); so B = 2 and C = w0 / (2 pi) at s = 1.
    scales = W0 / (2 * np.pi) * RATE * oversampling / centres_hz
    wavelet = pywt.ContinuousWavelet(f"cmor2.0-{W0 / (2 * np.pi)}")
    coefficients, _ = pywt.cwt(signal(oversampling), scales, wavelet, method="fft", precision=18)
    return (np.abs(coefficients) / np.sqrt(scales)[:, None])[:, positions * oversampling]


def ours(bank, audio, octave):
    with torch.no_grad():
        real, imaginary = bank.coefficients(torch.tensor(audio, dtype=torch.float32)[None], octave)
    return np.hypot(real[0].numpy(), imaginary[0].numpy())


def chirp_signal(oversampling=1):
    time = np.arange(RATE * oversampling) / (RATE * oversampling)
    return 0.5 * chirp(time, 120.0, 1.0, 6500.0, method="logarithmic")


def impulse_signal(oversampling=1):
    audio = np.zeros(RATE * oversampling)
    audio[np.array([3000, 8001, 12345]) * oversampling] = np.array([1.0, -0.7, 0.4]) * oversampling
    return audio


@pytest.mark.parametrize(("signal", "tolerance"), [(chirp_signal, 0.005), (impulse_signal, 0.02)])
@pytest.mark.parametrize("octave", range(6))
def test_scalogram_agrees_with_pywavelets(bank, signal, tolerance, octave):
    hop = bank.hops[octave]
    got = ours(bank, signal(), octave)
    positions = hop // 2 + hop * np.arange(got.shape[1])  # where our frames lie
    inside = (positions > 0.1 * RATE) & (positions < 0.9 * RATE)  # away from the edges' padding
    expected = reference(signal, octave, bank.centres_hz[octave * 4 : (octave + 1) * 4], positions[inside])
    assert np.abs(got[:, inside] - expected).max() <= tolerance * expected.max()


def test_a_sine_gives_a_quarter_of_its_squared_amplitude_in_its_own_band(bank):
    time = np.arange(RATE) / RATE
    band = 13
    audio = torch.tensor(0.8 * np.sin(2 * np.pi * bank.centres_hz[band] * time), dtype=torch.float32)[None]
    power = bank(audio)[0, :, 20:-20].mean(dim=1)
    assert int(power.argmax()) == band
    assert power[band].item() == pytest.approx(0.8**2 / 4, rel=0.01)


def test_an_impulse_is_seen_wherever_it_falls_between_frames(bank):
    energies = []
    for offset in range(0, 128, 9):
        audio = torch.zeros(1, RATE)
        audio[0, 8000 + offset] = 1.0
        energies.append(bank(audio)[0].sum(dim=1).numpy())
    spread = np.ptp(energies, axis=0) / np.mean(energies, axis=0)
    assert (spread < 0.2).all()


def test_octaves_share_one_frame_rate_and_their_frames_line_up(bank):
    audio = torch.zeros(1, RATE)
    audio[0, 64 * 125] = 1.0  # in the middle of frame 62
    power = bank(audio)[0]
    assert power.shape == (24, RATE // 128)
    centre = (power * torch.arange(power.shape[1])).sum(dim=1) / power.sum(dim=1)
    assert (centre - 62.0).abs().max() < 0.6


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="power of two"):
        MorletBank(RATE, 110.0, 4, 4, hop=100)
    with pytest.raises(ValueError, match="half of 16000 Hz"):
        MorletBank(RATE, 110.0, 8, 4, hop=128)


def test_the_default_system_is_at_most_two_million_parameters():
    assert sum(parameter.numel() for parameter in build("morlet", {}).parameters()) <= 2_000_000
