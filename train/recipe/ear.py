"""The recipe of the shipped ear: mixtures and single recordings, the upper stages of mn04 tuned, averaged, a new head.

Its thresholds and temperatures are not fitted here: they come from real recordings (`python -m export refit`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train.corpus.manifest import TRAIN, AudioCache, file_digest, fingerprint, read_manifest
from train.errors import TrainingError
from train.measure.calibration import Calibration
from train.models.ear import EarBody, EarConfig, EarNet, load_ear, save_ear, untrained_ear
from train.models.efficientat import Mn04
from train.provenance import commit, library_versions
from train.recipe.data import Data
from train.recipe.ear_fit import (
    TUNING,
    EarTune,
    Targets,
    average_tuned,
    features,
    fit_correction,
    fit_ear_head,
    lower_maps,
    tune_ear,
)
from train.recipe.ear_pool import MelPool, mel_pool
from train.recipe.kept import kept_or_made, made_from
from train.recipe.pool import key_of
from train.sound.mixing import MixSettings
from train.toml import read_toml, settings_from


@dataclass(frozen=True)
class EarRecipe:
    """All of a run's settings.

    Attributes:
        model_id: Name of the model.
        version: Version of its weights.
        pool_size: Mixtures in each pool.
        seeds: For each, a run of tuning; the runs' mean is averaged with the pretrained body.
        pool_seeds: For each run, the seed of the pool of mixtures that it learns from.
        solo_size: Windows in the pool of recordings that are hardly mixed.
        solo_seed: Its seed.
        average_share: Share of the tuned bodies in the average.
        heard_shift: What is added to the logit of "one of the eleven is heard", chosen on real recordings.
        notes_size: Windows in the pool of single notes; 0 for none.
        notes_seed: Its seed.
        worn_size: Windows in the pool of worn transfers, which only the head learns from; 0 for none.
        worn_seed: Its seed.
        net: The network.
        mix: How mixtures are made.
        solo: How the recordings of the other pool are made.
        notes: How the pool of single notes is made.
        worn: How the recordings of the worn pool are made.
        tune: How body and head are fitted.
    """

    model_id: str
    version: str
    pool_size: int
    seeds: tuple[int, ...]
    pool_seeds: tuple[int, ...]
    solo_size: int
    solo_seed: int
    average_share: float
    heard_shift: float = 0.0
    notes_size: int = 0
    notes_seed: int = 0
    worn_size: int = 0
    worn_seed: int = 0
    net: EarConfig = field(default_factory=EarConfig)
    mix: MixSettings = field(default_factory=MixSettings)
    solo: MixSettings = field(default_factory=MixSettings)
    notes: MixSettings = field(default_factory=MixSettings)
    worn: MixSettings = field(default_factory=MixSettings)
    tune: EarTune = field(default_factory=EarTune)


def make_ear(
    config_path: Path,
    manifests: Sequence[Path],
    network: Mn04,
    folder: Path,
    output: Path,
    tuned: Path | None = None,
) -> Path:
    """Runs the recipe and writes the checkpoint.

    Args:
        config_path: TOML file with every number.
        manifests: Corpora to learn from.
        network: The published network.
        folder: For decoded audio and mixtures, which later runs use again.
        output: The checkpoint.
        tuned: A checkpoint whose body is taken as it is; only a new head is fitted on it.

    Raises:
        TrainingError: A file cannot be used.
    """
    config = settings_from(EarRecipe, read_toml(config_path), str(config_path))
    clips = [clip for manifest in manifests for clip in read_manifest(manifest) if clip.split == TRAIN]
    data = Data(AudioCache(clips, config.net.sample_rate, folder), fingerprint(clips))
    start = untrained_ear(network, config.net)
    pools = ear_pools(data, config, folder)
    body = None if tuned is None else load_ear(tuned)[0].body
    net = fit_ear(start, pools, config, folder, body)
    document = {
        "model_id": config.model_id,
        "version": config.version,
        "calibration": Calibration().to_dict(),
        "sources": data.source_table(),
        "recipe": _recipe(config, data) | ({} if tuned is None else {"body_sha256": file_digest(tuned)}),
    }
    save_ear(output, net, config.net, document)
    return output


@dataclass(frozen=True)
class EarPools:
    """What the ear learns from.

    Attributes:
        mixed: For each run, its pool of mixtures; two runs may share one.
        solo: Recordings nearly as they are.
        notes: Single notes, or None.
        worn: Worn transfers, or None.
    """

    mixed: tuple[MelPool, ...]
    solo: MelPool
    notes: MelPool | None
    worn: MelPool | None

    def tuned_on(self, mixed: MelPool) -> tuple[MelPool, ...]:
        """What the run learns from whose mixtures these are."""
        return (mixed, self.solo, *((self.notes,) if self.notes else ()))

    @property
    def all(self) -> tuple[MelPool, ...]:
        """Every pool, once."""
        mixed = {pool.key: pool for pool in self.mixed}
        return (*mixed.values(), *(pool for pool in (self.solo, self.notes, self.worn) if pool))


def ear_pools(data: Data, config: EarRecipe, folder: Path) -> EarPools:
    """Makes the pools, or finds them in the folder."""

    def pool(settings: MixSettings, seed: int, size: int) -> MelPool:
        return mel_pool(data.cache, data.indices(), settings, seed, size, folder)

    return EarPools(
        tuple(pool(config.mix, seed, config.pool_size) for seed in config.pool_seeds),
        pool(config.solo, config.solo_seed, config.solo_size),
        pool(config.notes, config.notes_seed, config.notes_size) if config.notes_size else None,
        pool(config.worn, config.worn_seed, config.worn_size) if config.worn_size else None,
    )


def fit_ear(start: EarNet, pools: EarPools, config: EarRecipe, folder: Path, body: EarBody | None = None) -> EarNet:
    """Tunes one run a seed, averages them with the start, fits the head on all pools; or the head alone on `body`.

    Each tuned run is kept in `folder`, so that a recipe that was stopped goes on with the next one.
    """
    if len(config.pool_seeds) != len(config.seeds):
        raise TrainingError("Each run needs a pool.", "Give pool_seeds as many numbers as seeds.")
    maps = {pool.key: torch.from_numpy(lower_maps(start.body, pool)) for pool in pools.all}

    def together(chosen: Sequence[MelPool]) -> Any:
        return torch.cat([maps[pool.key] for pool in chosen]).numpy()

    mixed = copy.deepcopy(start)
    if body is None:
        runs = [
            tuned_run(start, pools.tuned_on(pool), together, config.tune, seed, folder)
            for pool, seed in zip(pools.mixed, config.seeds, strict=True)
        ]
        mixed = average_tuned(start, runs, config.average_share)
    else:
        mixed.body.load_state_dict(body.state_dict())
    embedded, targets = features(mixed.body, together(pools.all)), Targets.of(pools.all)
    if pools.worn:
        # Worn transfers teach what is none of the eleven; learning presence from them cost false labels on clean music.
        targets.known[-len(pools.worn) :] = 0
    net = fit_ear_head(mixed, embedded, targets, config.tune, 1)
    if net.head.correction is not None:
        net = fit_correction(net, embedded, targets, config.tune, 1)
    with torch.no_grad():
        net.head.shift += config.heard_shift
    return net


def tuned_run(
    start: EarNet,
    chosen: Sequence[MelPool],
    together: Callable[[Sequence[MelPool]], NDArray[np.float16]],
    settings: EarTune,
    seed: int,
    folder: Path,
) -> EarNet:
    """One run of tuning, from `folder` where it was made before.

    Args:
        start: The network that it starts from.
        chosen: The pools that it learns from.
        together: Gives the lower maps of pools.
        settings: How.
        seed: Of the order.
        folder: Where runs are kept.
    """
    # The correction starts at random, and tuning leaves it alone.
    weights = made_from(start, without="head.correction")
    numbers = {name: value for name, value in asdict(settings).items() if name in TUNING}
    key = key_of(["tuned", *weights, [pool.key for pool in chosen], numbers, seed])
    net = copy.deepcopy(start)
    net.load_state_dict(
        kept_or_made(
            folder / f"tuned-{key}.pt",
            lambda: tune_ear(start, together(chosen), Targets.of(chosen), settings, seed).state_dict(),
        )
    )
    return net


def _recipe(config: EarRecipe, data: Data) -> dict[str, Any]:
    """What the weights come from, for the checkpoint and the card."""
    return {
        "architecture": "mn04",
        "corpus_fingerprint": data.fingerprint,
        "seed": config.seeds[0],
        "commit": commit(),
        "libraries": library_versions(),
        "config": json.loads(json.dumps(asdict(config))),
    }
