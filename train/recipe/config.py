"""The recipe's configuration: one TOML file holds every number."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from train.recipe.fit import HeadSettings, TuneSettings
from train.recipe.judge import JudgeSettings
from train.sound.mixing import MixSettings


@dataclass(frozen=True)
class RecipeConfig:
    """All of a run's settings.

    Attributes:
        model_id: Name of the model.
        version: Version of its weights.
        pool_size: Mixtures in a pool.
        music_size: Windows of unlabelled music.
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
        folds: Name to the sources that are held out together.
    """

    model_id: str
    version: str
    pool_size: int
    music_size: int
    average_share: float
    seeds: tuple[int, ...]
    fold_pool_size: int
    fold_seeds: tuple[int, ...]
    small_places: int = 5
    mix: MixSettings = field(default_factory=MixSettings)
    tune: TuneSettings = field(default_factory=TuneSettings)
    fold_tune: TuneSettings = field(default_factory=TuneSettings)
    head: HeadSettings = field(default_factory=HeadSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    folds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_config(path: Path) -> RecipeConfig:
    """Reads the TOML file.

    Raises:
        ValueError: A field is unknown or missing; the message names file and field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return _build(RecipeConfig, document, "")
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _build(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """A dataclass out of a table, nested ones out of its tables."""
    hints = get_type_hints(kind, include_extras=False)
    unknown = set(values) - set(hints)
    if unknown:
        raise TypeError(f"unknown field '{where}{min(unknown)}'")
    made = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]):
            made[name] = _build(hints[name], value, f"{where}{name}.")
        else:
            made[name] = _frozen(value)
    return kind(**made)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {key: _frozen(one) for key, one in value.items()} if isinstance(value, dict) else value
