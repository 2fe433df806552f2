"""EfficientAT's mn04 among the systems: what PANN transfer becomes with a checkpoint that can be had."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.nn import functional

from train.errors import TrainingError
from train.models.blocks import System, TwoHeads
from train.models.ear import EarBody
from train.models.efficientat import HIDDEN, PRETRAINED_RATE, LevelNormaliser, MelFrontEnd, Mn04, load_mn04

_DROPOUT = 0.2


class Mn04Transfer(System):
    """mn04's body under the two heads, at the rate and with the front end that it was trained with.

    Args:
        checkpoint: `mn04_as_mAP_432.pt` to start from, or "" for a random start.

    Raises:
        TrainingError: The file does not hold that network.
    """

    sample_rate = PRETRAINED_RATE

    def __init__(self, checkpoint: str = "") -> None:
        super().__init__()
        try:
            network = load_mn04(Path(checkpoint)) if checkpoint else Mn04()
        except ValueError as error:
            raise TrainingError(str(error), "Name the published mn04_as_mAP_432.pt in `checkpoint`.") from error
        self.normalise = LevelNormaliser()
        self.front_end = MelFrontEnd(self.sample_rate)
        self.body = EarBody(network, frozen=0)
        self.heads = TwoHeads(HIDDEN)

    def spectra(self, audio: Tensor) -> list[Tensor]:
        """(batch, samples) float32 -> one (batch, 128 bands, frames)."""
        return [self.front_end(self.normalise(audio))[:, 0]]

    def classify(self, spectra: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Spectrum -> `(dominant_logits, present_logits)`, (batch, 12) each."""
        embedding = self.body(spectra[0].unsqueeze(1))[:, 0]
        return self.heads(functional.dropout(embedding, _DROPOUT, self.training))
