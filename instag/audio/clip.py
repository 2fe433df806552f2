"""Copies a few seconds of a recording into a small file of their own."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import soundfile

from instag.audio import open_audio
from instag.constants import BLOCK_FRAMES
from instag.errors import ErrorCode, FileError
from instag.paths import for_terminal
from instag.results import Samples

# What people hear; a clip is for listening, not for keeping.
MAX_CLIP_RATE = 48_000
CLIP_SUFFIX = ".flac"


def write_clip(source: Path, start_seconds: float, end_seconds: float, target: Path) -> None:
    """Writes a part of a recording as a FLAC file: mono, 16 bits, at the recording's rate or 48 kHz.

    The recording is decoded up to the end of the part, in bounded memory.

    Args:
        source: The recording, which stays as it is.
        start_seconds: Where the part starts.
        end_seconds: Where it ends; a recording that ends earlier gives a shorter clip.
        target: A new file.

    Raises:
        FileError: The recording cannot be read, or ends before the part starts.
        OSError: The clip cannot be written.
    """
    samples, rate = _part(source, start_seconds, end_seconds)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as file, soundfile.SoundFile(file, "w", rate, 1, "PCM_16", format="FLAC") as clip:
        for start in range(0, len(samples), BLOCK_FRAMES):
            clip.write(samples[start : start + BLOCK_FRAMES])


def clip_as_wav(source: Path, start_seconds: float, end_seconds: float) -> bytes:
    """A part of a recording as a WAV file in memory: mono, 16 bits, at the recording's rate or 48 kHz.

    Args:
        source: The recording; it is decoded up to the end of the part.
        start_seconds: Where the part starts.
        end_seconds: Where it ends; a recording that ends earlier gives a shorter clip.

    Raises:
        FileError: The recording cannot be read, or ends before the part starts.
    """
    samples, rate = _part(source, start_seconds, end_seconds)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, "PCM_16", format="WAV")
    return file.getvalue()


def _part(source: Path, start_seconds: float, end_seconds: float) -> tuple[Samples, int]:
    """The samples of a part, (n,) float32, and their rate in Hz."""
    with open_audio(source, MAX_CLIP_RATE) as stream:
        info = stream.info
    rate = min(info.sample_rate, MAX_CLIP_RATE)
    first, last = round(start_seconds * rate), round(end_seconds * rate)
    parts: list[np.ndarray] = []
    at = 0
    with open_audio(source, rate) as stream:
        for block in stream.blocks():
            parts.append(block[max(0, first - at) : max(0, last - at)])
            at += len(block)
            if at >= last:
                break
    samples = np.concatenate(parts) if parts else np.empty(0, np.float32)
    if not len(samples):
        raise FileError(
            ErrorCode.CHANGED_DURING_RUN,
            f"{for_terminal(source)}: ends before {start_seconds:g} s, where a part of it was asked for.",
            "It has changed since the table was made; run `instag tag` on it again.",
        )
    return samples, rate
