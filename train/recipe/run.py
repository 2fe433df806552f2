"""The main model's recipe, from manifests to a calibrated checkpoint: `python -m train recipe`.

For each fold, a network is made without the fold's sources and judged on them. What those networks say of sound that
they never heard sets the calibration and the thresholds. The network that ships is then made the same way, from all
sources.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from train.models.heads import InstrumentNet, NetConfig, save_checkpoint, untrained
from train.models.yamnet_body import Pretrained, YamnetBody
from train.provenance import commit, library_versions
from train.recipe.calibrate import FoldScores, calibrate_folds, figures_of, score_sets
from train.recipe.config import RecipeConfig, read_recipe
from train.recipe.data import Data, load_data
from train.recipe.fit import TuneSettings, average, embeddings, fit_head, lower_maps, tune
from train.recipe.judge import embed_set, held_sets
from train.recipe.kept import kept_or_made, made_from
from train.recipe.pool import Labels, Pool, key_of, mixture_pool
from train.sound.mixing import Mixer

SMALL_SUFFIX = "-small"


def make_network(
    start: InstrumentNet,
    data: Data,
    config: RecipeConfig,
    folder: Path,
    without: Sequence[str] = (),
) -> tuple[InstrumentNet, InstrumentNet, dict[str, Any]]:
    """Tunes the network, averages it, and refits the head.

    Args:
        start: The untrained network.
        data: What to learn from.
        config: Every number.
        folder: Where pools are kept.
        without: Sources that are left out; the fold's smaller settings apply where there are any.

    Returns:
        The network, its small twin, and the losses of the tuned runs.
    """
    size, settings = (config.fold_pool_size, config.fold_tune) if without else (config.pool_size, config.tune)
    seeds = config.fold_seeds if without else config.seeds
    front_end = start.body.front_end
    indices = data.indices(without)
    pools = [mixture_pool(data.cache, indices, config.mix, seed, size, front_end, folder) for seed in seeds]
    runs = _tuned(start, pools, settings, seeds, folder)
    body = average(start.body, [body for body, _ in runs], config.average_share)
    keys = [pool.key for pool in pools]
    parts = [keys, made_from(start), dataclasses.asdict(settings), list(seeds), config.average_share]
    path = folder / f"heads-{key_of([*parts, dataclasses.asdict(config.head)])}.pt"

    def head() -> dict[str, Any]:
        features = torch.cat([embeddings(body, pool) for pool in pools])
        return fit_head(start.head, features, Labels.of(pools), config.head, seeds[0]).state_dict()

    net = InstrumentNet(body, copy.deepcopy(start.head))
    net.head.load_state_dict(kept_or_made(path, head))
    losses = {"losses": {str(seed): history for seed, (_, history) in zip(seeds, runs, strict=True)}}
    return net.eval(), _small(net, config.small_places), losses


def _small(net: InstrumentNet, places: int) -> InstrumentNet:
    """The same weights, hearing only the loudest patch of a window: a third of the work."""
    small = copy.deepcopy(net)
    small.body.front_end.patches, small.body.front_end.places = 1, places
    return small.eval()


def _tuned(
    start: InstrumentNet,
    pools: Sequence[Pool],
    settings: TuneSettings,
    seeds: Sequence[int],
    folder: Path,
) -> list[tuple[YamnetBody, list[float]]]:
    """A tuned body and its losses for each pool and seed; what any run of the recipe finished is read back."""
    runs = []
    for pool, seed in zip(pools, seeds, strict=True):
        parts = [pool.key, made_from(start), dataclasses.asdict(settings), seed]
        kept = kept_or_made(folder / f"tuned-{key_of(parts)}.pt", partial(_tuned_once, start, pool, settings, seed))
        body = copy.deepcopy(start.body)
        body.load_state_dict(kept["state"])
        runs.append((body, kept["history"]))
    return runs


def _tuned_once(start: InstrumentNet, pool: Pool, settings: TuneSettings, seed: int) -> dict[str, Any]:
    net, history = tune(start, pool, lower_maps(start.body, pool, settings), settings, seed)
    return {"state": net.body.state_dict(), "history": history}


def run_folds(
    start: InstrumentNet, data: Data, config: RecipeConfig, folder: Path
) -> tuple[dict[str, FoldScores], dict[str, FoldScores]]:
    """What networks (and their small twins) say of the sources that they never heard."""
    scores: dict[str, FoldScores] = {}
    small_scores: dict[str, FoldScores] = {}
    for name, sources in config.folds.items():
        net, small, _ = make_network(start, data, config, folder, sources)
        for one, kept in ((net, scores), (small, small_scores)):
            held = held_sets(data.cache, data.indices(only=sources), one.body.front_end, config.judge)
            features = {key: embed_set(one.body, single) for key, single in held.items()}
            # The patches are no longer needed, and are too large to keep.
            held = {key: dataclasses.replace(single, patches=single.patches[:0]) for key, single in held.items()}
            kept[name] = score_sets(one.head, held, features)
        print(name, json.dumps(figures_of({name: scores[name]})), flush=True)
    return scores, small_scores


def run(
    config: RecipeConfig, data: Data, pretrained: Pretrained, folder: Path
) -> list[tuple[InstrumentNet, dict[str, Any]]]:
    """The whole recipe.

    Returns:
        The network that ships and its small twin, each with its checkpoint's document: calibration, recipe, figures of
        the folds, sources, and some windows for an 8-bit export.
    """
    start = untrained(pretrained, config.start)
    all_scores = run_folds(start, data, config, folder)
    *nets, losses = make_network(start, data, config, folder)
    some = Mixer(data.cache, config.mix, max(config.seeds) + 1).batch(0, config.export_windows).audio
    results = []
    for net, scores, suffix in zip(nets, all_scores, ("", SMALL_SUFFIX), strict=True):
        calibration, heard_shift = calibrate_folds(scores, config.calibration)
        with torch.no_grad():
            net.head.shift += heard_shift
        document = {
            "model_id": config.model_id + suffix,
            "version": config.version,
            "calibration": calibration.to_dict(),
            "folds": figures_of(scores, calibration, heard_shift),
            "sources": data.source_table(),
            "windows": torch.from_numpy(some),
            "recipe": {
                "architecture": "yamnet" + suffix,
                "corpus_fingerprint": data.fingerprint,
                "seed": config.seeds[0],
                "commit": commit(),
                "libraries": library_versions(),
                "config": json.loads(json.dumps(dataclasses.asdict(config))),
                "heard_shift": heard_shift,
                **losses,
            },
        }
        results.append((net, document))
    return results


def make_checkpoints(
    config_path: Path, manifests: Sequence[Path], pretrained: Pretrained, folder: Path, output: Path
) -> tuple[Path, Path]:
    """Runs the recipe and writes the checkpoint and its small twin, each with its figures as JSON beside it.

    Args:
        config_path: TOML file with every number.
        manifests: Corpora to learn from.
        pretrained: The network to start from.
        folder: For decoded audio and mixtures, which later runs use again.
        output: The checkpoint; the twin's name ends in `-small`.

    Raises:
        TrainingError: A file cannot be used.
    """
    config = read_recipe(config_path)
    outputs = output, output.with_stem(output.stem + SMALL_SUFFIX)
    results = run(config, load_data(manifests, folder), pretrained, folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, (net, document) in zip(outputs, results, strict=True):
        front_end = net.body.front_end
        save_checkpoint(path, net, NetConfig(patches=front_end.patches, places=front_end.places), document)
        figures = {key: value for key, value in document.items() if key != "windows"}
        path.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return outputs
