"""The fits of mn04: its upper stages near their start, and a head pulled to the class rows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from instag.labels import OTHER_INDEX
from train.errors import TrainingError
from train.models.ear import EarBody, EarNet
from train.recipe.ear_pool import MelPool
from train.recipe.fit import losses

CHUNK = 64
# The settings of `EarTune` that decide about tuning; the others are the head's.
TUNING = ("epochs", "batch", "body_lr", "head_lr", "weight_decay", "present_weight")


@dataclass(frozen=True)
class EarTune:
    """Tuning of the upper stages, and the refit of the head.

    Attributes:
        epochs: Passes over the pools.
        batch: Windows a step.
        body_lr: Highest learning rate of the body.
        head_lr: Highest learning rate of the head.
        weight_decay: AdamW's.
        present_weight: Weight of the presence loss against the dominant one.
        head_epochs: Passes of the refit.
        head_batch: Windows a step of the refit.
        refit_lr: Learning rate of the refit.
        pull: L2 penalty of the refit towards the class rows.
        any_pull: The same for the correction to whether any of the eleven is heard.
        correction_runs: Fits of the correction's hidden layer, each with a share of its units; their mean stays.
        correction_epochs: Passes of each.
        correction_batch: Windows a step of it.
        correction_decay: AdamW's weight decay in it.
    """

    epochs: int = 3
    batch: int = 32
    body_lr: float = 4e-4
    head_lr: float = 1e-3
    weight_decay: float = 0.01
    present_weight: float = 1.0
    head_epochs: int = 20
    head_batch: int = 256
    refit_lr: float = 1e-3
    pull: float = 0.02
    any_pull: float = 0.02
    correction_runs: int = 1
    correction_epochs: int = 3
    correction_batch: int = 128
    correction_decay: float = 0.3


@dataclass(frozen=True)
class Targets:
    """What is known of the windows of some pools, one pool after the other.

    Attributes:
        dominant: (windows,) int64.
        present: (windows, 12) float32.
        known: (windows, 12) float32.
    """

    dominant: Tensor
    present: Tensor
    known: Tensor

    def loss(self, outputs: tuple[Tensor, Tensor], at: Tensor, settings: EarTune) -> Tensor:
        """Of the head's outputs for the windows `at`."""
        dominant, present = outputs
        main, presence = losses(dominant, present, self.dominant[at], self.present[at], self.known[at])
        return main + settings.present_weight * presence

    @classmethod
    def of(cls, pools: Sequence[MelPool]) -> Targets:
        """The labels of these pools."""
        names = ("dominant", "present", "known")
        return cls(*(torch.from_numpy(np.concatenate([getattr(pool, name) for pool in pools])) for name in names))


def lower_maps(body: EarBody, pool: MelPool) -> NDArray[np.float16]:
    """What the lower part makes of a pool: (windows, channels, height, width) float16."""
    made = []
    with torch.no_grad():
        for at in tqdm(range(0, len(pool), CHUNK), desc="lower stages", mininterval=10, disable=None):
            mel = torch.from_numpy(pool.mel[at : at + CHUNK].astype(np.float32)).unsqueeze(1)
            made.append(body.lower(mel).numpy().astype(np.float16))
    return np.concatenate(made)


def tune_ear(net: EarNet, maps: NDArray[np.float16], targets: Targets, settings: EarTune, seed: int) -> EarNet:
    """Tunes a copy of the network's upper part on lower maps; batch norms keep their statistics.

    Args:
        net: Where it starts.
        maps: `lower_maps` of the pools.
        targets: What is in them.
        settings: How.
        seed: Of the order.
    """
    torch.manual_seed(seed)
    net = copy.deepcopy(net).eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    body = [*net.body.upper.parameters(), *net.body.widen.parameters()]
    # How strongly the rows answer decides about `other` only after the rows are refitted; here it would bend the body.
    net.head.any_scale.zero_()
    head = [
        value
        for name, value in net.head.named_parameters()
        if name != "any_scale" and not name.startswith("correction")
    ]
    for parameter in (*body, *head):
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": settings.body_lr}, {"params": head, "lr": settings.head_lr}],
        weight_decay=settings.weight_decay,
    )
    steps = len(maps) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [settings.body_lr, settings.head_lr], total_steps=steps * settings.epochs
    )
    for epoch in range(settings.epochs):
        order = torch.randperm(len(maps))[: steps * settings.batch].reshape(steps, settings.batch)
        for chosen in tqdm(order, desc=f"epoch {epoch + 1}", mininterval=10, disable=None):
            lower = torch.from_numpy(maps[chosen.numpy()].astype(np.float32))
            loss = targets.loss(net.head(net.body.from_lower(lower)), chosen, settings)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*body, *head], 5.0)
            optimiser.step()
            schedule.step()
    return net


