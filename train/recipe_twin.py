"""The small twin: the loudest patch instead of all three, a body with fewer blocks, the main network as its teacher.

The published network's blocks 6 to 10 are five of one shape. A twin keeps some of them and learns to give the main
network's embedding of the same patch, and its scores of the whole window (Hinton, Vinyals, Dean 2015, "Distilling the
knowledge in a neural network").
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from train.heads import InstrumentNet, NetConfig
from train.recipe_pool import CHUNK, Pool
from train.yamnet import BLOCKS, PATCH_FRAMES, YamnetBody

# Places of the 512-channel blocks that do not halve anything; each can be left out.
SPARE_BLOCKS = (6, 7, 8, 9, 10)
# The first convolution and, for each block, a depthwise and a pointwise one.
LAYERS_BEFORE = 1 + 2 * SPARE_BLOCKS[0]


@dataclass(frozen=True)
class TwinSettings:
    """The twin's shape and its lessons.

    Attributes:
        dropped_blocks: Which of the spare blocks it does without.
        places: From how many places of a window its patch may be taken.
        epochs: Passes over the windows.
        batch: Windows a step.
        lr: Highest learning rate.
        embedding_weight: Weight of the embedding's distance against the scores'.
    """

    dropped_blocks: tuple[int, ...] = (7, 8, 9)
    places: int = 5
    epochs: int = 6
    batch: int = 64
    lr: float = 5e-4
    embedding_weight: float = 1.0

    def net_config(self) -> NetConfig:
        """What the twin's checkpoint says of its shape.

        Raises:
            ValueError: A block that cannot be left out is to be.
        """
        if not set(self.dropped_blocks) <= set(SPARE_BLOCKS):
            raise ValueError(f"dropped_blocks: only {SPARE_BLOCKS} can be left out, not {self.dropped_blocks}.")
        blocks = tuple(block for place, block in enumerate(BLOCKS) if place not in self.dropped_blocks)
        return NetConfig(blocks=blocks, patches=1, places=self.places)


def untaught(net: InstrumentNet, settings: TwinSettings) -> InstrumentNet:
    """A twin with the network's own weights, without the dropped blocks."""
    twin = settings.net_config().build()
    twin.body.front_end = copy.deepcopy(net.body.front_end)
    twin.body.front_end.patches, twin.body.front_end.places = 1, settings.places
    gone = {1 + 2 * block + half for block in settings.dropped_blocks for half in (0, 1)}
    kept = [layer for place, layer in enumerate(net.body.layers) if place not in gone]
    twin.body.layers = nn.Sequential(*copy.deepcopy(kept))
    twin.head = copy.deepcopy(net.head)
    return twin.eval()


def loudest_patches(patches: NDArray[np.float16], places: int) -> NDArray[np.float32]:
    """The loudest stretch of one patch's length in each window.

    Args:
        patches: (windows, patches, 96, 64) log-mel, one patch after the other.
        places: Where the stretch may begin, evenly spread.

    Returns:
        (windows, 1, 96, 64).
    """
    frames = patches.astype(np.float32).reshape(len(patches), -1, patches.shape[-1])
    starts = np.linspace(0, frames.shape[1] - PATCH_FRAMES, places).astype(int)
    energy = np.exp(2 * frames).sum(axis=2)
    best = np.stack([energy[:, start : start + PATCH_FRAMES].sum(axis=1) for start in starts], axis=1).argmax(axis=1)
    rows = starts[best][:, None] + np.arange(PATCH_FRAMES)
    return np.take_along_axis(frames, rows[:, :, None], axis=1)[:, None]


def distil(
    net: InstrumentNet, pools: list[Pool], features: list[Tensor], settings: TwinSettings, seed: int
) -> tuple[YamnetBody, list[float]]:
    """Teaches the body of a twin; the lower layers, which it shares with the network, stand still.

    Args:
        net: The teacher, with its head.
        pools: Windows; labels are not used.
        features: The teacher's (windows, patches, embedding) of each pool.
        settings: How.
        seed: Of the order.

    Returns:
        The twin's body, and the mean loss of every epoch.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    twin = untaught(net, settings).train()
    lower, upper = twin.body.layers[:LAYERS_BEFORE], twin.body.layers[LAYERS_BEFORE:]
    maps, wanted = _lessons(lower, net.body.layers[LAYERS_BEFORE:], pools, settings.places)
    with torch.no_grad():
        scores = torch.cat([torch.cat(_scores(*net.head(one)), dim=1) for one in features])
    spread = wanted.std()
    optimiser = torch.optim.AdamW([*upper.parameters(), *twin.head.parameters()], settings.lr, weight_decay=0.01)
    steps = len(maps) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.lr, total_steps=steps * settings.epochs)
    history = []
    for epoch in range(settings.epochs):
        order = rng.permutation(len(maps))[: steps * settings.batch].reshape(steps, settings.batch)
        total = 0.0
        for chosen in tqdm(order, desc=f"twin, epoch {epoch + 1}", mininterval=10, disable=None):
            given = upper(_spread_out(maps[chosen])).mean(dim=(2, 3))
            distance = ((given - wanted[chosen]) ** 2).mean() / spread**2
            said = torch.cat(_scores(*twin.head(given[:, None])), dim=1)
            loss = settings.embedding_weight * distance + _cross_entropy(said, scores[chosen])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 5.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        history.append(total / steps)
    return twin.eval().body, history


def _lessons(
    lower: nn.Sequential, upper: nn.Sequential, pools: list[Pool], places: int
) -> tuple[NDArray[np.float16], Tensor]:
    """What the shared layers make of the loudest patches, and the teacher's embeddings of these."""
    maps, wanted = [], []
    with torch.no_grad():
        for pool in pools:
            for at in range(0, len(pool), CHUNK):
                patches = torch.from_numpy(loudest_patches(pool.patches[at : at + CHUNK], places))
                low = lower(patches.contiguous(memory_format=torch.channels_last))
                maps.append(low.numpy().astype(np.float16))
                wanted.append(upper(low).mean(dim=(2, 3)))
    return np.concatenate(maps), torch.cat(wanted)


def _spread_out(maps: NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(maps.astype(np.float32)).contiguous(memory_format=torch.channels_last)


def _scores(dominant: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities of both outputs."""
    return dominant.exp(), torch.sigmoid(present)


def _cross_entropy(given: Tensor, wanted: Tensor) -> Tensor:
    """Of the dominant scores (the first half of the columns) and of the presences."""
    half = given.shape[1] // 2
    given = given.clamp(1e-6, 1 - 1e-6)
    dominant = -(wanted[:, :half] * given[:, :half].log()).sum(dim=1).mean()
    return dominant + functional.binary_cross_entropy(given[:, half:], wanted[:, half:])
