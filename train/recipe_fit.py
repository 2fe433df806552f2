"""The two fits of the recipe: the whole network near its start, and a head pulled to the pretrained rows."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from instag.labels import LABELS
from train.heads import FactorisedHead, InstrumentNet
from train.recipe_pool import Pool
from train.yamnet import Pretrained, YamnetBody


@dataclass(frozen=True)
class TuneSettings:
    """Tuning of the whole network.

    Attributes:
        epochs: Passes over the mixtures.
        batch: Mixtures a step.
        body_lr: Highest learning rate of the body.
        head_lr: Highest learning rate of the head.
        weight_decay: AdamW's.
        present_weight: Weight of the presence loss against the dominant one.
        music_batch: Windows of unlabelled music a step; on them the pretrained network's own outputs are the teacher.
        music_weight: Weight of that loss.
        mask_bands: Widest SpecAugment mask in mel bands, 0 for none.
        mask_frames: Widest SpecAugment mask in frames, 0 for none.
    """

    epochs: int = 3
    batch: int = 32
    body_lr: float = 1e-4
    head_lr: float = 1e-3
    weight_decay: float = 0.01
    present_weight: float = 1.0
    music_batch: int = 8
    music_weight: float = 1.0
    mask_bands: int = 0
    mask_frames: int = 0


@dataclass(frozen=True)
class HeadSettings:
    """Refit of the head on a body that stands still.

    Attributes:
        epochs: Passes over the embeddings.
        batch: Windows a step.
        lr: AdamW's learning rate.
        pull: L2 penalty towards where the head starts, on weights.
        any_pull: The same for the row that says whether any of the eleven is heard.
        present_weight: Weight of the presence loss.
    """

    epochs: int = 50
    batch: int = 256
    lr: float = 1e-3
    pull: float = 0.02
    any_pull: float = 0.002
    present_weight: float = 1.0


def losses(dominant: Tensor, present: Tensor, target: Tensor, truth: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Dominant cross-entropy (the head gives log-probabilities) and masked presence cross-entropy."""
    presence = functional.binary_cross_entropy_with_logits(present, truth, weight=known, reduction="sum")
    return functional.cross_entropy(dominant, target), presence / known.sum().clamp(min=1.0)


def tune(
    net: InstrumentNet, pretrained: Pretrained, pool: Pool, music: Pool | None, settings: TuneSettings, seed: int
) -> tuple[InstrumentNet, list[float]]:
    """Tunes a copy of the whole network on a pool; returns it with the mean loss of every epoch."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = copy.deepcopy(net).train()
    teacher = copy.deepcopy(net.body).eval()
    rows = torch.from_numpy(pretrained.class_weight), torch.from_numpy(pretrained.class_bias)
    groups = [
        {"params": net.body.parameters(), "lr": settings.body_lr},
        {"params": net.head.parameters(), "lr": settings.head_lr},
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
            patches = _mask(_load(pool, chosen), settings, rng)
            dominant, present = net.head(net.body.embed(patches))
            target, truth, known = _labels(pool, chosen)
            main, presence = losses(dominant, present, target, truth, known)
            loss = main + settings.present_weight * presence
            if music is not None and settings.music_batch:
                windows = _load(music, rng.choice(len(music), settings.music_batch, replace=False))
                loss = loss + settings.music_weight * _distance(net.body, teacher, windows, rows)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        history.append(total / steps)
    return net.eval(), history


def _distance(body: YamnetBody, teacher: YamnetBody, windows: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """How far a body's pretrained classes went from the teacher's, summed over the classes (cross-entropy)."""
    with torch.no_grad():
        wanted = torch.sigmoid(functional.linear(teacher.embed(windows), *rows))
    given = functional.linear(body.embed(windows), *rows)
    return functional.binary_cross_entropy_with_logits(given, wanted, reduction="sum") / wanted[..., 0].numel()


def _load(pool: Pool, chosen: np.ndarray) -> Tensor:
    return torch.from_numpy(pool.patches[np.sort(chosen)].astype(np.float32))


def _labels(pool: Pool, chosen: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    chosen = np.sort(chosen)
    return tuple(torch.from_numpy(part[chosen]) for part in (pool.dominant, pool.present, pool.known))


def _mask(patches: Tensor, settings: TuneSettings, rng: Generator) -> Tensor:
    """SpecAugment: one band of frequencies and one stretch of time of every patch at the patch's mean."""
    for axis, widest in ((3, settings.mask_bands), (2, settings.mask_frames)):
        if widest:
            size = patches.shape[axis]
            width = torch.from_numpy(rng.integers(0, widest + 1, patches.shape[:2]))
            start = torch.from_numpy((rng.random(patches.shape[:2]) * (size - width.numpy())).astype(np.int64))
            places = torch.arange(size)
            hidden = (places >= start[..., None]) & (places < (start + width)[..., None])
            hidden = hidden[:, :, None, :] if axis == 3 else hidden[:, :, :, None]
            patches = torch.where(hidden, patches.mean(dim=(2, 3), keepdim=True), patches)
    return patches


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
    pool: Pool,
    settings: HeadSettings,
    seed: int,
    rows: np.ndarray | None = None,
) -> FactorisedHead:
    """Fits a head on embeddings, pulled back to where it starts.

    Args:
        start: The head that it starts from and is pulled to.
        features: (windows, patches, embedding) of the pool's windows.
        pool: Their labels.
        settings: How.
        seed: Of the order.
        rows: Which windows; all where None.
    """
    torch.manual_seed(seed)
    head = copy.deepcopy(start)
    anchors = {name: value.detach().clone() for name, value in start.named_parameters() if name.endswith("weight")}
    optimiser = torch.optim.AdamW(head.parameters(), settings.lr, weight_decay=0.0)
    chosen = torch.arange(len(pool)) if rows is None else torch.from_numpy(np.asarray(rows))
    target, truth, known = (torch.from_numpy(part) for part in (pool.dominant, pool.present, pool.known))
    assert truth.shape[1] == len(LABELS)
    for _ in range(settings.epochs):
        for indices in chosen[torch.randperm(len(chosen))].split(settings.batch):
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
