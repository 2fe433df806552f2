from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.card import make_card
from export.data_statement import data_statement
from export.model_card import model_card
from instag.labels import LABELS
from instag.model.card import parse_card
from train.errors import TrainingError
from train.measure.calibration import Calibration
from train.measure.evaluate import Outcome, summarise

CHECKPOINT = {
    "model_id": "instag-test",
    "version": "2.1",
    "calibration": Calibration(review_threshold=0.37).to_dict(),
    "folds": {"stems": {"recordings": {"n": 9, "ece": 0.1, "best_of_eleven": 0.75, "other_recall": None}}},
    "sources": [
        {
            "source": "philharmonia",
            "licences": ["free"],
            "kinds": ["note"],
            "labels": ["cello"],
            "clips": 12,
            "seconds": 90.0,
        }
    ],
    "recipe": {"architecture": "yamnet", "corpus_fingerprint": "f" * 64, "seed": 1, "commit": "abc"},
}


def evaluation() -> dict[str, Any]:
    result = Outcome(
        truth=np.array([0, 0, 1, 11]),
        predicted=np.array([0, 1, 1, 11]),
        confidence=np.array([0.9, 0.4, 0.8, 0.7]),
        review=np.array([False, True, False, False]),
    )
    figures = summarise(result) | {"lost_to_other": 0.0, "instruments": {"micro_f1": 0.52, "macro_f1": 0.41}}
    return {
        "model_id": "instag-test",
        "model_version": "2.1",
        "development": figures | {"mistakes": [["audio/dev/a/wrong.opus", "cello", "clarinet", 0.4]]},
        "mixtures": figures,
        "pieces": figures,
        "bands_louder": figures,
        "others": figures,
        "reference": {"files": 4},
        "robustness": {"undamaged": 0.7, "mp3_64k": 0.6},
    }


def test_the_card_holds_what_was_measured_and_can_be_read_back() -> None:
    card = make_card(CHECKPOINT, evaluation(), 16000, 3.0)
    assert parse_card(card.to_json(), "model.onnx") == card
    assert card.evaluation["development"]["accuracy_eleven"] == pytest.approx(2 / 3)
    assert card.review_threshold == 0.37 and card.labels == LABELS
    assert make_card(CHECKPOINT, None, 16000, 3.0).evaluation == {}


def test_an_evaluation_of_another_model_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"instag-test 2\.0"):
        make_card(CHECKPOINT, evaluation() | {"model_version": "2.0"}, 16000, 3.0)


def test_the_documents_say_what_was_measured() -> None:
    figures = evaluation()
    card = make_card(CHECKPOINT, figures, 16000, 3.0)
    text = model_card(card, CHECKPOINT, figures, small=figures, looks=3)
    for part in (
        "instag-test 2.1",
        "**66.7 %** of 3",
        "0.52 / 0.41",
        "wrong.opus",
        "| cello | 2 |",
        "-10.0",
        "looked at 3 times",
        "0.37",
    ):
        assert part in text
    assert "{" not in text.replace("{ ", "")
    statement = data_statement(CHECKPOINT)
    assert "| philharmonia |" in statement and "| 12 | 1.5 |" in statement and "CC-BY-SA-4.0" in statement
