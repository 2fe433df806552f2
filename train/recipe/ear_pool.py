"""Pools for mn04: mixtures made once, kept as log-mel maps with their labels.

The front end has nothing to learn, so its output is what is kept (float16; a window takes 77 kB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from train.corpus.manifest import AudioCache, fingerprint
from train.models.efficientat import MEL_BANDS, LevelNormaliser, MelFrontEnd
from train.provenance import mixing_version
from train.recipe.pool import CHUNK, key_of
from train.sound.mixing import Mixer, MixSettings

FRAMES = 300


@dataclass(frozen=True)
class MelPool:
    """Windows ready for mn04's body.

    Attributes:
        mel: (windows, 128, 300) float16, mapped from disk.
        dominant: (windows,) int64.
        present: (windows, 12) float32, 1 where a label is heard.
        known: (windows, 12) float32, 0 where nobody knows.
        key: What everything above follows from, hashed.
    """

    mel: NDArray[np.float16]
    dominant: NDArray[np.int64]
    present: NDArray[np.float32]
    known: NDArray[np.float32]
    key: str

    def __len__(self) -> int:
        return len(self.dominant)


def mel_pool(
    cache: AudioCache,
    indices: Sequence[int],
    settings: MixSettings,
    seed: int,
    size: int,
    folder: Path,
) -> MelPool:
    """A pool of mixtures, from `folder` where it was made before.

    Args:
        cache: Decoded clips at the rate of the network to be.
        indices: Which of them to draw from.
        settings: How to mix.
        seed: Of everything random.
        size: Mixtures.
        folder: Where pools are kept.
    """
    clips = fingerprint([cache.clips[i] for i in indices])
    key = key_of(["mel", asdict(settings), seed, size, cache.sample_rate, clips, mixing_version()])
    target = folder / f"mel-{key}"
    shape = (size, MEL_BANDS, FRAMES)
    if not (target / "labels.npz").exists():
        target.mkdir(parents=True, exist_ok=True)
        mixer = Mixer(cache, settings, seed, indices)
        normalise, front_end = LevelNormaliser(), MelFrontEnd(cache.sample_rate)
        mel = np.memmap(target / "mel.f16", np.float16, "w+", shape=shape)
        made: dict[str, list[NDArray[np.generic]]] = {}
        for first in tqdm(range(0, size, CHUNK), desc="mixing", mininterval=10, disable=None):
            batch = mixer.mixtures(range(first, min(size, first + CHUNK)))
            with torch.no_grad():
                mel[first : first + len(batch.audio)] = front_end(normalise(torch.from_numpy(batch.audio)))[:, 0]
            values = (batch.dominant, batch.present, batch.present_known)
            for name, value in zip(_NAMES, values, strict=True):
                made.setdefault(name, []).append(value)
        mel.flush()
        np.savez(target / "labels.npz", **{name: np.concatenate(value) for name, value in made.items()})
    labels = np.load(target / "labels.npz")
    mel = np.memmap(target / "mel.f16", np.float16, "r", shape=shape)
    return MelPool(mel, labels["dominant"], labels["present"], labels["known"], key)


_NAMES = ("dominant", "present", "known")