def features(body: EarBody, maps: NDArray[np.float16]) -> Tensor:
    """(windows, 1, 512) of lower maps."""
    with torch.no_grad():
        parts = [
            body.from_lower(torch.from_numpy(maps[at : at + CHUNK].astype(np.float32)))
            for at in range(0, len(maps), CHUNK)
        ]
    return torch.cat(parts)


def fit_ear_head(start: EarNet, embedded: Tensor, targets: Targets, settings: EarTune, seed: int) -> EarNet:
    """A copy whose head is fitted on embeddings, pulled back to where it starts.

    Args:
        start: The network whose head is the anchor.
        embedded: (windows, 1, 512).
        targets: What is in those windows.
        settings: How.
        seed: Of the order.
    """
    torch.manual_seed(seed)
    net = copy.deepcopy(start)
    head = net.head
    rows = {name: value for name, value in head.named_parameters() if not name.startswith("correction")}
    for value in rows.values():
        value.requires_grad_(True)
    anchors = {name: value.detach().clone() for name, value in rows.items() if name.endswith("weight")}
    optimiser = torch.optim.AdamW(rows.values(), settings.refit_lr, weight_decay=0.0)
    for _ in range(settings.head_epochs):
        for chosen in torch.randperm(len(embedded)).split(settings.head_batch):
            loss = targets.loss(head(embedded[chosen]), chosen, settings)
            for name, value in rows.items():
                if name in anchors:
                    pull = settings.any_pull if name.startswith("any") else settings.pull
                    loss = loss + pull * ((value - anchors[name]) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


def fit_correction(net: EarNet, embedded: Tensor, targets: Targets, settings: EarTune, seed: int) -> EarNet:
    """A copy whose hidden layer mends whether any of the eleven is heard; everything else stays.

    One fit of so few windows depends on its seed, so several are made and their mean is taken: the units of all of them
    side by side.

    Args:
        net: With a head that has a hidden layer whose output is zero so far.
        embedded: (windows, 1, 512) `features`.
        targets: What is in them.
        settings: How; `correction_runs` has to divide the number of hidden units.
        seed: Of the first run's order and start; each further run has the next one.

    Raises:
        TrainingError: The hidden units cannot be shared out among the runs.
    """
    net = copy.deepcopy(net).eval()
    correction = net.head.correction
    assert correction is not None
    units, rest = divmod(correction[0].out_features, settings.correction_runs)
    if rest:
        raise TrainingError(
            f"{correction[0].out_features} hidden units cannot be shared out among {settings.correction_runs} runs.",
            "Set net.any_hidden to a multiple of tune.correction_runs.",
        )
    mean, spread = embedded.mean(dim=(0, 1)), embedded.std(dim=(0, 1)) + 1e-6
    inputs = (embedded[:, 0] - mean) / spread
    heard = (targets.dominant != OTHER_INDEX).float()
    with torch.no_grad():
        strengths = torch.logsumexp(net.head.instruments(embedded), dim=2)
        before = (net.head.any_scale * strengths + net.head.any(embedded)[..., 0])[:, 0]
    runs = [
        _one_correction(inputs, before, heard, units, settings, seed + run) for run in range(settings.correction_runs)
    ]
    with torch.no_grad():
        first, last = correction[0], correction[2]
        first.weight.copy_(torch.cat([one.weight for one, _ in runs]) / spread)
        first.bias.copy_(torch.cat([one.bias for one, _ in runs]) - first.weight @ mean)
        last.weight.copy_(torch.cat([two.weight for _, two in runs], dim=1) / len(runs))
        last.bias.copy_(torch.stack([two.bias for _, two in runs]).mean(dim=0))
    return net


def _one_correction(
    inputs: Tensor, before: Tensor, heard: Tensor, units: int, settings: EarTune, seed: int
) -> tuple[nn.Linear, nn.Linear]:
    """The two layers of a correction of what `before` gets wrong; it starts at none."""
    torch.manual_seed(seed)
    first, last = nn.Linear(inputs.shape[1], units), nn.Linear(units, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    correction = nn.Sequential(first, nn.ReLU(), last)
    optimiser = torch.optim.AdamW(correction.parameters(), settings.refit_lr, weight_decay=settings.correction_decay)
    for _ in range(settings.correction_epochs):
        for chosen in torch.randperm(len(inputs)).split(settings.correction_batch):
            more = correction(inputs[chosen])[:, 0]
            loss = functional.binary_cross_entropy_with_logits(before[chosen] + more, heard[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return first, last


def average_tuned(start: EarNet, tuned: Sequence[EarNet], share: float) -> EarNet:
    """A copy of `start` whose body is `1 - share` its own weights and `share` the mean of the tuned ones'.

    The batch norms' statistics are the same in all of them, since tuning leaves them alone.
    """
    mixed = copy.deepcopy(start)
    bodies = [dict(one.body.named_parameters()) for one in tuned]
    with torch.no_grad():
        for name, value in mixed.body.named_parameters():
            value.copy_((1 - share) * value + share * torch.stack([body[name] for body in bodies]).mean(dim=0))
    return mixed
