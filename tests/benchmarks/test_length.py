"""The length benchmark on tones, with the tiny model that knows them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import length
from instag.labels import LABELS
from instag.model.session import Device, open_model
from instag.results import WindowScores
from tests.support import synth
from tests.support.tinymodel import SAMPLE_RATE, frequency_of, tiny_card, write_tiny_model


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two tones each for two labels, and what must be left out."""
    rows = ["path,label,source,split"]
    for label, source in (("organ", "a"), ("flute", "a"), ("organ", "b"), ("flute", "b")):
        tone = 0.3 * synth.tone(frequency_of(label), 2.0, SAMPLE_RATE)
        synth.write(tmp_path / f"{label}-{source}.wav", tone[:, None], SAMPLE_RATE)
        rows.append(f"{label}-{source}.wav,{label},{source},train")
    rows += ["absent.wav,piano,a,dev", "absent.wav,other,a,train"]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(rows) + "\n")
    return manifest


def test_only_the_eleven_of_one_split_are_joined(corpus: Path) -> None:
    found = length.recordings(corpus, "train")
    assert {label: len(paths) for label, paths in found.items()} == {"organ": 2, "flute": 2}
    assert [path.name for path in length.recordings(corpus, "train", ["b"])["organ"]] == ["organ-b.wav"]
    assert [path.name for path in length.recordings(corpus, "dev")["piano"]] == ["absent.wav"]


def test_recordings_are_joined_until_the_time_is_full(corpus: Path) -> None:
    paths = length.recordings(corpus, "train")["organ"]
    samples = np.concatenate(list(length.joined(paths, SAMPLE_RATE, 11.5, 1)))
    assert len(samples) == 11.5 * SAMPLE_RATE
    assert synth.peak_frequency(samples, SAMPLE_RATE) == pytest.approx(frequency_of("organ"), abs=2)


def test_a_model_that_knows_its_tones_has_the_same_list_at_every_length(corpus: Path) -> None:
    model = open_model(write_tiny_model(corpus.parent / "tiny.onnx"), Device.CPU)
    hours = length.score_hours(model, length.recordings(corpus, "train"), 120)
    for seconds in (15, 60, 120):
        row = length.by_length(hours, model.card, seconds)
        assert (row["right"], row["found"], row["false_labels"], row["same_as_hour"]) == (1.0, 1.0, 0.0, 1.0)
        assert row["files"] == 2 * (120 // seconds)
    assert length.tenth(hours, model.card, 60) == {"files": 2, "found": 1.0, "false_labels": 0.0}


def test_it_counts_what_is_wrong() -> None:
    """Flute is heard in the first half only, organ all the time; the recordings are said to be of organ."""
    presences = np.zeros((40, 12), np.float32)
    presences[:, LABELS.index("organ")] = 0.9
    presences[:20, LABELS.index("flute")] = 0.9
    start = np.arange(40.0)
    windows = WindowScores(start, start + 1.0, np.full(40, -20.0), presences, presences)
    row = length.by_length({"organ": windows}, tiny_card(), 20)
    assert (row["files"], row["found"], row["false_labels"], row["same_as_hour"]) == (2, 1.0, 0.5, 0.5)


def test_the_command_prints_both_tables(corpus: Path, monkeypatch, capsys) -> None:
    path = write_tiny_model(corpus.parent / "tiny.onnx")
    words = ["length", str(corpus), "--model", str(path), "--minutes", "1", "-o", str(corpus.parent / "length.json")]
    monkeypatch.setattr(sys, "argv", words)
    length.main()
    printed = capsys.readouterr().out
    assert "| throughout: seconds |" in printed and "| a_tenth: seconds |" in printed
    assert (corpus.parent / "length.json").exists()
