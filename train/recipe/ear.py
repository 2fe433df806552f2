"""The recipe of the shipped ear: mixtures and single recordings, the upper stages of mn04 tuned, averaged, a new head.

Its thresholds and temperatures are not fitted here: they come from real recordings (`python -m export refit`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from train.corpus.manifest import TRAIN, AudioCache, file_digest, fingerprint, read_manifest
from train.errors import TrainingError
from train.measure.calibration import Calibration
from train.models.ear import EarBody, EarConfig, EarNet, load_ear, save_ear, untrained_ear
from train.models.efficientat import Mn04
from train.provenance import commit, library_versions
from train.recipe.data import Data
from train.recipe.ear_fit import (
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
        worn_size: Windows in the pool of worn transfers, which only the head learns from; 0 for none.
        worn_seed: Its seed.
        net: The network.
        mix: How mixtures are made.
        solo: How the recordings of the other pool are made.
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
    worn_size: int = 0
    worn_seed: int = 0
    net: EarConfig = field(default_factory=EarConfig)
    mix: MixSettings = field(default_factory=MixSettings)
    solo: MixSettings = field(default_factory=MixSettings)
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
    net = fit_ear(start, pools, config, body)
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
        worn: Worn transfers, or None.
    """

    mixed: tuple[MelPool, ...]
    solo: MelPool
    worn: MelPool | None

    @property
    def all(self) -> tuple[MelPool, ...]:
        """Every pool, once."""
        mixed = {pool.key: pool for pool in self.mixed}
        return (*mixed.values(), self.solo, *((self.worn,) if self.worn else ()))


def ear_pools(data: Data, config: EarRecipe, folder: Path) -> EarPools:
    """Makes the pools, or finds them in the folder."""

    def pool(settings: MixSettings, seed: int, size: int) -> MelPool:
        return mel_pool(data.cache, data.indices(), settings, seed, size, folder)

    return EarPools(
        tuple(pool(config.mix, seed, config.pool_size) for seed in config.pool_seeds),
        pool(config.solo, config.solo_seed, config.solo_size),
        pool(config.worn, config.worn_seed, config.worn_size) if config.worn_size else None,
    )


def fit_ear(start: EarNet, pools: EarPools, config: EarRecipe, body: EarBody | None = None) -> EarNet:
    """Tunes one run a seed, averages them with the start, fits the head on all pools; or the head alone on `body`."""
    if len(config.pool_seeds) != len(config.seeds):
        raise TrainingError("Each run needs a pool.", "Give pool_seeds as many numbers as seeds.")
    maps = {pool.key: torch.from_numpy(lower_maps(start.body, pool)) for pool in pools.all}

    def together(chosen: Sequence[MelPool]) -> Any:
        return torch.cat([maps[pool.key] for pool in chosen]).numpy()

    mixed = copy.deepcopy(start)
    if body is None:
        runs = [
            tune_ear(start, together((pool, pools.solo)), Targets.of((pool, pools.solo)), config.tune, seed)
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
