"""The main model's network among the systems: YAMNet's body under the factorised head, from its pretrained rows."""

from __future__ import annotations

from pathlib import Path

import librosa
from torch import Tensor

from train.models.blocks import System
from train.models.heads import NetConfig, untrained
from train.models.yamnet_body import FFT_SIZE, MEL_BANDS, SAMPLE_RATE, read_pretrained


class Yamnet(System):
    """The pretrained AudioSet network.

    Args:
        checkpoint: `yamnet.tflite` to start from, or "" for a random start.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, checkpoint: str = "") -> None:
        super().__init__()
        if checkpoint:
            net = untrained(read_pretrained(Path(checkpoint)))
        else:
            # The published front end: 64 bands of the HTK scale from 125 to 7500 Hz, unnormalised.
            mel = librosa.filters.mel(
                sr=SAMPLE_RATE, n_fft=FFT_SIZE, n_mels=MEL_BANDS, fmin=125, fmax=7500, htk=True, norm=None
            )
            net = NetConfig().build(mel)
        self.body = net.body
        self.heads = net.head

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one (batch, bands, frames): three patches, one after the other."""
        return [self.body.front_end(audio).flatten(1, 2).transpose(1, 2)]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectrum -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        patches = spectra[0].transpose(1, 2).unflatten(1, (self.body.front_end.patches, -1))
        return self.heads(self.body.embed(patches))
