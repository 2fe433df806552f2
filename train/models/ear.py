"""The shipped network: level, front end and body of mn04 under the factorised head that starts at its class rows."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from instag.labels import IRMAS_11
from train.models.efficientat import HIDDEN, LevelNormaliser, MelFrontEnd, Mn04
from train.models.heads import ROW_SCALE, UNTRAINED_HEARD, WINDOW_SECONDS, FactorisedHead

# The corpus holds nothing above 12 kHz, so a faster model would learn where sources come from by their treble.
SAMPLE_RATE = 24_000
# Rows of the class map (audioset_527_class_map.csv) that mean our labels; for the voice: Singing.
CLASS_ROWS: Mapping[str, int] = {
    "cello": 193,
    "clarinet": 198,
    "flute": 196,
    "acoustic_guitar": 143,
    "electric_guitar": 141,
    "organ": 155,
    "piano": 153,
    "saxophone": 197,
    "trumpet": 187,
    "violin": 191,
    "voice": 27,
}
CHECKPOINT_KIND = "instag-mn04"


class EarBody(nn.Module):
    """Log-mel maps to the 512-vector that the class rows read, in a lower part that stays and an upper one that learns.

    Args:
        network: The published network; its weights are shared, not copied.
        frozen: How many of its stages belong to the lower part.
    """

    def __init__(self, network: Mn04, frozen: int) -> None:
        super().__init__()
        self.lower = network.features[:frozen]
        self.upper = network.features[frozen:]
        self.widen = nn.Sequential(network.classifier[2], network.classifier[3])

    def from_lower(self, maps: Tensor) -> Tensor:
        """(batch, channels, height, width) of the lower part to (batch, 1, 512)."""
        return self.widen(self.upper(maps).mean(dim=(2, 3))).unsqueeze(1)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 1, 128, frames) to (batch, 1, 512): one patch a window, for the head."""
        return self.from_lower(self.lower(mel))


class EarNet(nn.Module):
    """Raw audio in, the logits of both outputs out."""

    def __init__(self, body: EarBody, head: FactorisedHead, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        self.normalise = LevelNormaliser()
        self.front_end = MelFrontEnd(sample_rate)
        self.body = body
        self.head = head
        self.sample_rate = sample_rate
        self.window_seconds = WINDOW_SECONDS

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) to (dominant_logits, present_logits), (batch, 12) each."""
        return self.head(self.body(self.front_end(self.normalise(audio))))


@dataclass(frozen=True)
class EarConfig:
    """What it takes to build the network again.

    Attributes:
        frozen: Stages of the body's lower part.
        sample_rate: In Hz.
        any_hidden: Hidden units of the head's correction to whether any of the eleven is heard.
    """

    frozen: int = 8
    sample_rate: int = SAMPLE_RATE
    any_hidden: int = 0

    def build(self, network: Mn04 | None = None) -> EarNet:
        """The network, with random weights where none is given."""
        return EarNet(
            EarBody(network or Mn04(), self.frozen), FactorisedHead(HIDDEN, self.any_hidden), self.sample_rate
        )


def untrained_ear(network: Mn04, config: EarConfig) -> EarNet:
    """The pretrained body under a head that is its class rows: where every run starts, and the mark to beat."""
    net = config.build(network)
    rows = [CLASS_ROWS[name] for name in IRMAS_11]
    weight, bias = network.classifier[5].weight, network.classifier[5].bias
    with torch.no_grad():
        for layer in (net.head.instruments, net.head.present):
            layer.weight[: len(rows)].copy_(ROW_SCALE * weight[rows])
            layer.bias[: len(rows)].copy_(ROW_SCALE * bias[rows])
        net.head.present.weight[-1].zero_()
        net.head.present.bias[-1].zero_()
        net.head.any.weight.zero_()
        net.head.any.bias.fill_(UNTRAINED_HEARD)
        if net.head.correction is not None:
            net.head.correction[-1].weight.zero_()
            net.head.correction[-1].bias.zero_()
    return net.eval()


def save_ear(path: Path, net: EarNet, config: EarConfig, document: Mapping[str, Any]) -> None:
    """Writes weights, configuration and whatever else belongs to them (calibration, recipe, evaluation)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"kind": CHECKPOINT_KIND, "net": asdict(config), "state": net.state_dict(), **document}, path)


def is_ear(path: Path) -> bool:
    """Whether a checkpoint is of this kind; a file that cannot be read is not."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError):
        return False
    return isinstance(content, dict) and content.get("kind") == CHECKPOINT_KIND


def load_ear(path: Path) -> tuple[EarNet, dict[str, Any]]:
    """The network of a checkpoint, and everything else that was in it.

    Raises:
        ValueError: The file is no checkpoint of this kind.
    """
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or content.get("kind") != CHECKPOINT_KIND:
        raise ValueError(f"{path}: this is no {CHECKPOINT_KIND} checkpoint.")
    net = EarConfig(**content.pop("net")).build()
    net.load_state_dict(content.pop("state"))
    return net.eval(), content
