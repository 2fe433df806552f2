"""The model's own document: one JSON text in the ONNX file's metadata, under the key `instag`.

`export` writes it, the runtime reads rate, window, labels and thresholds from it and from nowhere else. A document that
this version does not understand is refused with the name of the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from instag.errors import CannotStartError

METADATA_KEY = "instag"
SCHEMA = 1


@dataclass(frozen=True)
class ModelCard:
    """What a model says of itself.

    Attributes:
        model_id: Name of the model, e.g. `instag-yamnet`.
        version: Version of the weights.
        labels: Order of both outputs.
        sample_rate: Of the `audio` input, in Hz.
        window_seconds: Length of the `audio` input.
        review_threshold: Files whose confidence is below it need review.
        present_thresholds: For each label, the presence from which it counts as heard.
        file_temperature: The file's mean dominant scores p become p**(1/T), normalised: calibration of whole files.
        recipe: Architecture, corpus fingerprint, seed, commit.
        evaluation: For each evaluation set: n, accuracy, F1, ECE.
        reference: Score histograms on the development set, against which drift is watched.
        licence: Licence of the weights.
        limits: Sentences on what the model cannot do.
        schema: Version of this document's form.
    """

    model_id: str
    version: str
    labels: tuple[str, ...]
    sample_rate: int
    window_seconds: float
    review_threshold: float
    present_thresholds: Mapping[str, float]
    licence: str
    file_temperature: float = 1.0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def window_samples(self) -> int:
        """Length of the `audio` input in samples."""
        return round(self.sample_rate * self.window_seconds)

    def to_json(self) -> str:
        """The document as it stands in the ONNX file."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)


def parse_card(text: str, model_name: str) -> ModelCard:
    """Reads and checks a model's document.

    Args:
        text: The JSON document.
        model_name: The model's file, for messages.

    Raises:
        CannotStartError: The document is not JSON, or a field is missing or senseless; the message names it.
    """
    remedy = "Use a model that this version of `python -m export` wrote, or a newer instag."

    def refuse(what: str) -> CannotStartError:
        return CannotStartError(f"{model_name}: the model's 'instag' document {what}.", remedy)

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise refuse("is not JSON") from None
    if not isinstance(document, dict):
        raise refuse("is not a JSON object")
    if document.get("schema") != SCHEMA:
        raise refuse(f"has schema {document.get('schema')!r}, this version understands {SCHEMA}")

    def take(name: str, kind: type | tuple[type, ...], default: object = None) -> Any:
        value = document.get(name, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise refuse(f"has no usable field '{name}'")
        return value

    def number(name: str, low: float, high: float, default: object = None) -> float:
        value = float(take(name, (int, float), default))
        if not (math.isfinite(value) and low <= value <= high):
            raise refuse(f"has the field '{name}' out of range ({value})")
        return value

    labels = take("labels", list)
    if not labels or len(set(map(str, labels))) != len(labels) or not all(isinstance(x, str) and x for x in labels):
        raise refuse("has no usable field 'labels'")
    thresholds = take("present_thresholds", dict)
    if set(thresholds) != set(labels) or not all(
        isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1 for x in thresholds.values()
    ):
        raise refuse("has no usable field 'present_thresholds' (one number in 0..1 per label)")
    limits = take("limits", list, [])
    return ModelCard(
        model_id=take("model_id", str),
        version=take("version", str),
        labels=tuple(labels),
        sample_rate=int(number("sample_rate", 1_000, 192_000)),
        window_seconds=number("window_seconds", 0.1, 60.0),
        review_threshold=number("review_threshold", 0.0, 1.0),
        present_thresholds={name: float(thresholds[name]) for name in labels},
        licence=take("licence", str),
        file_temperature=number("file_temperature", 0.01, 100.0, 1.0),
        recipe=take("recipe", dict, {}),
        evaluation=take("evaluation", dict, {}),
        reference=take("reference", dict, {}),
        limits=tuple(str(sentence) for sentence in limits),
    )
