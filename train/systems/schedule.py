"""Learning rates and precision of a run."""

from __future__ import annotations

import math

import torch

from train.errors import TrainingError
from train.systems.config import Stage


def learning_rate_at(stage: Stage, step: int, steps: int) -> float:
    """A pure function of the step, so that resuming needs no scheduler's state."""
    if stage.schedule == "constant":
        return stage.learning_rate
    warm = max(1, steps // 10)
    if step < warm:
        return stage.learning_rate * (step + 1) / warm
    return stage.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def precision_of(name: str, device: torch.device) -> torch.dtype:
    """The type that a config's `precision` names.

    Raises:
        TrainingError: There is no such precision.
    """
    if name == "auto":
        if device.type == "cpu":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    try:
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    except KeyError:
        raise TrainingError(f"There is no precision '{name}'.", "Use auto, float32 or bfloat16.") from None
