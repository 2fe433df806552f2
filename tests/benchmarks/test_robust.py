"""The table of robustness counts what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.robust import dominants, first_seconds, summary
from instag.model.session import Device, open_model
from tests.support import synth
from tests.support.tinymodel import SAMPLE_RATE, frequency_of, write_tiny_model
from train.measure.real import RealFile
from train.sound.carriers import level, pitch


def test_shares_are_counted_against_the_first_column() -> None:
    truth = ["piano", "cello", "other", "other"]
    given = [["piano", "piano"], ["cello", "other"], ["other", "other"], ["flute", "flute"]]
    table = summary(truth, given, ("as it is", "hiss"))
    assert table["as it is"] == {
        "right": 1.0,
        "other_kept": 0.5,
        "right_all": 0.75,
        "same_label": 1.0,
        "lost_points": 0.0,
    }
    assert table["hiss"]["right"] == 0.5 and table["hiss"]["other_kept"] == 0.5
    assert table["hiss"]["same_label"] == 0.75 and table["hiss"]["lost_points"] == pytest.approx(25.0)


def test_only_the_first_seconds_are_read(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "long.wav", synth.tone(440.0, 9.0, SAMPLE_RATE), SAMPLE_RATE)
    assert len(first_seconds(path, SAMPLE_RATE, 4.0)) == 4 * SAMPLE_RATE
    assert len(first_seconds(path, SAMPLE_RATE, 40.0)) == 9 * SAMPLE_RATE


def test_a_model_that_listens_to_pitch_is_misled_by_a_wrong_speed_and_not_by_level(tmp_path: Path) -> None:
    model = open_model(write_tiny_model(tmp_path / "tiny.onnx"), Device.CPU)
    path = synth.write(tmp_path / "a.wav", synth.tone(frequency_of("piano"), 3.0, SAMPLE_RATE), SAMPLE_RATE)
    file = RealFile(path, "piano", ("piano",), "here", "phrase", "a", "choose")
    semitones = 12 * np.log2(frequency_of("violin") / frequency_of("piano"))
    carriers = {"as it is": level(0.0), "quiet": level(-20.0), "wrong speed": pitch(float(semitones))}
    assert dominants([file], model, 3.0, carriers) == [["piano", "piano", "violin"]]
