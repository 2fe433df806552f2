"""New thresholds and rule numbers for an exported file: its card is rewritten, its weights are not touched."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from export.onnx_model import ExportError
from instag.errors import CannotStartError
from instag.model.card import METADATA_KEY, SCHEMA, ModelCard, parse_card
from instag.model.onnxfile import NotOnnxError, check_self_contained

# What may be refitted without training. The rest describes the weights.
REFITTED = frozenset(
    {"version", "review_threshold", "present_thresholds", "file_temperature", "file_rule", "evaluation", "reference"}
)


def restamp(source: Path, changes: Mapping[str, Any], target: Path) -> ModelCard:
    """Writes a copy of a model with a changed card.

    The version must change: tables skip a file that the same version of the model has analysed. What was measured with
    the old numbers is dropped from the card, unless `changes` has a new `evaluation`. A card of schema 1 becomes one of
    this schema; it needs `file_rule` among the changes.

    Args:
        source: An ONNX file with a card.
        changes: Fields of the card, see `REFITTED`, with their new values.
        target: The file to write; may be `source`.

    Raises:
        ExportError: The file cannot be read, or the changed card would not be usable; the message says why.
    """
    try:
        data = source.read_bytes()
        check_self_contained(data)
    except (OSError, NotOnnxError) as error:
        raise ExportError(f"{source}: the model cannot be read ({error}).") from error
    model = onnx.load_model_from_string(data)
    entry = next((one for one in model.metadata_props if one.key == METADATA_KEY), None)
    if entry is None:
        raise ExportError(f"{source}: the model has no '{METADATA_KEY}' document in its metadata.")
    if unknown := set(changes) - REFITTED:
        fields = ", ".join(sorted(REFITTED))
        raise ExportError(f"'{min(unknown)}' needs a new export; only these fields can change: {fields}.")
    card = json.loads(entry.value)
    if changes.get("version", card["version"]) == card["version"]:
        raise ExportError(f"{source}: the changes need a 'version' that is not {card['version']}.")
    document = {**card, "evaluation": {}, "reference": {}, **changes, "schema": SCHEMA}
    try:
        changed = parse_card(json.dumps(document), str(source))
    except CannotStartError as error:
        raise ExportError(f"{error}") from error
    entry.value = changed.to_json()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.write_bytes(model.SerializeToString())
    partial.replace(target)
    return changed
