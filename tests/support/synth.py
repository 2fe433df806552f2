"""Synthetic sound for tests, and the files that hold it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Signal = NDArray[np.float32]

# Every coding that libsndfile writes into a WAV, with the level of its noise in dB below full scale.
WAV_SUBTYPES = {
    "PCM_U8": -45.0,
    "PCM_16": -90.0,
    "PCM_24": -100.0,
    "PCM_32": -100.0,
    "FLOAT": -100.0,
    "DOUBLE": -100.0,
    "ULAW": -35.0,
    "ALAW": -35.0,
    "IMA_ADPCM": -30.0,
    "MS_ADPCM": -30.0,
}


def tone(frequency: float = 440.0, seconds: float = 1.0, rate: int = 44_100, level: float = 0.5) -> Signal:
    """A sine."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def chord(frequencies: tuple[float, ...], seconds: float = 1.0, rate: int = 44_100, level: float = 0.5) -> Signal:
    """Sines together."""
    return sum(tone(frequency, seconds, rate, level / len(frequencies)) for frequency in frequencies)  # type: ignore[return-value]


def pluck(frequency: float = 220.0, seconds: float = 1.0, rate: int = 44_100, level: float = 0.5) -> Signal:
    """A plucked string: harmonics, the higher the sooner gone."""
    time = np.arange(round(seconds * rate)) / rate
    count = max(1, min(20, int(rate / 2 / frequency)))
    sound = sum(np.sin(2 * np.pi * frequency * k * time) / k * np.exp(-time * k * 1.5) for k in range(1, count + 1))
    return (level * sound / np.abs(sound).max()).astype(np.float32)


def noise(seconds: float = 1.0, rate: int = 44_100, level: float = 0.1, seed: int = 0) -> Signal:
    """White noise, the same for the same seed."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def silence(seconds: float = 1.0, rate: int = 44_100) -> Signal:
    """Digital silence."""
    return np.zeros(round(seconds * rate), np.float32)


def spread(signal: Signal, channels: int) -> Signal:
    """(frames, channels): the same in every channel."""
    return np.repeat(signal[:, None], channels, axis=1)


def write(
    path: Path, signal: Signal, rate: int = 44_100, *, subtype: str | None = None, container: str | None = None
) -> Path:
    """Writes what libsndfile can write; the container goes by the extension unless it is given."""
    soundfile.write(path, signal, rate, subtype=subtype, format=container)
    return path


def wav_bytes(
    signal: Signal, rate: int = 44_100, *, data_size: int | None = None, riff_size: int | None = None
) -> bytes:
    """A 16-bit mono WAV with sizes in its header that may be lies."""
    data = (np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes()
    data_size = len(data) if data_size is None else data_size
    riff_size = 36 + len(data) if riff_size is None else riff_size
    fmt = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", data_size) + data
    )  # fmt: skip


def truncate(path: Path, share: float, name: str | None = None) -> Path:
    """A copy of a file that ends after a share of its bytes."""
    copy = path.with_name(name or f"cut_{path.name}")
    data = path.read_bytes()
    copy.write_bytes(data[: int(len(data) * share)])
    return copy


def peak_frequency(signal: Signal, rate: int) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    return float(spectrum.argmax() * rate / len(signal))


def rms(signal: Signal) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64)))) if len(signal) else 0.0
