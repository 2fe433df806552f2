"""A compact network of our own, from scratch: one coarse log-mel spectrum, residual blocks, under a million parameters.

Few and wide bands on purpose: fine ones show the very notes of a recording, and a network that learns from few
recordings learns those by heart. Wide ones show the colour of the sound, which other players and rooms share.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from train.models.blocks import ResidualBody, System, TwoHeads, levelled
from train.models.frontend import LogMel


class Compact(System):
    """Log-mel and residual blocks.

    Args:
        sample_rate: Of the audio, in Hz.
        n_fft: Samples a frame.
        hop: Samples from frame to frame.
        bands: Number of mel bands.
        low_hz: Lower edge of the lowest band.
        high_hz: Upper edge of the highest band.
        widths: Channels of the stem and of each block.
        dropout: Before the heads.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 512,
        hop: int = 256,
        bands: int = 24,
        low_hz: float = 50.0,
        high_hz: float = 7800.0,
        widths: Sequence[int] = (24, 48, 96, 192),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.log_mel = LogMel(sample_rate, n_fft, hop, bands, low_hz, high_hz)
        self.body = ResidualBody(bands, widths, dropout)
        self.heads = TwoHeads(self.body.features)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one (batch, bands, frames)."""
        return [self.log_mel(levelled(audio))]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectrum -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        return self.heads(self.body(spectra[0]))
