"""The folder of a run: its files, its learning curves, and its best weights."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from train.errors import TrainingError
from train.models import System, build

LAST, BEST, CURVES, RESULT = "last.pt", "best.pt", "curves.csv", "result.json"


@dataclass(frozen=True)
class Epoch:
    """A line of the learning curves.

    Attributes:
        epoch: Counted from 1, over all stages.
        learning_rate: At its end.
        train_loss: Mean over the epoch.
        validation_loss: On the validation windows.
        accuracy: Of the dominant label there.
        macro_f1: Of the dominant label there; the measure that the best epoch is chosen by.
        seconds: Taken by training, without validation: processor time where there is no GPU, so that other work on the
            machine does not count.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    accuracy: float
    macro_f1: float
    seconds: float


@dataclass(frozen=True)
class FitResult:
    """The result of a run.

    Attributes:
        folder: The run's folder.
        epochs: The learning curves.
        best_epoch: The one whose weights are in `best.pt`.
        windows: Training windows seen.
        training_seconds: Without validation.
    """

    folder: Path
    epochs: tuple[Epoch, ...]
    best_epoch: int
    windows: int
    training_seconds: float


def load_best(folder: Path) -> tuple[System, dict[str, Any]]:
    """The system of a finished or running run at its best epoch, and the config that it was built from.

    Raises:
        TrainingError: The folder holds no run.
    """
    path = folder / BEST
    if not path.exists():
        raise TrainingError(f"{path}: no such checkpoint.", "Run `python -m train fit` first.")
    document = torch.load(path, map_location="cpu", weights_only=True)
    settings = document["config"]["system"]
    # The weights are in the checkpoint, so a pretrained start is not needed again.
    arguments = {key: value for key, value in settings["arguments"].items() if key != "checkpoint"}
    system = build(settings["architecture"], arguments)
    system.load_state_dict(document["weights"])
    return system.eval(), document["config"]


def write_curves(epochs: Sequence[Epoch], folder: Path) -> None:
    """Writes the learning curves as CSV."""
    with (folder / CURVES).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(Epoch.__dataclass_fields__))
        table.writeheader()
        table.writerows(asdict(epoch) for epoch in epochs)


def save_whole(document: dict[str, Any], path: Path) -> None:
    """Writes all of it or nothing."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(document, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
