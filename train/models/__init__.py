"""Architectures by name, as configs know them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from train.errors import TrainingError
from train.models.blocks import System
from train.models.compact import Compact
from train.models.mn04 import Mn04Transfer
from train.models.morlet import Morlet
from train.models.nine_stft import NineStft
from train.models.pann import Cnn14, MobileNetV1, Pann
from train.models.three_stft import ThreeStft
from train.models.yamnet import Yamnet


def _pann_cnn14(checkpoint: str = "") -> System:
    return Pann(Cnn14(), checkpoint)


def _pann_mobilenet(checkpoint: str = "") -> System:
    return Pann(MobileNetV1(), checkpoint)


ARCHITECTURES: Mapping[str, Callable[..., System]] = {
    "nine_stft": NineStft,
    "three_stft": ThreeStft,
    "pann_cnn14": _pann_cnn14,
    "pann_mobilenet": _pann_mobilenet,
    "mn04": Mn04Transfer,
    "morlet": Morlet,
    "compact": Compact,
    "yamnet": Yamnet,
}


def build(architecture: str, settings: Mapping[str, Any]) -> System:
    """A fresh system.

    Args:
        architecture: One of `ARCHITECTURES`.
        settings: Its arguments, as the config has them.

    Raises:
        TrainingError: No such architecture, or a setting that it does not have.
    """
    if architecture not in ARCHITECTURES:
        raise TrainingError(f"There is no architecture '{architecture}'.", f"Use one of {', '.join(ARCHITECTURES)}.")
    builder = ARCHITECTURES[architecture]
    known = inspect.signature(builder).parameters
    if unknown := set(settings) - set(known):
        raise TrainingError(
            f"Architecture '{architecture}' has no setting '{min(unknown)}'.", f"It has {', '.join(known)}."
        )
    return builder(**settings)
