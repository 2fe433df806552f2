"""A fitted system to a calibrated ONNX file under the contract, which `instag tag --model` takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.onnx_model import check_parity, export_model, open_session, run_session
from instag.labels import LABELS
from instag.model.card import ModelCard
from train.corpus.manifest import AudioCache, Clip
from train.measure.calibration import Calibrated, Calibration, best_threshold, fit_presence, fit_temperature
from train.models import System
from train.sound.windows import Batch
from train.systems.config import Config
from train.systems.run_folder import load_best
from train.systems.validation import batched_logits, validation_batch, window_sources

MODEL = "model.onnx"
_REVIEW_THRESHOLD = 0.5
_TIMING_BATCH, _TIMING_ROUNDS = 8, 5


@dataclass(frozen=True)
class Shipped:
    """An exported system.

    Attributes:
        path: The ONNX file.
        parameters: Of the trained network, constants of the front end left out.
        megabytes: Size of the file.
        parity: Largest difference between PyTorch and onnxruntime.
        milliseconds: Processor time of one window on one core, in onnxruntime, in batches of eight.
    """

    path: Path
    parameters: int
    megabytes: float
    parity: float
    milliseconds: float


def ship(config: Config, cache: AudioCache, folder: Path, origin: dict[str, object]) -> Shipped:
    """Calibrates a run's best weights on its validation windows, exports them, and checks the file.

    Args:
        config: Of the run.
        cache: The recordings it was fitted on.
        folder: Of the run; the file is written there.
        origin: Commit and corpus, for the card's recipe.
    """
    system, _ = load_best(folder)
    windows = validation_batch(config, window_sources(config, cache)[1])
    calibration = calibrate_on_windows(system, windows)
    module = Calibrated(system, calibration)
    path = export_model(module, _card(config, system, calibration, cache.clips, origin), folder / MODEL)
    parity = check_parity(module, path, windows.audio[:8].numpy())
    return Shipped(
        path=path,
        parameters=sum(parameter.numel() for parameter in system.parameters() if parameter.requires_grad),
        megabytes=path.stat().st_size / 1e6,
        parity=max(parity, check_parity(module, path)),
        milliseconds=milliseconds_per_window(path, system),
    )


def calibrate_on_windows(system: System, windows: Batch) -> Calibration:
    """Temperature, presence and thresholds from windows that were not trained on."""
    dominant, present = (logits.numpy() for logits in batched_logits(system, windows.audio))
    truth = windows.present.numpy()
    scale, bias = fit_presence(present, truth, np.ones_like(truth))
    probabilities = 1 / (1 + np.exp(-(present * np.array(scale) + np.array(bias))))
    thresholds = (best_threshold(probabilities[:, i], truth[:, i] > 0.5) for i in range(len(LABELS)))
    return Calibration(
        dominant_temperature=fit_temperature(dominant, windows.dominant.numpy().argmax(axis=1)),
        present_scale=scale,
        present_bias=bias,
        review_threshold=_REVIEW_THRESHOLD,
        present_thresholds=tuple(thresholds),
    )


def milliseconds_per_window(path: Path, system: System) -> float:
    """The fastest of several rounds, in processor time, so that other work on the machine counts little."""
    session = open_session(path, threads=1)
    audio = np.random.default_rng(0).normal(0, 0.1, (_TIMING_BATCH, round(system.sample_rate * system.window_seconds)))
    audio = audio.astype(np.float32)
    run_session(session, audio)
    rounds = []
    for _ in range(_TIMING_ROUNDS):
        started = time.process_time()
        run_session(session, audio)
        rounds.append(time.process_time() - started)
    return min(rounds) / _TIMING_BATCH * 1e3


def _card(
    config: Config, system: System, calibration: Calibration, clips: Sequence[Clip], origin: dict[str, object]
) -> ModelCard:
    licences = sorted({clip.licence for clip in clips} - {""})
    return ModelCard(
        model_id=f"instag-{config.name.replace('_', '-')}",
        version=f"seed{config.run.seed}",
        labels=LABELS,
        sample_rate=system.sample_rate,
        window_seconds=system.window_seconds,
        review_threshold=calibration.review_threshold,
        present_thresholds=dict(zip(LABELS, calibration.present_thresholds, strict=True)),
        licence=f"as the training recordings allow: {', '.join(licences) or 'not stated'}",
        file_temperature=calibration.file_temperature,
        recipe={"architecture": config.system.architecture, "seed": config.run.seed, **origin},
        limits=("Trained for comparison with other systems, on a small budget; not the model that instag ships.",),
    )
