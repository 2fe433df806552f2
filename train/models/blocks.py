"""What several architectures are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from torch import Tensor, nn

from instag.labels import LABELS

WINDOW_SECONDS = 3.0


class System(nn.Module, ABC):
    """A trainable tagger: raw audio in, logits of both outputs of the ONNX contract out.

    The way is cut in two where the spectra are, so that fitting can mask them, pictures can show them, and mixed
    precision can start behind them (powers of ten decades do not fit into half precision).

    Attributes:
        sample_rate: Of the audio, in Hz.
        window_seconds: Length of one input.
        heads: The last layers; a frozen stage trains these alone.
    """

    sample_rate: int
    window_seconds: float = WINDOW_SECONDS
    heads: nn.Module

    @abstractmethod
    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one or several (batch, bands, frames) float32, without trainable parameters."""

    @abstractmethod
    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectra -> `(dominant_logits, present_logits)`, (batch, 12) each."""

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) float32 -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        return self.classify(self.spectra(audio))


class TwoHeads(nn.Module):
    """Linear layers to the two outputs."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.dominant = nn.Linear(features, len(LABELS))
        self.present = nn.Linear(features, len(LABELS))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, features) -> `(dominant_logits, present_logits)`."""
        return self.dominant(features), self.present(features)


class DoubleConv(nn.Module):
    """Two 3 x 3 convolutions, each with batch norm and ReLU: the block of CNN14."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.bn2 = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, height, width) -> (batch, channels_out, height, width)."""
        x = F.relu_(self.bn1(self.conv1(x)))
        return F.relu_(self.bn2(self.conv2(x)))


def levelled(audio: Tensor) -> Tensor:
    """(batch, samples) -> (batch, samples), every window at an RMS of 0.1, silence (below -60 dBFS) by 40 dB at most.

    How loud a collection was recorded says nothing of the instrument. Left in, a network learns it by heart.
    """
    rms = audio.square().mean(dim=1, keepdim=True).sqrt()
    return audio * (0.1 / rms.clamp_min(1e-3))


class ResidualBody(nn.Module):
    """Residual 3 x 3 blocks that halve both axes, over one spectrum; the body of `compact` and of `morlet`.

    A recording's own colour (microphone, room, equaliser) adds a constant to each band of a log spectrum, so each
    band's mean over the window is taken away before anything else; half of it, because the rest is the instrument's.
    On held-out sources both all of it and none of it were clearly worse (train/log/systems_experiments.csv).

    Args:
        bands: Bands of the spectrum.
        widths: Channels of the stem and of each block.
        dropout: Before the heads.
    """

    def __init__(self, bands: int, widths: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(bands)
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.blocks = nn.Sequential(*(_Residual(a, b) for a, b in pairwise(widths)))
        self.dropout = nn.Dropout(dropout)
        self.features = 2 * widths[-1]

    def forward(self, spectrum: Tensor) -> Tensor:
        """(batch, bands, frames) -> (batch, features)."""
        x = self.norm(spectrum)
        x = x - 0.5 * x.mean(dim=2, keepdim=True)
        x = self.blocks(self.stem(x[:, None]))
        return self.dropout(torch.cat([x.mean(dim=(2, 3)), x.mean(dim=2).amax(dim=2)], dim=1))


class _Residual(nn.Module):
    """Two convolutions, the first with stride 2, beside an averaged and widened copy of the input."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.widen = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, height, width) -> (batch, channels_out, height / 2, width / 2), rounded up."""
        return F.relu(self.body(x) + self.widen(x))
