"""The model's own document: one JSON text in the ONNX file's metadata, under the key `instag`.

`export` writes it, the runtime reads rate, window, labels and thresholds from it and from nowhere else. A document that
this version does not understand is refused with the name of the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from instag.errors import CannotStartError

METADATA_KEY = "instag"
SCHEMA = 2


@dataclass(frozen=True)
class FileRule:
    """The numbers of the rule from windows to the file (`instag.aggregate`).

    Levels are RMS levels of windows. The *loud level* of a file is the mean level of its windows, each second weighted
    by the square of its power; everything relative is relative to it, so that turning a file down changes nothing.

    Attributes:
        silence_floor_dbfs: A window below this level is silent. It keeps out dither, not quiet transfers.
        silence_below_loud_db: A window this far below the loud level, or further, is silent.
        blank_below_loud_db: A window this far below the loud level in which `other` leads is blank tape: like a silent
            one, it does not vote.
        half_vote_db: Of two windows this far apart in level, the quieter has half the vote.
        least_share: Share of the heard time from which a label counts as an instrument of the file, 0..1.
    """

    silence_floor_dbfs: float = -90.0
    silence_below_loud_db: float = 60.0
    blank_below_loud_db: float = 15.0
    half_vote_db: float = 10.0
    least_share: float = 0.05


# What a number of the rule may be.
_RULE_RANGES: dict[str, tuple[float, float]] = {
    "silence_floor_dbfs": (-200.0, 0.0),
    "silence_below_loud_db": (1.0, 200.0),
    "blank_below_loud_db": (1.0, 200.0),
    "half_vote_db": (0.5, 1000.0),
    "least_share": (0.0, 1.0),
}
assert set(_RULE_RANGES) == {one.name for one in fields(FileRule)}


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
        present_thresholds: For each label, the presence from which it counts as heard in a window.
        file_temperature: The file's mean dominant scores p become p**(1/T), normalised: calibration of whole files.
        file_rule: The numbers of the rule from windows to the file.
        recipe: Architecture, corpus fingerprint, seed, commit.
        evaluation: For each evaluation set: n, accuracy, F1, ECE.
        reference: Score histograms on a known collection, against which drift is watched.
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
    file_rule: FileRule = FileRule()
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
        CannotStartError: The document is not JSON, or a field is missing or out of range; the message names it.
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
        raise refuse(f"has {document.get('schema')!r} in its field 'schema'; this version of instag reads {SCHEMA}")

    def take(name: str, kind: type | tuple[type, ...], default: object = None) -> Any:
        value = document.get(name, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise refuse(f"has no usable field '{name}'")
        return value

    def in_range(name: str, value: float, low: float, high: float) -> float:
        if not (math.isfinite(value) and low <= value <= high):
            raise refuse(f"has {value} in its field '{name}', outside of {low:g} to {high:g}")
        return float(value)

    def number(name: str, low: float, high: float, default: object = None) -> float:
        return in_range(name, take(name, (int, float), default), low, high)

    labels = take("labels", list)
    if not labels or len(set(map(str, labels))) != len(labels) or not all(isinstance(x, str) and x for x in labels):
        raise refuse("has no usable field 'labels'")
    thresholds = take("present_thresholds", dict)
    if set(thresholds) != set(labels) or not all(
        isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1 for x in thresholds.values()
    ):
        raise refuse("has no usable field 'present_thresholds' (one number from 0 to 1 for each label)")
    rule = take("file_rule", dict)
    for name in _RULE_RANGES:
        if not isinstance(rule.get(name), (int, float)) or isinstance(rule[name], bool):
            raise refuse(f"has no usable field 'file_rule.{name}'")
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
        file_rule=FileRule(
            **{name: in_range(f"file_rule.{name}", rule[name], *span) for name, span in _RULE_RANGES.items()}
        ),
        recipe=take("recipe", dict, {}),
        evaluation=take("evaluation", dict, {}),
        reference=take("reference", dict, {}),
        limits=tuple(str(sentence) for sentence in limits),
    )
