"""Damage that benchmarks do to recordings is what it says it is."""

from __future__ import annotations

import numpy as np
import pytest

from instag.results import Samples
from tests.support import synth
from train.sound.carriers import CARRIERS, hiss, level, mp3, pitch, shellac, tape, through_rate

RATE = 24_000


def made(frequency: float) -> Samples:
    return np.asarray(synth.tone(frequency, 2.0, RATE, 0.3), np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def loudness_db(samples: Samples) -> float:
    return 20 * np.log10(synth.rms(samples))


@pytest.mark.parametrize("db", [0.0, -10.0, -50.0])
def test_level_changes_by_so_many_decibels(db: float) -> None:
    clean = made(440.0)
    assert loudness_db(level(db)(clean, RATE, rng())) - loudness_db(clean) == pytest.approx(db, abs=0.01)


def test_hiss_lies_so_far_below_the_recording() -> None:
    clean = made(440.0)
    noise = hiss(20.0)(clean, RATE, rng()) - clean
    assert loudness_db(clean) - loudness_db(noise) == pytest.approx(20.0, abs=0.3)


@pytest.mark.parametrize(("semitones", "heard_hz"), [(12.0, 880.0), (-12.0, 220.0), (3.0, 523.25)])
def test_a_wrong_speed_moves_pitch_and_length(semitones: float, heard_hz: float) -> None:
    clean = made(440.0)
    played = pitch(semitones)(clean, RATE, rng())
    assert synth.peak_frequency(played, RATE) == pytest.approx(heard_hz, rel=0.01)
    assert len(played) == pytest.approx(len(clean) * 440.0 / heard_hz, rel=0.01)


def test_a_lower_rate_takes_the_treble_and_leaves_the_rest() -> None:
    narrow = through_rate(8_000)
    low, high = made(1_000.0), made(6_000.0)
    assert loudness_db(narrow(low, RATE, rng())) == pytest.approx(loudness_db(low), abs=0.2)
    assert loudness_db(narrow(high, RATE, rng())) < loudness_db(high) - 40


def test_a_disc_cuts_bass_and_treble() -> None:
    for frequency in (60.0, 8_000.0):
        clean = made(frequency)
        # What is left is surface noise and clicks, 20 dB and more below the tone.
        left = np.abs(np.fft.rfft(shellac(clean, RATE, rng())))[round(frequency * 2)]
        assert left < 0.05 * np.abs(np.fft.rfft(clean))[round(frequency * 2)]


def test_a_tape_wavers_around_its_pitch() -> None:
    played = tape(made(1_000.0), RATE, rng())
    assert synth.peak_frequency(played, RATE) == pytest.approx(1_000.0, rel=0.01)
    spectrum = np.abs(np.fft.rfft(played))
    beside = spectrum[1960:2041].sum() - spectrum[1998:2003].sum()
    assert beside > spectrum[1998:2003].sum()


def test_mp3_refuses_a_rate_at_which_it_would_not_be_64_kbit() -> None:
    with pytest.raises(ValueError, match="48000 Hz"):
        mp3(made(440.0), 48_000, rng())


@pytest.mark.parametrize("name", list(CARRIERS))
def test_every_carrier_gives_finite_sound_the_same_each_time(name: str) -> None:
    clean = made(440.0)
    first, second = (CARRIERS[name](clean, RATE, rng()) for _ in range(2))
    assert first.dtype == np.float32 and np.isfinite(first).all() and synth.rms(first) > 0
    np.testing.assert_array_equal(first, second)
