"""What rooms and carriers do to a recording: equaliser, reverberation, noise, band limits, clipping, codecs, level."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.random import Generator

from instag.results import Samples


@dataclass(frozen=True)
class DegradeSettings:
    """How often and how far.

    Attributes:
        equaliser_db: Deviation of the random equaliser's bands; 0 for none.
        reverb_share: Share of mixtures in a room.
        reverb_seconds: Range of the room's decay time (60 dB).
        noise_share: Share of mixtures with hiss.
        noise_snr_db: Range of its level below the signal.
        white_share: Share of the hiss that is white, as of tapes and amplifiers; the rest falls towards the treble.
        hum_share: Share with mains hum.
        band_limit_share: Share with the treble (and often the bass) cut, like old transfers and telephone lines.
        clip_share: Share driven into clipping.
        crackle_share: Share with the clicks of a worn disc.
        codec_share: Share through an MP3 encoder.
        level_dbfs: Range of the final RMS level.
    """

    equaliser_db: float = 4.0
    reverb_share: float = 0.5
    reverb_seconds: tuple[float, float] = (0.15, 1.5)
    noise_share: float = 0.4
    noise_snr_db: tuple[float, float] = (10.0, 50.0)
    white_share: float = 0.0
    hum_share: float = 0.05
    band_limit_share: float = 0.15
    clip_share: float = 0.05
    crackle_share: float = 0.05
    codec_share: float = 0.1
    level_dbfs: tuple[float, float] = (-36.0, -12.0)


def rms(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def degrade(mix: Samples, rate: int, settings: DegradeSettings, rng: Generator) -> Samples:
    """Sends a mixture through a random room and carrier.

    Args:
        mix: (samples,) float32 at any level.
        rate: Sample rate in Hz.
        settings: How often and how far.
        rng: Where chance comes from.

    Returns:
        (samples,) float32 within -1..1.
    """
    level = rms(mix)
    audio = mix / np.float32(level) if level > 1e-6 else mix
    audio = _filtered(audio, rate, settings, rng)
    if rng.random() < settings.noise_share or level <= 1e-6:
        audio = audio + _noise(len(audio), settings.white_share, rng) * np.float32(
            10 ** (-rng.uniform(*settings.noise_snr_db) / 20)
        )
    if rng.random() < settings.hum_share:
        audio = audio + _hum(len(audio), rate, rng)
    if rng.random() < settings.crackle_share:
        audio = audio + _crackle(len(audio), rng)
    if rng.random() < settings.clip_share:
        ceiling = np.float32(np.quantile(np.abs(audio), rng.uniform(0.9, 0.995)) + 1e-9)
        audio = np.clip(audio, -ceiling, ceiling)
    gain = 10 ** (rng.uniform(*settings.level_dbfs) / 20) / max(rms(audio), 1e-6)
    if level <= 1e-6:
        gain *= 10 ** (-rng.uniform(10.0, 40.0) / 20)
    audio = audio * np.float32(min(gain, 0.999 / max(float(np.abs(audio).max()), 1e-9)))
    if rng.random() < settings.codec_share:
        audio = through_mp3(audio, rate, float(rng.uniform(0.3, 0.85)))
    return audio.astype(np.float32, copy=False)


def _filtered(audio: Samples, rate: int, settings: DegradeSettings, rng: Generator) -> Samples:
    """Equaliser, band limit and room in one multiplication of spectra."""
    count = len(audio)
    room = rng.random() < settings.reverb_share
    limited = rng.random() < settings.band_limit_share
    if not room and not limited and settings.equaliser_db <= 0:
        return audio
    decay_seconds = rng.uniform(*settings.reverb_seconds)
    tail = int(min(decay_seconds, 1.0) * rate) if room else 0
    size = 1 << int(np.ceil(np.log2(count + tail + 512)))
    spectrum = np.fft.rfft(audio, size)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    # Random walk over octaves from 30 Hz up: a tilt and bumps, as microphones, rooms and mastering engineers make them.
    knots = 30.0 * 2.0 ** np.arange(0, 10)
    decibels = np.cumsum(rng.normal(0, settings.equaliser_db / 2, len(knots)))
    decibels = np.clip(decibels - decibels.mean(), -3 * settings.equaliser_db, 3 * settings.equaliser_db)
    curve = np.interp(np.log2(np.maximum(hertz, 1.0)), np.log2(knots), decibels)
    if limited:
        high = np.exp(rng.uniform(np.log(2500), np.log(7500)))
        low = np.exp(rng.uniform(np.log(20), np.log(300)))
        order = rng.uniform(4, 24)
        curve -= order * np.maximum(0, np.log2(np.maximum(hertz, 1) / high)) * 4
        curve -= order * np.maximum(0, np.log2(low / np.maximum(hertz, 1)))
    spectrum = spectrum * 10 ** (curve / 20)
    if room:
        time = np.arange(tail) / rate
        response = rng.standard_normal(tail) * np.exp(-6.9 * time / decay_seconds)
        response *= 10 ** (rng.uniform(-18, -2) / 20) / max(float(np.sqrt(np.sum(response**2))), 1e-9)
        delay = int(rng.uniform(0.002, 0.03) * rate)
        response = np.concatenate([np.zeros(delay), response])[:tail] if delay < tail else response
        response[0] += 1.0
        spectrum = spectrum * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[:count].astype(np.float32)


def _noise(count: int, white_share: float, rng: Generator) -> Samples:
    """Noise of unit RMS, white or with a random slope between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    slope = 0.0 if rng.random() < white_share else rng.uniform(0.0, 1.0)
    spectrum *= np.maximum(np.arange(len(spectrum)), 8.0) ** -slope
    noise = np.fft.irfft(spectrum, count).astype(np.float32)
    return noise / np.float32(max(rms(noise), 1e-9))


def _hum(count: int, rate: int, rng: Generator) -> Samples:
    """Mains hum with its harmonics, 15 to 40 dB down."""
    time = np.arange(count) / rate
    base = rng.choice([50.0, 60.0])
    hum = sum(np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6.28)) * rng.uniform(0, 1) / k for k in range(1, 8))
    return (np.asarray(hum) * 10 ** (-rng.uniform(15, 40) / 20)).astype(np.float32)


def _crackle(count: int, rng: Generator) -> Samples:
    """Clicks of a worn disc."""
    clicks = np.zeros(count, np.float32)
    places = rng.integers(0, count, int(rng.integers(3, 60)))
    clicks[places] = rng.standard_normal(len(places)) * rng.uniform(1.0, 6.0)
    return np.convolve(clicks, np.exp(-np.arange(12) / rng.uniform(1, 4)), "same").astype(np.float32)


def through_mp3(audio: Samples, rate: int, compression: float) -> Samples:
    """Encodes and decodes as MP3 of constant bit rate; `compression` is libsndfile's, 0 (best) to 1 (smallest).

    Below 32 kHz the bit rates go from 160 down to 8 kbit/s; 0.6 gives 64.
    """
    with io.BytesIO() as file:
        soundfile.write(file, audio, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=compression)
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
    out = np.zeros_like(audio)
    span = min(len(audio), len(decoded))
    out[:span] = decoded[:span]
    return out
