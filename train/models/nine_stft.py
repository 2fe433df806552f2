"""The report's Model 1: nine spectrograms of a window, a small CNN on each, one fully connected layer over all.

Three window lengths (fine in pitch, in between, fine in time) by three frequency ranges. The report found it too wide
and not deep enough, and that is how it is built here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from train.models.blocks import System, TwoHeads
from train.models.frontend import PowerSpectrogram, log_compress


class NineStft(System):
    """Model 1.

    Args:
        sample_rate: Of the audio, in Hz.
        n_ffts: The window lengths, in samples; frames overlap by half.
        edges_hz: Four edges of the three frequency ranges.
        widths: Channels of the convolutions of each path.
        hidden: Size of the layer that merges the paths.
        dropout: Before the heads.
    """

    def __init__(
        self,
        sample_rate: int = 22050,
        n_ffts: Sequence[int] = (1024, 512, 256),
        edges_hz: Sequence[float] = (0.0, 1000.0, 4000.0, 11025.0),
        widths: Sequence[int] = (16, 32),
        hidden: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.views = nn.ModuleList(
            PowerSpectrogram(sample_rate, n_fft, n_fft // 2, low, high)
            for n_fft in n_ffts
            for low, high in pairwise(edges_hz)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(view.bins) for view in self.views)
        self.paths = nn.ModuleList(_path(widths) for _ in self.views)
        self.merge = nn.Sequential(nn.Linear(2 * widths[-1] * len(self.views), hidden), nn.ReLU(), nn.Dropout(dropout))
        self.heads = TwoHeads(hidden)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> nine (batch, bands, frames), window lengths outside, ranges inside."""
        return [log_compress(view(audio)) for view in self.views]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectra -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        merged = []
        for spectrum, norm, path in zip(spectra, self.norms, self.paths, strict=True):
            x = path(norm(spectrum)[:, None])
            merged += [x.mean(dim=(2, 3)), x.amax(dim=(2, 3))]
        return self.heads(self.merge(torch.cat(merged, dim=1)))


def _path(widths: Sequence[int]) -> nn.Sequential:
    """One convolution and one pooling a width."""
    layers: list[nn.Module] = []
    for channels_in, channels_out in zip([1, *widths], widths, strict=False):
        layers += [
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers)
