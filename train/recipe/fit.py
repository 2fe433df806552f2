"""The two fits of the recipe: the whole network near its start, and a head pulled to the pretrained rows."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from instag.labels import LABELS
from train.models.heads import FactorisedHead, InstrumentNet
from train.models.yamnet_body import YamnetBody
from train.recipe.pool import CHUNK, Labels, Pool


@dataclass(frozen=True)
class TuneSettings:
    """Tuning of the network's upper part.

    Attributes:
        frozen_layers: How many of the body's layers stay as they are; their output is computed once. 13 leaves the
            seven upper blocks to learn, which is where most weights are, and takes less than half the time.
        epochs: Passes over the mixtures.
        batch: Mixtures a step.
        body_lr: Highest learning rate of the body.
        head_lr: Highest learning rate of the head.
        weight_decay: AdamW's.
        present_weight: Weight of the presence loss against the dominant one.
    """

    frozen_layers: int = 13
    epochs: int = 3
    batch: int = 32
    body_lr: float = 1e-4
    head_lr: float = 1e-3
    weight_decay: float = 0.01
    present_weight: float = 1.0


@dataclass(frozen=True)
class HeadSettings:
    """Refit of the head on a body that stands still.

    Attributes:
        epochs: Passes over the embeddings.
        batch: Windows a step.
        lr: AdamW's learning rate.
        pull: L2 penalty towards where the head starts, on weights.
        any_pull: The same for the correction to whether any of the eleven is heard.
        present_weight: Weight of the presence loss.
        standing_out: The head's.
    """

    epochs: int = 50
    batch: int = 256
    lr: float = 1e-3
    pull: float = 0.02
    any_pull: float = 0.02
    present_weight: float = 1.0
    standing_out: float = 1.0


def losses(dominant: Tensor, present: Tensor, target: Tensor, truth: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Dominant cross-entropy (the head gives log-probabilities) and masked presence cross-entropy."""
    presence = functional.binary_cross_entropy_with_logits(present, truth, weight=known, reduction="sum")
    return functional.cross_entropy(dominant, target), presence / known.sum().clamp(min=1.0)


def lower_maps(body: YamnetBody, pool: Pool, settings: TuneSettings) -> NDArray[np.float16]:
    """The frozen layers' output for a pool: (windows, patches, channels, height, width) float16."""
    lower = body.layers[: settings.frozen_layers]
    made = []
    with torch.no_grad():
        for at in tqdm(range(0, len(pool), CHUNK), desc="lower layers", mininterval=10, disable=None):
            patches = torch.from_numpy(pool.patches[at : at + CHUNK].astype(np.float32))
            maps = lower(patches.flatten(0, 1).unsqueeze(1).contiguous(memory_format=torch.channels_last))
            made.append(maps.unflatten(0, patches.shape[:2]).numpy().astype(np.float16))
    return np.concatenate(made)


def tune(
    net: InstrumentNet,
    pool: Pool,
    maps: NDArray[np.float16],
    settings: TuneSettings,
    seed: int,
) -> tuple[InstrumentNet, list[float]]:
    """Tunes a copy of the network's upper part on a pool.

    Args:
        net: Where it starts.
        pool: Labelled mixtures.
        maps: Their `lower_maps`.
        settings: How.
        seed: Of the order.

    Returns:
        The tuned network, and the mean loss of every epoch.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = copy.deepcopy(net).train()
    # How strongly the rows answer decides about `other` only after the rows are refitted; here it would bend the body.
    net.head.any_scale.requires_grad_(False).zero_()
    upper = net.body.layers[settings.frozen_layers :]
    groups = [
        {"params": list(upper.parameters()), "lr": settings.body_lr},
        {"params": list(net.head.parameters()), "lr": settings.head_lr},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    steps = len(pool) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [settings.body_lr, settings.head_lr], total_steps=steps * settings.epochs
    )
    history = []
    for epoch in range(settings.epochs):
        order = rng.permutation(len(pool))[: steps * settings.batch].reshape(steps, settings.batch)
        total = 0.0
        for chosen in tqdm(order, desc=f"epoch {epoch + 1}", mininterval=10, disable=None):
            dominant, present = net.head(_pooled(upper, maps[chosen]))
            target, truth, known = (
                torch.from_numpy(part[chosen]) for part in (pool.dominant, pool.present, pool.known)
            )
            main, presence = losses(dominant, present, target, truth, known)
            loss = main + settings.present_weight * presence
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*upper.parameters(), *net.head.parameters()], 5.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        history.append(total / steps)
    return net.eval(), history


def _pooled(upper: nn.Sequential, maps: NDArray[np.float16]) -> Tensor:
    """(windows, patches, channels, height, width) to (windows, patches, embedding)."""
    flat = torch.from_numpy(maps.astype(np.float32)).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return upper(flat).mean(dim=(2, 3)).unflatten(0, maps.shape[:2])


def average(first: nn.Module, others: list[nn.Module], share: float) -> nn.Module:
    """`1 - share` of the first one's weights and `share` of the mean of the others'."""
    mixed = copy.deepcopy(first)
    states = [other.state_dict() for other in others]
    with torch.no_grad():
        for name, value in mixed.state_dict().items():
            tuned = torch.stack([state[name] for state in states]).mean(dim=0)
            value.copy_((1 - share) * value + share * tuned)
    return mixed


def embeddings(body: YamnetBody, pool: Pool, batch: int = 64) -> Tensor:
    """(windows, patches, embedding) of a whole pool."""
    starts = tqdm(range(0, len(pool), batch), desc="embedding", mininterval=10, disable=None)
    with torch.no_grad():
        return torch.cat(
            [body.embed(torch.from_numpy(pool.patches[at : at + batch].astype(np.float32))) for at in starts]
        )


def fit_head(
    start: FactorisedHead,
    features: Tensor,
    labels: Labels,
    settings: HeadSettings,
    seed: int,
) -> FactorisedHead:
    """Fits a head on embeddings, pulled back to where it starts.

    Args:
        start: The head that it starts from and is pulled to.
        features: (windows, patches, embedding).
        labels: What is in those windows.
        settings: How.
        seed: Of the order.
    """
    torch.manual_seed(seed)
    head = copy.deepcopy(start)
    head.standing_out.fill_(settings.standing_out)
    anchors = {name: value.detach().clone() for name, value in start.named_parameters() if name.endswith("weight")}
    optimiser = torch.optim.AdamW(head.parameters(), settings.lr, weight_decay=0.0)
    target, truth, known = (torch.from_numpy(part) for part in (labels.dominant, labels.present, labels.known))
    assert truth.shape[1] == len(LABELS)
    for _ in range(settings.epochs):
        for indices in torch.randperm(len(labels)).split(settings.batch):
            dominant, present = head(features[indices])
            main, presence = losses(dominant, present, target[indices], truth[indices], known[indices])
            loss = main + settings.present_weight * presence
            for name, value in head.named_parameters():
                if name in anchors:
                    pull = settings.any_pull if name.startswith("any") else settings.pull
                    loss = loss + pull * ((value - anchors[name]) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return head
