"""A run on IRMAS's test part: window scores averaged over a file, the threshold from training recordings only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from export.system import calibrate
from instag.labels import IRMAS_11
from train.corpus.irmas import (
    MultiLabelFigures,
    choose_threshold,
    read_testing,
    read_training,
    score_testing,
    truth_matrix,
)
from train.corpus.manifest import Clip, load_clip
from train.corpus.splits import split
from train.measure.calibration import Calibrated
from train.measure.evaluate import score_recordings, scorer
from train.systems.config import Config
from train.systems.fit import load_best, validation_batch, window_sources
from train.systems.fit_corpus import open_cache, run_folder


def evaluate_testing(config: Config, root: Path, out: Path, cache_folder: Path) -> MultiLabelFigures:
    """The published protocol's figures of one fitted run.

    Args:
        config: Of the run.
        root: Folder that holds both parts of IRMAS.
        out: Folder of the runs.
        cache_folder: Folder of decoded recordings.
    """
    training, testing = read_training(root), read_testing(root)
    system, _ = load_best(run_folder(config, out))
    windows = validation_batch(config, window_sources(config, open_cache(config, training, cache_folder))[1])
    module = Calibrated(system, calibrate(system, windows))
    _, held = split(training, config.data.split, config.run.seed)
    held_clips = [training[index] for index in held]
    threshold = choose_threshold(file_scores(module, held_clips), truth_matrix(held_clips))
    return score_testing(file_scores(module, testing), truth_matrix(testing), threshold)


def file_scores(module: Calibrated, clips: Sequence[Clip]) -> np.ndarray:
    """(clips, 11): the mean presence over each clip's windows."""
    score = scorer(module.eval())
    means = []
    for clip in tqdm(clips, desc="scoring", unit="clip", disable=None):
        samples = load_clip(clip, module.sample_rate)
        (windows,) = score_recordings([samples], score, module.sample_rate, module.window_seconds)
        means.append(windows.presences.mean(axis=0)[: len(IRMAS_11)])
    return np.stack(means)
