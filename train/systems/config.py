"""Every number of a run, read from its TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from train.corpus.splits import VOCABULARIES
from train.errors import TrainingError
from train.sound.augment import AugmentSettings
from train.toml import read_toml, settings_from


@dataclass(frozen=True)
class SystemSettings:
    """What is trained.

    Attributes:
        architecture: One of `train.models.ARCHITECTURES`.
        arguments: The architecture's own settings.
    """

    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSettings:
    """What it is trained on.

    Attributes:
        split: `recording`, `fold:I/K` or `leaky`: see `train.corpus.splits.split`.
        vocabulary: `instag-12`, `irmas-11` or `report-11`.
        kind_weights: How often a kind of recording is drawn, relative to 1.
        validation_windows: Windows that the validation measure is taken on, the same at every epoch.
    """

    split: str = "recording"
    vocabulary: str = "instag-12"
    kind_weights: Mapping[str, float] = field(default_factory=dict)
    validation_windows: int = 240

    def __post_init__(self) -> None:
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary must be one of {', '.join(VOCABULARIES)}, not '{self.vocabulary}'")


@dataclass(frozen=True)
class RunSettings:
    """How it is trained.

    Attributes:
        steps_per_epoch: Optimiser steps from validation to validation.
        batch_size: Windows a step.
        seed: Of weights, windows and split.
        weight_decay: Of AdamW.
        label_smoothing: Of the dominant targets.
        present_weight: Weight of the loss of `present` against that of `dominant`.
        patience_epochs: Training ends when the validation measure has not risen for so many epochs.
        precision: `auto` (bfloat16 or float16 where there is a GPU, else float32), `float32` or `bfloat16`.
        step_share: Share of the common step budget that `compare` gives this system; below 1 where a CPU is too slow.
    """

    steps_per_epoch: int = 30
    batch_size: int = 16
    seed: int = 1
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    present_weight: float = 1.0
    patience_epochs: int = 10
    precision: str = "auto"
    step_share: float = 1.0


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one recipe.

    Attributes:
        epochs: How many.
        learning_rate: The highest.
        frozen: Train the heads alone, and leave everything else as it is.
        schedule: `constant`, or `cosine` (a tenth of the stage to warm up, then down to nothing).
    """

    epochs: int
    learning_rate: float
    frozen: bool = False
    schedule: str = "cosine"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.schedule not in ("constant", "cosine"):
            raise ValueError("a stage needs at least one epoch, and the schedule 'constant' or 'cosine'")


@dataclass(frozen=True)
class Config:
    """A run.

    Attributes:
        name: Of the run, the stem of its file.
        system: What is trained.
        data: On what.
        augment: What is done to the windows.
        run: How.
        stages: One after the other.
    """

    name: str
    system: SystemSettings
    data: DataSettings
    augment: AugmentSettings
    run: RunSettings
    stages: tuple[Stage, ...]

    @property
    def epochs(self) -> int:
        """Of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def to_document(self) -> dict[str, Any]:
        """Plain tables, as JSON and checkpoints hold them."""
        return asdict(self)


def read_config(path: Path) -> Config:
    """Reads a run's TOML file.

    Raises:
        TrainingError: The file cannot be read, or a table or key is unknown or makes no sense; the message names it.
    """
    document = read_toml(path)
    known = {"system", "data", "augment", "run", "stage"}
    if unknown := set(document) - known:
        raise TrainingError(
            f"{path}: there is no table [{min(unknown)}].", f"The tables are {', '.join(sorted(known))}."
        )
    stages = document.get("stage", [])
    if not isinstance(stages, list) or not stages:
        raise TrainingError(f"{path}: there is no [[stage]].", "Add at least one, with epochs and learning_rate.")
    return Config(
        name=path.stem,
        system=settings_from(SystemSettings, document.get("system", {}), f"{path}: [system]"),
        data=settings_from(DataSettings, document.get("data", {}), f"{path}: [data]"),
        augment=settings_from(AugmentSettings, document.get("augment", {}), f"{path}: [augment]"),
        run=settings_from(RunSettings, document.get("run", {}), f"{path}: [run]"),
        stages=tuple(settings_from(Stage, stage, f"{path}: [[stage]]") for stage in stages),
    )
