"""The windows that a run learns from and is validated on, and the logits of a system for them."""

from __future__ import annotations

import torch
from torch import Tensor

from train.corpus.manifest import AudioCache
from train.corpus.splits import label_index, split
from train.models import System
from train.sound.augment import AugmentSettings
from train.sound.windows import Batch, WindowSource
from train.systems.config import Config

# A series of its own, so that validation windows are never those of training.
_VALIDATION_SERIES = 7_002


def window_sources(config: Config, cache: AudioCache) -> tuple[WindowSource, WindowSource]:
    """Augmented training windows, and plain ones of the held-out recordings."""
    indices = [label_index(clip.label, config.data.vocabulary) for clip in cache.clips]
    labels = [-1 if index is None else index for index in indices]
    # A backing track may hide one of the eleven, so it is never `other`.
    usable = [i for i, clip in enumerate(cache.clips) if labels[i] >= 0 and clip.kind != "backing"]
    kept, held = split([cache.clips[i] for i in usable], config.data.split, config.run.seed)

    def source(part: list[int], augment: AugmentSettings) -> WindowSource:
        return WindowSource(cache, labels, [usable[i] for i in part], config.data.kind_weights, augment)

    return source(kept, config.augment), source(held, AugmentSettings())


def validation_batch(config: Config, validation: WindowSource) -> Batch:
    """The validation windows of a run."""
    return validation.batch(_VALIDATION_SERIES + config.run.seed, 0, config.data.validation_windows)


def batched_logits(system: System, audio: Tensor, size: int = 16) -> tuple[Tensor, Tensor]:
    """Logits in evaluation mode and single precision, (windows, 12) each, on the CPU."""
    device = next(system.parameters()).device
    system.eval()
    with torch.no_grad():
        parts = [system(part.to(device)) for part in audio.split(size)]
    return torch.cat([part[0] for part in parts]).cpu(), torch.cat([part[1] for part in parts]).cpu()
