"""New rule numbers in an exported file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import onnx
import pytest

from export.onnx_model import ExportError
from export.restamp import restamp
from instag.labels import LABELS
from instag.model.card import METADATA_KEY, SCHEMA, FileRule
from instag.model.session import Device, open_model
from tests.support.tinymodel import tiny_card, write_tiny_model

RULE = asdict(FileRule(least_share=0.2))


def test_the_card_changes_and_the_graph_does_not(tmp_path: Path) -> None:
    card = tiny_card(evaluation={"development": {"n": 3}}, licence="CC0-1.0")
    source = write_tiny_model(tmp_path / "old.onnx", card.to_json())
    changes = {"version": "1.0.1", "review_threshold": 0.7, "file_rule": RULE}
    target = tmp_path / "new.onnx"
    restamp(source, changes, target)
    changed = open_model(target, Device.CPU).card
    assert (changed.version, changed.review_threshold, changed.file_rule.least_share) == ("1.0.1", 0.7, 0.2)
    assert changed.licence == "CC0-1.0" and changed.evaluation == {}  # measured with the old numbers
    assert onnx.load(source).graph.SerializeToString() == onnx.load(target).graph.SerializeToString()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_card_of_the_first_schema_becomes_one_of_this(tmp_path: Path) -> None:
    document = json.loads(tiny_card().to_json()) | {"schema": 1}
    del document["file_rule"]
    path = write_tiny_model(tmp_path / "old.onnx", json.dumps(document))
    with pytest.raises(ExportError, match="file_rule"):
        restamp(path, {"version": "1.0.1"}, path)
    restamp(path, {"version": "1.0.1", "file_rule": RULE}, path)
    assert open_model(path, Device.CPU).card.schema == SCHEMA


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"review_threshold": 0.7}, "'version'"),
        ({"version": "1.0.0"}, "'version'"),
        ({"version": "2", "labels": list(LABELS)}, "'labels' needs a new export"),
        ({"version": "2", "review_threshold": 7}, "'review_threshold'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    source = write_tiny_model(tmp_path / "old.onnx")
    with pytest.raises(ExportError, match=says):
        restamp(source, changes, tmp_path / "new.onnx")
    assert not (tmp_path / "new.onnx").exists()


def test_a_file_without_a_card_is_refused(tmp_path: Path) -> None:
    source = write_tiny_model(tmp_path / "old.onnx", "")
    with pytest.raises(ExportError, match=METADATA_KEY):
        restamp(source, {"version": "2"}, source)
    with pytest.raises(ExportError, match=r"absent\.onnx"):
        restamp(tmp_path / "absent.onnx", {"version": "2"}, source)
    source.write_bytes(b"no model")
    with pytest.raises(ExportError, match=r"old\.onnx"):
        restamp(source, {"version": "2"}, source)
