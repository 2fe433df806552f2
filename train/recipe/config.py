"""The recipe's configuration: one TOML file holds every number, and no number has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from train.models.heads import StartSettings
from train.recipe.calibrate import CalibrationSettings
from train.recipe.fit import HeadSettings, TuneSettings
from train.recipe.judge import JudgeSettings
from train.sound.mix_settings import MixSettings
from train.toml import read_toml, settings_from


@dataclass(frozen=True)
class RecipeConfig:
    """All of a run's settings.

    Attributes:
        model_id: Name of the model.
        version: Version of its weights.
        pool_size: Mixtures in a pool.
        average_share: Share of the tuned bodies in the average with the pretrained one.
        seeds: For each, a pool of mixtures and a run tuned on it; the runs' mean is averaged with the pretrained body.
        fold_pool_size: Mixtures in a pool of the folds.
        fold_seeds: The same as `seeds` for the folds.
        small_places: From how many places of a window the small twin's only patch may be taken.
        mix: How mixtures are made.
        tune: How the whole network is tuned.
        fold_tune: The same in the folds, which are smaller.
        head: How the head is refitted.
        judge: Sizes of the held-out sets.
        start: Where it starts.
        calibration: The rules that set thresholds and temperatures.
        export_windows: Mixtures kept in the checkpoint, for the ranges of an 8-bit export.
        folds: Name to the sources that are held out together.
    """

    model_id: str
    version: str
    pool_size: int
    average_share: float
    seeds: tuple[int, ...]
    fold_pool_size: int
    fold_seeds: tuple[int, ...]
    small_places: int
    export_windows: int
    start: StartSettings
    mix: MixSettings
    tune: TuneSettings
    fold_tune: TuneSettings
    head: HeadSettings
    judge: JudgeSettings
    calibration: CalibrationSettings
    folds: Mapping[str, tuple[str, ...]]


def read_recipe(path: Path) -> RecipeConfig:
    """Reads the recipe's TOML file.

    Raises:
        TrainingError: The file cannot be read, or a key is unknown, missing or wrong; the message names it.
    """
    return settings_from(RecipeConfig, read_toml(path), str(path), complete=True)
