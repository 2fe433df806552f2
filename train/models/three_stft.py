"""The report's Model 2: three spectrograms, each of one frequency band at the window length that suits it.

0 to 1000 Hz at 1024 points, 1000 to 4000 Hz at 512, 4000 to 11025 Hz at 256, a deeper CNN14-like path on each, one
fully connected layer of 512 over all. Depth and width are `widths`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from torch import Tensor, nn

from train.models.blocks import DoubleConv, System, TwoHeads
from train.models.frontend import PowerSpectrogram, log_compress


class ThreeStft(System):
    """Model 2.

    Args:
        sample_rate: Of the audio, in Hz.
        edges_hz: Four edges of the three bands.
        n_ffts: Window length of each band, in samples.
        hops: Samples from frame to frame, of each band.
        widths: Channels of each double convolution of a path; both axes are halved after each.
        hidden: Size of the layer that merges the paths.
        dropout: Before the heads.
    """

    def __init__(
        self,
        sample_rate: int = 22050,
        edges_hz: Sequence[float] = (0.0, 1000.0, 4000.0, 11025.0),
        n_ffts: Sequence[int] = (1024, 512, 256),
        hops: Sequence[int] = (512, 512, 256),
        widths: Sequence[int] = (64, 128, 256, 512),
        hidden: int = 512,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        bands = zip(n_ffts, hops, edges_hz, edges_hz[1:], strict=False)
        self.views = nn.ModuleList(PowerSpectrogram(sample_rate, *band) for band in bands)
        self.norms = nn.ModuleList(nn.BatchNorm1d(view.bins) for view in self.views)
        self.paths = nn.ModuleList(
            nn.ModuleList(DoubleConv(a, b) for a, b in zip([1, *widths], widths, strict=False)) for _ in self.views
        )
        self.merge = nn.Sequential(nn.Linear(widths[-1] * len(self.views), hidden), nn.ReLU(), nn.Dropout(dropout))
        self.heads = TwoHeads(hidden)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> three (batch, bands, frames), lowest band first."""
        return [log_compress(view(audio)) for view in self.views]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectra -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        merged = []
        for spectrum, norm, path in zip(spectra, self.norms, self.paths, strict=True):
            x = norm(spectrum)[:, None]
            for block in path.children():
                x = F.avg_pool2d(block(x), 2)
            x = x.mean(dim=2)
            merged.append(x.amax(dim=2) + x.mean(dim=2))
        return self.heads(self.merge(torch.cat(merged, dim=1)))
