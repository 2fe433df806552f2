"""What a recipe keeps of a finished step, so that a run that was stopped goes on behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from train.provenance import fitting_version


def made_from(start: nn.Module, without: str = "") -> list[str]:
    """What decides a fit besides its data and settings: the weights that it starts from, and the code.

    Args:
        start: The network that the fit starts from.
        without: Weights whose names start so do not count; all do where it is empty.
    """
    weights = hashlib.sha256()
    for name, value in sorted(start.state_dict().items()):
        if not (without and name.startswith(without)):
            weights.update(name.encode() + value.contiguous().numpy().tobytes())
    return [weights.hexdigest(), fitting_version()]


def kept_or_made(path: Path, make: Callable[[], Any]) -> Any:
    """What the file holds; what `make` gives where there is no such file yet, which is then written whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(make(), path.with_suffix(".partial"))
        path.with_suffix(".partial").replace(path)
    return torch.load(path, map_location="cpu", weights_only=True)
