"""Pools: mixtures and unlabelled music made once, turned into log-mel patches, and used by every experiment after that.

The front end has nothing to learn, so its output is what is kept (float16; the patches of a window take 37 kB).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from train.corpus.manifest import AudioCache, file_digest, fingerprint, source_family
from train.models.yamnet_body import MEL_BANDS, PATCH_FRAMES, LogMel
from train.provenance import mixing_version
from train.sound.mixing import Mixer, MixSettings

CHUNK = 64


@dataclass(frozen=True)
class Pool:
    """Windows ready for the body.

    Attributes:
        patches: (windows, patches, 96, 64) float16, mapped from disk.
        dominant: (windows,) int64; -1 where nobody knows.
        present: (windows, 12) float32.
        known: (windows, 12) float32.
        families: (windows, families) bool, which source families are in each window.
        family_names: Names of the families.
        key: What everything above follows from, hashed.
    """

    patches: NDArray[np.float16]
    dominant: NDArray[np.int64]
    present: NDArray[np.float32]
    known: NDArray[np.float32]
    families: NDArray[np.bool_]
    family_names: tuple[str, ...]
    key: str

    def __len__(self) -> int:
        return len(self.dominant)


@dataclass(frozen=True)
class Labels:
    """What is in the windows of some pools, one pool after the other; shapes as in `Pool`."""

    dominant: NDArray[np.int64]
    present: NDArray[np.float32]
    known: NDArray[np.float32]

    @classmethod
    def of(cls, pools: Sequence[Pool]) -> Labels:
        """The labels of these pools."""
        return cls(
            np.concatenate([pool.dominant for pool in pools]),
            np.concatenate([pool.present for pool in pools]),
            np.concatenate([pool.known for pool in pools]),
        )

    def __len__(self) -> int:
        return len(self.dominant)


def mixture_pool(
    cache: AudioCache,
    indices: Sequence[int],
    settings: MixSettings,
    seed: int,
    size: int,
    front_end: LogMel,
    folder: Path,
) -> Pool:
    """A pool of mixtures, from `folder` where it was made before."""
    chosen = [cache.clips[i] for i in indices]
    # Their order decides which are drawn, their labels what is learned.
    clips = [fingerprint(chosen), *(file_digest(clip.path) for clip in chosen)]
    key = key_of([asdict(settings), seed, size, front_end.patches, cache.sample_rate, clips, mixing_version()])
    names = tuple(sorted({source_family(cache.clips[i]) for i in indices}))
    target = folder / f"pool-{key}"
    if not (target / "labels.npz").exists():
        target.mkdir(parents=True, exist_ok=True)
        mixer = Mixer(cache, settings, seed, indices)
        dominant, present, known, families = [], [], [], []
        patches = np.memmap(target / "patches.f16", np.float16, "w+", shape=_shape(size, front_end))
        for first in tqdm(range(0, size, CHUNK), desc="mixing", disable=None):
            batch = mixer.mixtures(range(first, min(size, first + CHUNK)))
            patches[first : first + len(batch.audio)] = _patches(front_end, batch.audio)
            dominant.append(batch.dominant)
            present.append(batch.present)
            known.append(batch.present_known)
            families += [[name in sources for name in names] for sources in batch.sources]
        patches.flush()
        np.savez(
            target / "labels.npz",
            dominant=np.concatenate(dominant),
            present=np.concatenate(present),
            known=np.concatenate(known),
            families=np.array(families, bool),
        )
    labels = np.load(target / "labels.npz")
    patches = np.memmap(target / "patches.f16", np.float16, "r", shape=_shape(size, front_end))
    return Pool(patches, labels["dominant"], labels["present"], labels["known"], labels["families"], names, key)


def _shape(size: int, front_end: LogMel) -> tuple[int, int, int, int]:
    return size, front_end.patches, PATCH_FRAMES, MEL_BANDS


def _patches(front_end: LogMel, audio: NDArray[np.float32]) -> NDArray[np.float16]:
    with torch.no_grad():
        return front_end(torch.from_numpy(audio)).numpy().astype(np.float16)


def key_of(parts: list[object]) -> str:
    """A short name for what these settings lead to."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
