"""The document inside the ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instag.labels import LABELS
from instag.model.card import ModelCard
from train.errors import TrainingError
from train.measure.calibration import calibration_from

# Argued in DATA_STATEMENT.md.
WEIGHTS_LICENCE = "CC-BY-SA-4.0"
LIMITS = (
    "The label is the most likely dominant instrument, the confidence a probability and no guarantee.",
    "Knows eleven instruments; everything else is `other`. Related instruments are confused: clarinet with saxophone "
    "and oboe, violin with viola and cello, acoustic with electric guitar.",
    "Solo passages are named far more reliably than an instrument within a dense mix.",
    "Not for surveillance, for judging performers, or for enforcing rights.",
)
_SETS = ("development", "mixtures", "bands_louder", "others")
_FIGURES = ("n", "accuracy", "accuracy_eleven", "other_recall", "macro_f1", "ece", "lost_to_other")


def make_card(
    checkpoint: Mapping[str, Any], evaluation: Mapping[str, Any] | None, sample_rate: int, window_seconds: float
) -> ModelCard:
    """The card of a checkpoint, with what was measured where something was.

    Raises:
        TrainingError: The evaluation is of another model or version.
    """
    calibration = calibration_from(checkpoint["calibration"])
    figures: dict[str, Any] = {}
    reference: Mapping[str, Any] = {}
    if evaluation is not None:
        mine = (checkpoint["model_id"], checkpoint["version"])
        if (evaluation["model_id"], evaluation["model_version"]) != mine:
            raise TrainingError(
                f"The evaluation is of {evaluation['model_id']} {evaluation['model_version']}, not of {mine}."
            )
        for name in _SETS:
            found = evaluation[name]
            figures[name] = {key: found[key] for key in _FIGURES if found.get(key) is not None}
        reference = evaluation["reference"]
    recipe = {key: checkpoint["recipe"][key] for key in ("architecture", "corpus_fingerprint", "seed", "commit")}
    return ModelCard(
        model_id=checkpoint["model_id"],
        version=checkpoint["version"],
        labels=LABELS,
        sample_rate=sample_rate,
        window_seconds=window_seconds,
        review_threshold=calibration.review_threshold,
        present_thresholds=dict(zip(LABELS, calibration.present_thresholds, strict=True)),
        licence=WEIGHTS_LICENCE,
        file_temperature=calibration.file_temperature,
        recipe=recipe,
        evaluation=figures,
        reference=reference,
        limits=LIMITS,
    )
