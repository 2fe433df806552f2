"""The report's Model 3: a Morlet wavelet front end inside the model, at most two million parameters.

It was too slow because a wavelet transform at the audio's rate costs samples x kernel length. But a wavelet's output
changes no faster than the wavelet is wide: a low one is long and may be evaluated rarely, a high one is evaluated often
and is short. Octave by octave, with a hop of at most the narrowest wavelet's standard deviation, every octave costs the
same few million multiplications, and nothing between two frames is missed. The power is then averaged to one frame
rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from torch import Tensor, nn

from train.models.blocks import ResidualBody, System, TwoHeads, levelled
from train.models.frontend import log_compress

# Raises the power to that of a 512-point Hann spectrum, so that the logarithm's floor lies as deep under a tone.
_POWER_SCALE = 2.0**16

# Where the Gaussian is cut off, in standard deviations: exp(-4**2 / 2) = 0.0003.
_REACH = 4.0


class MorletBank(nn.Module):
    """Power of complex Morlet wavelets, psi(t) = exp(-t^2 / 2 s^2) exp(i w0 t / s), centred on w0 / (2 pi s).

    Each wavelet has unit gain for a sine of amplitude 2 at its centre frequency (so half the amplitude comes out).

    Args:
        sample_rate: Of the audio, in Hz.
        low_hz: Lowest centre frequency.
        octaves: How many octaves above it.
        per_octave: Wavelets an octave.
        hop: Samples from frame to frame, a power of two.
        w0: Oscillations within the Gaussian, times 2 pi.
    """

    def __init__(
        self, sample_rate: int, low_hz: float, octaves: int, per_octave: int, hop: int, w0: float = 6.0
    ) -> None:
        super().__init__()
        if hop & (hop - 1):
            raise ValueError(f"hop must be a power of two, not {hop}")
        self.hop, self.per_octave = hop, per_octave
        self.centres_hz = low_hz * 2.0 ** (np.arange(octaves * per_octave) / per_octave)
        if self.centres_hz[-1] >= sample_rate / 2:
            raise ValueError(f"wavelets reach {self.centres_hz[-1]:.0f} Hz, over half of {sample_rate} Hz")
        self.hops: list[int] = []
        for octave in range(octaves):
            sigmas = w0 * sample_rate / (2 * np.pi * self.centres_hz[octave * per_octave : (octave + 1) * per_octave])
            self.hops.append(min(hop, 2 ** max(0, math.floor(math.log2(sigmas.min())))))
            time = np.arange(-math.ceil(_REACH * sigmas.max()), math.ceil(_REACH * sigmas.max()) + 1)[None, :]
            envelope = np.exp(-0.5 * (time / sigmas[:, None]) ** 2)
            envelope /= envelope.sum(axis=1, keepdims=True)
            phase = w0 * time / sigmas[:, None]
            kernels = np.concatenate([envelope * np.cos(phase), -envelope * np.sin(phase)])[:, None, :]
            self.register_buffer(f"kernels_{octave}", torch.tensor(kernels, dtype=torch.float32), persistent=False)

    def coefficients(self, audio: Tensor, octave: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts, (batch, per_octave, frames) each, at samples `hops[octave] * (k + 0.5)`."""
        hop = self.hops[octave]
        kernels = self.get_buffer(f"kernels_{octave}")
        half = kernels.shape[2] // 2
        padded = F.pad(audio[:, None, :], (half - hop // 2, half))
        parts = F.conv1d(padded, kernels, stride=hop)
        return parts[:, : self.per_octave], parts[:, self.per_octave :]

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) float32 -> (batch, octaves * per_octave, samples // hop) float32 power, lowest first."""
        frames = audio.shape[1] // self.hop
        octaves = []
        for octave, hop in enumerate(self.hops):
            real, imaginary = self.coefficients(audio, octave)
            power = F.avg_pool1d(real**2 + imaginary**2, self.hop // hop)
            octaves.append(power[:, :, :frames])
        return torch.cat(octaves, dim=1)


class Morlet(System):
    """Scalogram and residual blocks.

    Args:
        sample_rate: Of the audio, in Hz.
        low_hz: Lowest centre frequency.
        octaves: How many octaves above it.
        per_octave: Wavelets an octave.
        hop: Samples from frame to frame, a power of two.
        widths: Channels of the stem and of each block.
        dropout: Before the heads.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        low_hz: float = 55.0,
        octaves: int = 7,
        per_octave: int = 10,
        hop: int = 128,
        widths: Sequence[int] = (24, 48, 96, 192),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.bank = MorletBank(sample_rate, low_hz, octaves, per_octave, hop)
        self.body = ResidualBody(octaves * per_octave, widths, dropout)
        self.heads = TwoHeads(self.body.features)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one (batch, bands, frames)."""
        return [log_compress(_POWER_SCALE * self.bank(levelled(audio)))]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Scalogram -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        return self.heads(self.body(spectra[0]))
