"""The main model: the pretrained body under a factorised head that starts at the pretrained class rows.

P(label) = P(any of the eleven is heard) x softmax over the eleven; P(other) = 1 - P(any). A head that lets `other`
compete with the instruments inside one softmax calls every band `other`. Whether any is heard follows from how strongly
the eleven rows answer, and a correction: a free row for it does worse on sources that it never heard.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from instag.labels import IRMAS_11, LABELS
from train.errors import TrainingError
from train.models.yamnet_body import EMBEDDING, MEL_BANDS, SAMPLE_RATE, Pretrained, YamnetBody, pretrained_body

WINDOW_SECONDS = 3.0
PATCHES = 3
# Rows of the pretrained class map that mean our labels (for the voice: Singing).
CLASS_ROWS: Mapping[str, int] = {
    "cello": 188,
    "clarinet": 193,
    "flute": 191,
    "acoustic_guitar": 138,
    "electric_guitar": 136,
    "organ": 150,
    "piano": 148,
    "saxophone": 192,
    "trumpet": 182,
    "violin": 186,
    "voice": 24,
}
ROW_SCALE = 0.5
UNTRAINED_HEARD = 2.0
# Of "one of the eleven is heard", as a logit. ONNX takes the logarithm of a sigmoid, which onnxruntime rounds to 0 from
# about -18 on: such a window's scores would be no numbers at all.
MOST_CERTAIN = 15.0
CHECKPOINT_KIND = "instag-yamnet"


class FactorisedHead(nn.Module):
    """From the embeddings of a window's patches to both outputs' logits.

    Which of the eleven it is, is asked of each patch, and a patch has as much say as it seems to hear one of them at
    all (attention pooling whose attention is the head's own answer); whether any is heard is the mean over the patches.
    Presence has rows of its own, and in part follows which instrument stands out: under drums every row answers weakly,
    and what is left to tell them apart is which answers least weakly.

    Args:
        embedding: Size of the embedding.
        hidden: Units of a hidden layer that corrects whether any of the eleven is heard; 0 for none. Rows are straight
            lines: they cannot say that noise is no reason to hear a trumpet, nor to stop hearing one.

    Attributes:
        standing_out: How much presence follows which instrument stands out; chosen on left-out sources, since a fit
            would trust the rows that learned the sources instead.
        shift: What is added to the logit of "one of the eleven is heard": the price of a loss, set when thresholds are.
    """

    standing_out: Tensor
    shift: Tensor

    def __init__(self, embedding: int = EMBEDDING, hidden: int = 0) -> None:
        super().__init__()
        self.instruments = nn.Linear(embedding, len(IRMAS_11))
        self.any = nn.Linear(embedding, 1)
        self.any_scale = nn.Parameter(torch.tensor(1.0))
        self.present = nn.Linear(embedding, len(LABELS))
        self.correction = (
            nn.Sequential(nn.Linear(embedding, hidden), nn.ReLU(), nn.Linear(hidden, 1)) if hidden else None
        )
        self.register_buffer("standing_out", torch.zeros(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, patches, embedding) to two (batch, 12) logits; `dominant` is log-probabilities already."""
        strengths = self.instruments(embeddings)
        heard = self.any_scale * torch.logsumexp(strengths, dim=2, keepdim=True) + self.any(embeddings)
        if self.correction is not None:
            heard = heard + self.correction(embeddings)
        heard = heard.clamp(-MOST_CERTAIN, MOST_CERTAIN)
        say = functional.log_softmax(functional.logsigmoid(heard), dim=1)
        instruments = torch.logsumexp(say + functional.log_softmax(strengths, dim=2), dim=1)
        window = (heard.mean(dim=1) + self.shift).clamp(-MOST_CERTAIN, MOST_CERTAIN)
        dominant = torch.cat([instruments + functional.logsigmoid(window), functional.logsigmoid(-window)], dim=1)
        # Detached: presence learns from what dominates, and does not bend it.
        more = functional.pad(self.standing_out * instruments.detach(), (0, 1))
        return dominant, self.present(embeddings.mean(dim=1)) + more


@dataclass(frozen=True)
class StartSettings:
    """Where the recipe starts.

    Attributes:
        patches: Patches per window.
        row_scale: Factor on the pretrained rows: their probabilities are far apart from those that mixtures ask for.
        untrained_heard: Logit of "one of the eleven is heard" before training.
    """

    patches: int = PATCHES
    row_scale: float = ROW_SCALE
    untrained_heard: float = UNTRAINED_HEARD


def head_from_rows(pretrained: Pretrained, start: StartSettings) -> FactorisedHead:
    """The untrained head: the pretrained rows of our labels."""
    head = FactorisedHead()
    weight = torch.from_numpy(pretrained.class_weight)
    bias = torch.from_numpy(pretrained.class_bias)
    rows = [CLASS_ROWS[name] for name in IRMAS_11]
    with torch.no_grad():
        head.instruments.weight.copy_(start.row_scale * weight[rows])
        head.instruments.bias.copy_(start.row_scale * bias[rows])
        head.present.weight[:-1].copy_(start.row_scale * weight[rows])
        head.present.bias[:-1].copy_(start.row_scale * bias[rows])
        # Nothing pretrained says "one of the eleven is heard": before training it is taken for granted.
        head.any.weight.zero_()
        head.any.bias.fill_(start.untrained_heard)
        head.present.weight[-1].zero_()
        head.present.bias[-1].zero_()
    return head


class InstrumentNet(nn.Module):
    """Raw audio in, the logits of both outputs out: what every trainable model of the project looks like."""

    def __init__(self, body: YamnetBody, head: FactorisedHead) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.sample_rate = SAMPLE_RATE
        self.window_seconds = WINDOW_SECONDS

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) to (dominant_logits, present_logits), (batch, 12) each."""
        return self.head(self.body(audio))


def untrained(pretrained: Pretrained, start: StartSettings | None = None) -> InstrumentNet:
    """The pretrained network under the untrained head: where every run starts, and the mark to beat."""
    start = start or StartSettings()
    return InstrumentNet(pretrained_body(pretrained, start.patches), head_from_rows(pretrained, start)).eval()


@dataclass(frozen=True)
class NetConfig:
    """What it takes to build the network again.

    Attributes:
        width: Factor on the body's channels.
        blocks: (channels, stride) of the body's blocks, or () for the pretrained network's.
        patches: Patches a window.
        places: Where in a window the patches may be taken from.
    """

    width: float = 1.0
    blocks: tuple[tuple[int, int], ...] = ()
    patches: int = PATCHES
    places: int = 1

    def build(self, mel: np.ndarray | None = None) -> InstrumentNet:
        """The network with random weights (and the mel matrix, which a state dict overwrites)."""
        mel = np.ones((MEL_BANDS, 257), np.float32) if mel is None else mel
        more = {"blocks": self.blocks} if self.blocks else {}
        body = YamnetBody(mel, self.patches, self.width, **more, places=self.places)
        return InstrumentNet(body, FactorisedHead(body.embedding))


def save_checkpoint(path: Path, net: InstrumentNet, config: NetConfig, document: Mapping[str, Any]) -> None:
    """Writes weights, configuration and whatever else belongs to them (calibration, recipe, evaluation)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"kind": CHECKPOINT_KIND, "net": asdict(config), "state": net.state_dict(), **document}
    torch.save(content, path)


def load_checkpoint(path: Path) -> tuple[InstrumentNet, dict[str, Any]]:
    """The network of a checkpoint, and everything else that was in it.

    Raises:
        TrainingError: The file cannot be read, or is not a checkpoint of this kind.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{path}: the checkpoint cannot be read ({error}).", "Run `python -m train recipe`."
        ) from error
    if not isinstance(content, dict) or content.get("kind") != CHECKPOINT_KIND:
        raise TrainingError(
            f"{path}: not a checkpoint of the recipe.", "Give a file that `python -m train recipe` wrote."
        )
    values = content.pop("net")
    config = NetConfig(**values | {"blocks": tuple(tuple(block) for block in values["blocks"])})
    state = content.pop("state")
    # The mel matrix's used bins set the front end's shapes, so the right number of them has to be there beforehand.
    net = config.build(_mel_like(state["body.front_end.mel"]))
    net.load_state_dict(state)
    return net.eval(), content


def _mel_like(used: Tensor) -> np.ndarray:
    """A (64, 257) matrix with as many used bins as the stored one."""
    mel = np.zeros((MEL_BANDS, 257), np.float32)
    mel[:, : used.shape[0]] = 1.0
    return mel
