"""EfficientAT's mn04 in PyTorch: MobileNetV3 at width 0.4, distilled on AudioSet (Schmid et al. 2023, MIT licence).

Written from the published description; the names of the parts are those of the published state dict, which loads
strictly. The front end (Kaldi's mel bands) is built for speed in onnxruntime: a discrete Fourier transform in two
stages, each of them plain matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

PRETRAINED_RATE = 32_000
# At 32 kHz: 1024 points, 800 samples of window, 320 from frame to frame. Other rates keep the same times and bins.
FRAMES_PER_SECOND = 100
ROWS, ROWS_A_HOP = 32, 10
MEL_BANDS, HIGHEST_HZ = 128, 15_000.0
PRE_EMPHASIS = 0.97
LOG_OFFSET = 1e-5
POOLED, HIDDEN, CLASSES = 384, 512, 527
# What a window's level is set to before the front end, and the level under which nothing is amplified.
TARGET_LEVEL_DBFS, LEAST_LEVEL_DBFS = -20.0, -110.0


@dataclass(frozen=True)
class Block:
    """One inverted residual of the body at full width.

    Attributes:
        channels_in: Channels that come in.
        kernel: Side of the depthwise kernel.
        expanded: Channels of the depthwise convolution.
        channels_out: Channels that go out.
        squeeze: Whether the expanded map is scaled by squeeze and excitation.
        hard_swish: Hard-swish in place of ReLU.
        stride: Of the depthwise convolution.
    """

    channels_in: int
    kernel: int
    expanded: int
    channels_out: int
    squeeze: bool
    hard_swish: bool
    stride: int


BLOCKS = (
    Block(16, 3, 16, 16, False, False, 1),
    Block(16, 3, 64, 24, False, False, 2),
    Block(24, 3, 72, 24, False, False, 1),
    Block(24, 5, 72, 40, True, False, 2),
    Block(40, 5, 120, 40, True, False, 1),
    Block(40, 5, 120, 40, True, False, 1),
    Block(40, 3, 240, 80, False, True, 2),
    Block(80, 3, 200, 80, False, True, 1),
    Block(80, 3, 184, 80, False, True, 1),
    Block(80, 3, 184, 80, False, True, 1),
    Block(80, 3, 480, 112, True, True, 1),
    Block(112, 3, 672, 112, True, True, 1),
    Block(112, 5, 672, 160, True, True, 2),
    Block(160, 5, 960, 160, True, True, 1),
    Block(160, 5, 960, 160, True, True, 1),
)
WIDTH = 0.4


def scaled(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, never under it and never more than a tenth lower than asked for."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


class LevelNormaliser(nn.Module):
    """Takes the mean off every window and sets its level, so that quiet transfers sound like loud ones."""

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) float32 to the same shape at -20 dBFS RMS; digital silence stays silent."""
        centred = audio - audio.mean(dim=1, keepdim=True)
        least = 10 ** (LEAST_LEVEL_DBFS / 20)
        level = centred.square().mean(dim=1, keepdim=True).clamp(min=least * least).sqrt()
        return centred * (10 ** (TARGET_LEVEL_DBFS / 20) / level)


class MelFrontEnd(nn.Module):
    """Waveform to log-mel maps as mn04 was trained on them.

    A frame of `32 * columns` samples is read as a 32 x columns table. Its spectrum is a 32-point transform down the
    columns and, for each of the 17 results that a real signal has, a transform along the rows with the twiddle factors
    in its matrix (Cooley and Tukey 1965). A hop is ten rows, so that framing copies whole rows.

    Args:
        sample_rate: In Hz; a multiple of 3200. Bands above its Nyquist frequency stay at the logarithm's floor.
    """

    def __init__(self, sample_rate: int = PRETRAINED_RATE) -> None:
        super().__init__()
        if sample_rate % (FRAMES_PER_SECOND * ROWS_A_HOP):
            raise ValueError(f"the front end needs a rate that is a multiple of 1000 Hz, not {sample_rate}")
        self.sample_rate = sample_rate
        self.columns = sample_rate // (FRAMES_PER_SECOND * ROWS_A_HOP)
        size = ROWS * self.columns
        length = round(0.025 * sample_rate)
        window = np.zeros(size)
        first = (size - length) // 2
        window[first : first + length] = np.hanning(length)
        table = window.reshape(ROWS, self.columns)
        used = np.flatnonzero(table.any(axis=1))
        self.first_row, self.last_row = int(used[0]), int(used[-1]) + 1
        rows = np.arange(self.first_row, self.last_row)
        lower = ROWS // 2 + 1
        down = np.exp(-2j * np.pi * np.outer(np.arange(lower), rows) / ROWS)
        bins = np.arange(lower)[:, None] + ROWS * np.arange(self.columns)[None, :]
        along = np.exp(-2j * np.pi * np.arange(self.columns)[None, :, None] * bins[:, None, :] / size)
        self._constant("window", table[self.first_row : self.last_row, None, :])
        self._constant("down", np.concatenate([down.real, down.imag]))
        self._constant("along_real", np.concatenate([along.real, along.imag], axis=2))
        self._constant("along_imaginary", np.concatenate([-along.imag, along.real], axis=2))
        self._constant("bank", self._bank(bins, size))

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def _bank(self, bins: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        """(17 * columns, 128): the mel bands' weights on the bins, in the order in which they come out."""
        weights = kaldi_mel_bank(self.sample_rate, size)
        bank = np.zeros((*bins.shape, MEL_BANDS))
        taken = set()
        for place in np.ndindex(bins.shape):
            # A real signal's upper bins mirror the lower ones; each counts once.
            one = min(int(bins[place]), size - int(bins[place]))
            if one not in taken and one < size // 2:
                taken.add(one)
                bank[place] = weights[:, one]
        return bank.reshape(-1, MEL_BANDS)

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) float32 to (batch, 1, 128 bands, frames) float32, 100 frames a second."""
        emphasised = audio[:, 1:] - PRE_EMPHASIS * audio[:, :-1]
        half = ROWS * self.columns // 2
        padded = functional.pad(emphasised[:, None], (half, half), mode="reflect")[:, 0]
        hop = ROWS_A_HOP * self.columns
        frames = emphasised.shape[1] // hop + 1
        wanted = (frames + 3) * hop
        padded = functional.pad(padded, (0, max(0, wanted - padded.shape[1])))[:, :wanted]
        # (rows of a hop, batch, hops, columns): a frame's row r is row r % 10 of its r // 10-th hop.
        hops = padded.reshape(-1, frames + 3, ROWS_A_HOP, self.columns).permute(2, 0, 1, 3)
        pieces = []
        for hop_number in range(4):
            low = max(self.first_row - hop_number * ROWS_A_HOP, 0)
            high = min(self.last_row - hop_number * ROWS_A_HOP, ROWS_A_HOP)
            if low < high:
                pieces.append(hops[low:high, :, hop_number : hop_number + frames])
        framed = (torch.cat(pieces) * self.window[:, None]).flatten(1)
        lower = ROWS // 2 + 1
        spectra = (self.down @ framed).reshape(2, lower, -1, self.columns)
        parts = spectra[0] @ self.along_real + spectra[1] @ self.along_imaginary
        squared = parts * parts
        power = squared[:, :, : self.columns] + squared[:, :, self.columns :]
        mel = power.transpose(0, 1).flatten(1) @ self.bank
        scaled_mel = (torch.log(mel + LOG_OFFSET) + 4.5) / 5.0
        return scaled_mel.reshape(-1, frames, MEL_BANDS).transpose(1, 2).unsqueeze(1)


def kaldi_mel_bank(sample_rate: int, size: int) -> NDArray[np.float64]:
    """(128, size / 2) triangles, linear in mel = 1127 ln(1 + f / 700), from 0 to 15 kHz: Kaldi's rule."""
    edges = np.linspace(0.0, _mel(HIGHEST_HZ), MEL_BANDS + 2)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    mel = _mel(np.arange(size // 2) * sample_rate / size)[None]
    return np.maximum(0.0, np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)))


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


