"""PANN backbones (Kong et al., 2020) with our two heads: published AudioSet checkpoints load strictly.

The names of the parameters are those of the published state dicts (`Cnn14_mAP=0.431.pth`, `MobileNetV1_mAP=0.389.pth`),
and so is every step of the way: 32 kHz, 1024-point Hann frames, centred with reflection, hop 320, 64 Slaney mel bands
from 50 to 14000 Hz, decibels of power.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from torch import Tensor, nn

from train.errors import TrainingError
from train.models.blocks import DoubleConv, System, TwoHeads
from train.models.frontend import fourier_kernels, mel_bank

SAMPLE_RATE = 32000
_N_FFT, _HOP, _BANDS, _LOW_HZ, _HIGH_HZ = 1024, 320, 64, 50, 14000
_AUDIOSET_CLASSES = 527
_FAINTEST_DB = -90.0


class _Stft(nn.Module):
    """Holds the kernels under the published names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_real = nn.Conv1d(1, _N_FFT // 2 + 1, _N_FFT, stride=_HOP, bias=False)
        self.conv_imag = nn.Conv1d(1, _N_FFT // 2 + 1, _N_FFT, stride=_HOP, bias=False)
        real, imaginary = fourier_kernels(_N_FFT, np.arange(_N_FFT // 2 + 1))
        for conv, kernels in ((self.conv_real, real), (self.conv_imag, imaginary)):
            conv.weight = nn.Parameter(torch.tensor(kernels[:, None], dtype=torch.float32), requires_grad=False)


class _Spectrogram(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stft = _Stft()

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) -> power, (batch, bins, frames)."""
        padded = F.pad(audio[:, None], (_N_FFT // 2, _N_FFT // 2), mode="reflect")
        return self.stft.conv_real(padded) ** 2 + self.stft.conv_imag(padded) ** 2


class _LogMel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        bank = mel_bank(SAMPLE_RATE, _N_FFT, _BANDS, _LOW_HZ, _HIGH_HZ).T.contiguous()
        self.melW = nn.Parameter(bank, requires_grad=False)

    def forward(self, power: Tensor) -> Tensor:
        """(batch, bins, frames) -> decibels, (batch, mel bands, frames)."""
        mel = torch.matmul(self.melW.T, power)
        return 10.0 * torch.log10(mel.clamp(min=1e-10))


class Backbone(nn.Module):
    """What both networks share: the front end, the pooling over the map, the embedding, AudioSet's classes."""

    def __init__(self, features: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.embedding_size = embedding
        self.dropout = dropout
        self.spectrogram_extractor = _Spectrogram()
        self.logmel_extractor = _LogMel()
        self.bn0 = nn.BatchNorm2d(_BANDS)
        self.fc1 = nn.Linear(features, embedding)
        self.fc_audioset = nn.Linear(embedding, _AUDIOSET_CLASSES)

    def log_mel(self, audio: Tensor) -> Tensor:
        """(batch, samples) at 32 kHz -> decibels, (batch, mel bands, frames)."""
        return self.logmel_extractor(self.spectrogram_extractor(audio))

    def convolve(self, x: Tensor) -> Tensor:
        """(batch, 1, frames, mel bands) -> (batch, features, frames', bands')."""
        raise NotImplementedError

    def embed(self, log_mel: Tensor) -> Tensor:
        """(batch, mel bands, frames) -> (batch, embedding)."""
        x = self.bn0(log_mel[:, :, :, None])  # a channel a band
        x = self.convolve(x.permute(0, 3, 2, 1)).mean(dim=3)
        x = F.dropout(x.amax(dim=2) + x.mean(dim=2), self.dropout, self.training)
        return F.relu(self.fc1(x))

    def clipwise(self, embedding: Tensor) -> Tensor:
        """(batch, embedding) -> AudioSet probabilities, (batch, 527)."""
        return torch.sigmoid(self.fc_audioset(embedding))


class Cnn14(Backbone):
    """Six double convolutions, each but the last followed by 2 x 2 average pooling.

    Args:
        widths: Channels of the six blocks; other than the published ones only in tests.
    """

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)) -> None:
        super().__init__(widths[-1], widths[-1], dropout=0.5)
        for number, (channels_in, channels_out) in enumerate(zip((1, *widths), widths, strict=False), start=1):
            self.add_module(f"conv_block{number}", DoubleConv(channels_in, channels_out))
        self.block_count = len(widths)

    def convolve(self, x: Tensor) -> Tensor:
        """(batch, 1, frames, mel bands) -> (batch, features, frames / 32, bands / 32)."""
        for number in range(1, self.block_count + 1):
            x = self.get_submodule(f"conv_block{number}")(x)
            if number < self.block_count:
                x = F.avg_pool2d(x, 2)
            x = F.dropout(x, 0.2, self.training)
        return x


class MobileNetV1(Backbone):
    """One convolution and thirteen depthwise-separable blocks; strides are average poolings behind the convolution.

    Args:
        widths: Channels of the fourteen layers; other than the published ones only in tests.
    """

    STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)) -> None:
        super().__init__(widths[-1], widths[-1], dropout=0.5)
        first = nn.Sequential(
            nn.Conv2d(1, widths[0], 3, padding=1, bias=False),
            nn.AvgPool2d(self.STRIDES[0]),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        separable = (_separable(a, b, s) for a, b, s in zip(widths, widths[1:], self.STRIDES[1:], strict=False))
        self.features = nn.Sequential(first, *separable)

    def convolve(self, x: Tensor) -> Tensor:
        """(batch, 1, frames, mel bands) -> (batch, features, frames / 32, bands / 32)."""
        return self.features(x)


def _separable(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
        nn.AvgPool2d(stride),
        nn.BatchNorm2d(channels_in),
        nn.ReLU(),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def fill_backbone(backbone: Backbone, path: Path) -> None:
    """Fills a backbone from a published checkpoint, strictly.

    Raises:
        TrainingError: The file cannot be read, or its parameters are not exactly this network's.
    """
    remedy = "Name the published checkpoint of this very architecture (PANNs, Zenodo record 3987831) in `checkpoint`."
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever zipfile, pickle or the operating system raise
        raise TrainingError(f"{path}: cannot be read as a checkpoint ({error}).", remedy) from error
    if not isinstance(document, dict) or "model" not in document:
        raise TrainingError(f"{path}: holds no 'model' as PANN checkpoints do.", remedy)
    try:
        backbone.load_state_dict(document["model"], strict=True)
    except RuntimeError as error:
        raise TrainingError(f"{path}: does not fit {type(backbone).__name__}: {error}", remedy) from error


class Pann(System):
    """A PANN backbone with our heads on its embedding.

    Args:
        backbone: The network, filled or not.
        checkpoint: A published checkpoint to start from, or "" for a random start.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, backbone: Backbone, checkpoint: str = "") -> None:
        super().__init__()
        if checkpoint:
            fill_backbone(backbone, Path(checkpoint))
        self.backbone = backbone
        self.heads = TwoHeads(backbone.embedding_size)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one (batch, mel bands, frames)."""
        # Ten decibels above the published floor: what is fainter is single precision's rounding beside a loud tone, and
        # each runtime rounds in its own way.
        return [self.backbone.log_mel(audio).clamp(min=_FAINTEST_DB)]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectrum -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        embedding = F.dropout(self.backbone.embed(spectra[0]), 0.5, self.training)
        return self.heads(embedding)
