"""Plots: what they show is computed right, and what cannot be drawn is said."""

import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from instag.cli import app
from instag.report.waves import FLOOR_DB, waves_of
from tests.support import synth
from tests.support.commands import recording, use_tiny_model


def plot(*words, code=0):
    done = CliRunner().invoke(app, ["plot", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_waves():
    rate = 16_000
    sound = np.concatenate([synth.tone(1000, 2, rate, 0.5), synth.silence(2, rate), synth.tone(3000, 2, rate, 1.0)])
    waves = waves_of(np.array_split(sound, 37), rate, 6.0, 60)
    assert waves.top_hz == 8000 and waves.power_db.shape == (513, 60)
    assert waves.highest[10] == pytest.approx(0.5, abs=0.01) and waves.lowest[10] == pytest.approx(-0.5, abs=0.01)
    assert waves.highest[30] == 0 and waves.power_db[:, 30].max() == FLOOR_DB
    for column, frequency, level in ((10, 1000, -6.0), (50, 3000, 0.0)):
        assert waves.power_db[:, column].argmax() * 8000 / 512 == pytest.approx(frequency, abs=16)
        assert waves.power_db[:, column].max() == pytest.approx(level, abs=0.5)


@pytest.mark.parametrize("seconds", [0.5, 1.7, 12.8, 61.3])
def test_no_column_stays_empty(seconds):
    waves = waves_of([synth.noise(seconds, 24_000)], 24_000, seconds, 1200)
    assert waves.power_db.max(axis=0).min() > -60


@pytest.mark.parametrize("samples", [0, 1, 500, 1025])
def test_waves_of_very_short_sound(samples):
    waves = waves_of([np.ones(samples, np.float32)], 16_000, samples / 16_000, 60)
    assert np.isfinite(waves.power_db).all() and waves.highest.max() == (samples > 0)


@pytest.fixture
def song(tmp_path, monkeypatch, tiny_model):
    use_tiny_model(monkeypatch, tiny_model)
    return recording(tmp_path / "one $x^2 & <b>.wav", "flute", 7.0)


def test_pictures(song, tmp_path):
    pytest.importorskip("matplotlib")
    before = song.read_bytes()
    plot(song, "-o", tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    for name in ("a.svg", "b.svg"):
        plot(song, "-o", tmp_path / name)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    # Letters are drawn as shapes; matplotlib leaves the words beside them.
    assert "<!-- flute -->" in text and "one $x^2 &amp; <b>.wav: flute" in text.replace("&lt;", "<").replace(
        "&gt;", ">"
    )
    assert song.read_bytes() == before
    assert "is already there" in plot(song, "-o", tmp_path / "a.svg", code=3)


def test_what_is_refused(song, tmp_path, monkeypatch):
    assert "must end in .png or .svg" in plot(song, "-o", tmp_path / "p.pdf", code=2)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'instag[plot]'" in plot(song, "-o", tmp_path / "p.png", code=3)
    assert not (tmp_path / "p.png").exists()


def test_a_file_that_is_no_recording(song, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "text.wav").write_text("no sound")
    assert "FAILED" in plot(tmp_path / "text.wav", "-o", tmp_path / "p.png", code=1)
    assert "cannot be written" in plot(song, "-o", tmp_path / "nowhere/p.png", code=3)
