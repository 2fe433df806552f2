"""The benchmark of drift deals fairly: quiet on the same, loud on copies that the model hears otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.drift import AS_IT_IS, COPIES, deal, verdicts_of
from instag.labels import LABELS
from instag.model.session import Device, open_model
from instag.results import Verdict
from tests.support import synth
from tests.support.tinymodel import SAMPLE_RATE, frequency_of, tiny_card, write_tiny_model
from train.measure.real import RealFile


def verdict(rng: np.random.Generator, label: str, sharpness: float) -> Verdict:
    raised = np.exp(rng.normal(size=12) + sharpness * (np.array(LABELS) == label))
    scores = (raised / raised.sum()).astype(np.float32)
    best = int(scores.argmax())
    return Verdict(LABELS[best], float(scores[best]), False, (), scores, scores, scores, 0)


def test_same_halves_are_quiet_and_another_sound_is_loud() -> None:
    rng = np.random.default_rng(0)
    found = {
        AS_IT_IS: [verdict(rng, LABELS[n % 12], 5.0) for n in range(200)],
        "damaged": [verdict(rng, "other", 5.0) for _ in range(200)],
    }
    said = [deal(found, tiny_card(), seed) for seed in range(10)]
    assert sum("sounds like" in each[AS_IT_IS] for each in said) >= 9
    assert all("sounds unlike" in each["damaged"] for each in said)


def test_every_copy_is_judged_by_the_runtimes_rule(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "f.wav", synth.tone(frequency_of("flute"), 3.0, SAMPLE_RATE), SAMPLE_RATE)
    file = RealFile(path, "flute", ("flute",), "made", "tone", "made", "choose")
    model = open_model(write_tiny_model(tmp_path / "tiny.onnx"), Device.CPU)
    found = verdicts_of([file], model, 2.0)
    assert list(found) == list(COPIES) and all(len(verdicts) == 1 for verdicts in found.values())
    assert found[AS_IT_IS][0].dominant == "flute"
    assert found["45 instead of 33"][0].dominant != "flute"
