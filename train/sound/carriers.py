"""Fixed damage to a recording, one kind at a time: what a benchmark of robustness compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import soxr
from numpy.random import Generator

from instag.results import Samples
from train.sound.degrade import rms, through_mp3

Carrier = Callable[[Samples, int, Generator], Samples]
# libsndfile's setting that gives 64 kbit/s below 32 kHz, see `through_mp3`.
_MP3_64_KBIT = 0.6
_MP3_MOST_HZ = 24_000


def level(db: float) -> Carrier:
    """The recording `db` decibels louder; negative is quieter."""
    return lambda audio, rate, rng: audio * np.float32(10 ** (db / 20))


def hiss(snr_db: float) -> Carrier:
    """White noise `snr_db` below the recording's RMS level."""
    return lambda audio, rate, rng: _with_hiss(audio, snr_db, rng)


def pitch(semitones: float) -> Carrier:
    """Played faster and higher, or slower and lower, as by a machine at the wrong speed."""

    def play(audio: Samples, rate: int, rng: Generator) -> Samples:
        return soxr.resample(audio, rate * 2 ** (semitones / 12), rate).astype(np.float32)

    return play


def through_rate(hertz: int) -> Carrier:
    """Through a lower sample rate and back: nothing over half of it is left."""

    def narrow(audio: Samples, rate: int, rng: Generator) -> Samples:
        return soxr.resample(soxr.resample(audio, rate, hertz), hertz, rate).astype(np.float32)

    return narrow


def mp3(audio: Samples, rate: int, rng: Generator) -> Samples:
    """Through an MP3 encoder at 64 kbit/s; at most 24 kHz, as the encoder's settings follow the rate."""
    if rate > _MP3_MOST_HZ:
        raise ValueError(f"the MP3 setting gives 64 kbit/s up to {_MP3_MOST_HZ} Hz, not at {rate} Hz")
    return through_mp3(audio, rate, _MP3_64_KBIT)


def shellac(audio: Samples, rate: int, rng: Generator) -> Samples:
    """A 78 rpm disc: 150 Hz to 5 kHz, surface noise 25 dB below the music, and about ten clicks a second."""
    worn = _with_hiss(_band(audio, rate, 150.0, 5_000.0), 25.0, rng)
    clicks = np.zeros_like(worn)
    places = rng.integers(0, len(clicks), 1 + 10 * len(clicks) // rate)
    clicks[places] = (rng.standard_normal(len(places)) * 4.0 * rms(audio)).astype(np.float32)
    return (worn + _band(clicks, rate, 150.0, 5_000.0)).astype(np.float32)


def tape(audio: Samples, rate: int, rng: Generator) -> Samples:
    """A worn tape: 60 Hz to 9 kHz, hiss 32 dB below the music, and a wow of 0.5 % at 0.8 Hz."""
    seconds = np.arange(len(audio)) / rate
    # The integral of a speed of 1 + 0.005 cos(2 pi 0.8 t) is the place on the tape.
    place = seconds + 0.005 / (2 * np.pi * 0.8) * np.sin(2 * np.pi * 0.8 * seconds)
    waving = np.interp(place * rate, np.arange(len(audio)), audio).astype(np.float32)
    return _with_hiss(_band(waving, rate, 60.0, 9_000.0), 32.0, rng)


CARRIERS: Mapping[str, Carrier] = {
    "as it is": level(0.0),
    "10 dB quieter": level(-10.0),
    "30 dB quieter": level(-30.0),
    "50 dB quieter": level(-50.0),
    "hiss 20 dB below": hiss(20.0),
    "3 semitones up": pitch(3.0),
    "3 semitones down": pitch(-3.0),
    "nothing over 8 kHz": through_rate(16_000),
    "nothing over 4 kHz": through_rate(8_000),
    "MP3 64 kbit/s": mp3,
    "78 rpm disc": shellac,
    "worn tape": tape,
}


def _with_hiss(audio: Samples, snr_db: float, rng: Generator) -> Samples:
    noise = rng.standard_normal(len(audio)).astype(np.float32)
    return audio + noise * np.float32(rms(audio) * 10 ** (-snr_db / 20))


def _band(audio: Samples, rate: int, low_hz: float, high_hz: float) -> Samples:
    """What lies between two frequencies: the gains of Butterworth filters of the eighth order, without their phase."""
    hertz = np.fft.rfftfreq(len(audio), 1 / rate)
    gain = 1 / np.sqrt((1 + (low_hz / np.maximum(hertz, 1e-3)) ** 16) * (1 + (hertz / high_hz) ** 16))
    return np.fft.irfft(np.fft.rfft(audio) * gain, len(audio)).astype(np.float32)