class ConvNormActivation(nn.Sequential):
    """Convolution with zero padding, batch norm, and an activation or none."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: type[nn.Module] | None = None,
    ) -> None:
        convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        layers: list[nn.Module] = [convolution, nn.BatchNorm2d(channels_out, eps=0.001, momentum=0.01)]
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class SqueezeExcitation(nn.Module):
    """A factor for each channel, from the map's means over frequency and time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = scaled(channels / 4)
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        factors = torch.sigmoid(self.fc2(functional.relu(self.fc1(maps.mean(dim=(2, 3))))))
        return maps * factors[:, :, None, None]


class _Excitations(nn.Module):
    """Holds the excitation under the name that the published state dict has for it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([SqueezeExcitation(channels)])

    def forward(self, maps: Tensor) -> Tensor:
        return self.conc_se_layers[0](maps)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, excitation, projection; added to its input where the shapes allow."""

    def __init__(self, block: Block, width: float) -> None:
        super().__init__()
        channels_in, expanded, channels_out = (
            scaled(full * width) for full in (block.channels_in, block.expanded, block.channels_out)
        )
        activation = nn.Hardswish if block.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != channels_in:
            layers.append(ConvNormActivation(channels_in, expanded, activation=activation))
        layers.append(
            ConvNormActivation(expanded, expanded, block.kernel, block.stride, groups=expanded, activation=activation)
        )
        if block.squeeze:
            layers.append(_Excitations(expanded))
        layers.append(ConvNormActivation(expanded, channels_out))
        self.block = nn.Sequential(*layers)
        self.added = block.stride == 1 and channels_in == channels_out

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, height, width) to what the block makes of it."""
        result = self.block(maps)
        return maps + result if self.added else result


class Mn04(nn.Module):
    """The published network: log-mel maps in, 527 AudioSet logits out."""

    def __init__(self, width: float = WIDTH) -> None:
        super().__init__()
        first = scaled(BLOCKS[0].channels_in * width)
        last = scaled(BLOCKS[-1].channels_out * width)
        self.features = nn.Sequential(
            ConvNormActivation(1, first, 3, 2, activation=nn.Hardswish),
            *(InvertedResidual(block, width) for block in BLOCKS),
            ConvNormActivation(last, 6 * last, activation=nn.Hardswish),
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6 * last, HIDDEN),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(HIDDEN, CLASSES),
        )

    def pooled(self, mel: Tensor) -> Tensor:
        """(batch, 1, 128, frames) to (batch, 384)."""
        return self.features(mel).mean(dim=(2, 3))

    def hidden(self, pooled: Tensor) -> Tensor:
        """(batch, 384) to (batch, 512), what the class rows read."""
        return self.classifier[3](self.classifier[2](pooled))

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 1, 128, frames) to (batch, 527) logits."""
        return self.classifier[5](self.hidden(self.pooled(mel)))


def load_mn04(path: Path) -> Mn04:
    """The network with its published weights.

    Args:
        path: `mn04_as_mAP_432.pt`, a plain state dict.

    Raises:
        ValueError: The file does not hold that network; the message names it.
    """
    try:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        network = Mn04()
        network.load_state_dict(state, strict=True)
    except (OSError, RuntimeError, AttributeError, TypeError) as error:
        raise ValueError(f"{path}: this is not EfficientAT's mn04 ({str(error).splitlines()[0]}).") from error
    return network.eval()
