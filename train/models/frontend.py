"""Spectra as convolutions with fixed kernels, so that they export to ONNX and run the same everywhere.

ONNX Runtime's STFT and DFT operators are slow, and inexact unless n_fft is a power of two.
"""

from __future__ import annotations

import librosa
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from torch import Tensor, nn


def hann(length: int) -> np.ndarray:
    """Periodic Hann window, (length,) float64."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def fourier_kernels(n_fft: int, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hann-windowed cosine and minus sine rows of the given bins, (bins, n_fft) float64 each."""
    angle = 2 * np.pi * np.outer(bins, np.arange(n_fft)) / n_fft
    return np.cos(angle) * hann(n_fft), -np.sin(angle) * hann(n_fft)


class PowerSpectrogram(nn.Module):
    """Short-time power spectrum of one frequency band.

    Only the band's own bins are computed, so a narrow band at a long window is cheap.

    Args:
        sample_rate: Of the audio, in Hz.
        n_fft: Samples a frame.
        hop: Samples from frame to frame.
        low_hz: Lowest bin centre that is kept.
        high_hz: First bin centre that is not kept; None keeps all up to and with the Nyquist frequency.
    """

    def __init__(
        self, sample_rate: int, n_fft: int, hop: int, low_hz: float = 0.0, high_hz: float | None = None
    ) -> None:
        super().__init__()
        centres = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
        bins = np.flatnonzero((centres >= low_hz) & (centres < (np.inf if high_hz is None else high_hz)))
        if bins.size == 0:
            raise ValueError(f"no bin of a {n_fft}-point spectrum lies in {low_hz} to {high_hz} Hz")
        self.n_fft, self.hop, self.bins = n_fft, hop, int(bins.size)
        self.centres_hz = centres[bins]
        kernels = np.concatenate(fourier_kernels(n_fft, bins))[:, None, :]
        self.register_buffer("kernels", torch.tensor(kernels, dtype=torch.float32), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) float32 -> (batch, bins, frames) float32, frames centred on multiples of the hop."""
        half = self.n_fft // 2
        padded = F.pad(audio[:, None, :], (half, half), mode="reflect")
        parts = F.conv1d(padded, self.kernels, stride=self.hop)
        return parts[:, : self.bins] ** 2 + parts[:, self.bins :] ** 2


def mel_bank(sample_rate: int, n_fft: int, bands: int, low_hz: float, high_hz: float) -> Tensor:
    """Slaney's mel filters, (bands, n_fft // 2 + 1) float32."""
    bank = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=bands, fmin=low_hz, fmax=high_hz)
    return torch.from_numpy(np.ascontiguousarray(bank, np.float32))


class LogMel(nn.Module):
    """Log power in mel bands.

    Args:
        sample_rate: Of the audio, in Hz.
        n_fft: Samples a frame.
        hop: Samples from frame to frame.
        bands: Number of mel bands.
        low_hz: Lower edge of the lowest band.
        high_hz: Upper edge of the highest band.
    """

    def __init__(self, sample_rate: int, n_fft: int, hop: int, bands: int, low_hz: float, high_hz: float) -> None:
        super().__init__()
        self.power = PowerSpectrogram(sample_rate, n_fft, hop)
        self.register_buffer("bank", mel_bank(sample_rate, n_fft, bands, low_hz, high_hz), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) float32 -> (batch, bands, frames) float32."""
        return log_compress(torch.matmul(self.bank, self.power(audio)))


def log_compress(power: Tensor) -> Tensor:
    """Natural logarithm with a floor that lies under the noise of 16-bit recordings."""
    return torch.log(power + 1e-5)
