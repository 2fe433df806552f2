"""MODEL_CARD.md says what the benchmarks wrote, and nothing of another version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export.ear_card import ear_card, read_measured
from instag.model.card import ModelCard
from tests.support.tinymodel import tiny_card
from train.errors import TrainingError

NAMES = [
    "right",
    "right_or_listed",
    "best_of_eleven",
    "lost_to_other",
    "other_kept",
    "presence_micro_f1",
    "presence_macro_f1",
    "ece",
    "in_review",
    "right_kept",
]


def card(version: str = "9.1") -> ModelCard:
    from dataclasses import replace

    return replace(
        tiny_card(), model_id="ear", version=version, recipe={"commit": "c0ffee", "corpus_fingerprint": "f" * 64}
    )


def report() -> dict[str, Any]:
    return {
        "model_id": "ear",
        "model_version": "9.1",
        "figures": dict.fromkeys(NAMES, 0.5) | {"n_eleven": 70, "n_other": 150, "other_kept": 0.814},
        "intervals": {name: [0.25, 0.75] for name in NAMES},
        "by_label": {
            "cello": {"n": 3, "right": 1.0, "best_of_eleven": 1.0},
            "other": {"n": 5, "right": 0.8, "best_of_eleven": float("nan")},
        },
        "by_length": {"600": {"n": 2, "false_labels": 0.1, "found": 0.62}},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = {
        "as it is": {"right": 0.8, "other_kept": 0.7, "lost_points": 0.0},
        "a worn disc": {"right": 0.7, "other_kept": 0.5, "lost_points": 12.3},
    }
    robust = {"model_id": "ear", "model_version": "9.1", "seconds": 12.0, "n": 257, "table": rows}
    peers = {"parts": {"report": {"YAMNet": dict.fromkeys(NAMES, 0.333)}}}
    small = {"model_version": "8.3", "figures": {"other_kept": 0.254}}
    documents = {"report": report(), "choose": report(), "small-choose": small, "robust-instag": robust, "peers": peers}
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def test_the_card_says_what_was_measured(folder: Path) -> None:
    text = ear_card(card(), read_measured(folder, 2))
    for part in (
        "# Model card: ear 9.1",
        "c0ffee",
        "On 70 real recordings",
        "looked at 2 times",
        "| `other` recognised as `other` | 0.814 (0.250 to 0.750) |",
        "| other | 5 | 0.80 | - |",
        "| YAMNet | 0.333 |",
        "| a worn disc | 0.700 | 0.500 | 12.3 |",
        '"a worn disc" with 12.3 points',
        "19% still get an instrument",
        "is version 8.3 of the YAMNet twin",
        "`other` in 0.25 of the cases, where this model does\n  in 0.81",
        "62% of the instruments are found",
    ):
        assert part in text


def test_measurements_of_another_version_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match=r"are of ear 9\.1, not of ear 9\.2"):
        ear_card(card("9.2"), read_measured(folder, 1))


def test_a_missing_measurement_is_named(folder: Path) -> None:
    (folder / "peers.json").unlink()
    with pytest.raises(TrainingError, match=r"peers\.json"):
        read_measured(folder, 1)
