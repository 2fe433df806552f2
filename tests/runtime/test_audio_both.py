"""The two decoders give the same samples where both read a file: which one is asked first must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from instag.audio.decoders import DEMUXERS, NATIVE
from instag.audio.pyav import AvReader
from instag.audio.sndfile import SndfileReader
from instag.containers import Kind
from instag.containers.recognise import recognise
from tests.support.avfiles import encode

# Container, coding, what libsndfile writes it as, and the largest difference that rounding explains, of full scale.
EXACT, ROUNDED, LOSSY = 0.0, 2.0**-15, 2e-3
FILES = [
    (Kind.WAV, "WAV", "PCM_U8", EXACT),
    (Kind.WAV, "WAV", "PCM_16", EXACT),
    (Kind.WAV, "WAV", "PCM_24", EXACT),
    (Kind.WAV, "WAV", "PCM_32", 2.0**-24),
    (Kind.WAV, "WAV", "FLOAT", EXACT),
    (Kind.WAV, "WAV", "DOUBLE", 2.0**-24),
    (Kind.WAV, "WAV", "ULAW", EXACT),
    (Kind.WAV, "WAV", "ALAW", EXACT),
    (Kind.WAV, "WAV", "IMA_ADPCM", ROUNDED),
    (Kind.WAV, "WAV", "MS_ADPCM", ROUNDED),
    (Kind.WAV, "WAVEX", "PCM_16", EXACT),
    (Kind.RF64, "RF64", "PCM_16", EXACT),
    (Kind.RF64, "RF64", "FLOAT", EXACT),
    (Kind.W64, "W64", "PCM_16", EXACT),
    (Kind.W64, "W64", "PCM_24", EXACT),
    (Kind.AIFF, "AIFF", "PCM_16", EXACT),
    (Kind.AIFF, "AIFF", "PCM_24", EXACT),
    (Kind.AIFF, "AIFF", "FLOAT", EXACT),
    (Kind.AU, "AU", "PCM_16", EXACT),
    (Kind.AU, "AU", "ULAW", EXACT),
    (Kind.CAF, "CAF", "PCM_16", EXACT),
    (Kind.CAF, "CAF", "PCM_24", EXACT),
    (Kind.CAF, "CAF", "ALAC_16", EXACT),
    (Kind.VOC, "VOC", "PCM_16", EXACT),
    (Kind.FLAC, "FLAC", "PCM_16", EXACT),
    (Kind.FLAC, "FLAC", "PCM_24", EXACT),
    (Kind.OGG_VORBIS, "OGG", "VORBIS", LOSSY),
    (Kind.OGG_OPUS, "OGG", "OPUS", LOSSY),
    (Kind.MPEG_AUDIO, "MP3", "MPEG_LAYER_III", LOSSY),
]


def _samples(reader) -> np.ndarray:
    """(frames, channels) of all blocks; a block may be overwritten by the next one."""
    blocks = [block.copy() for block in reader.blocks()]
    reader.close()
    return np.concatenate(blocks)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "container", "coding", "tolerance"), FILES)
def test_both_decoders_give_the_same_samples(tmp_path, kind, container, coding, tolerance, channels) -> None:
    rate = 48_000
    time = np.arange(2 * rate) / rate
    noise = np.random.default_rng(5).normal(0, 0.01, (len(time), channels))
    signal = 0.4 * np.sin(2 * np.pi * np.outer(time, [440, 660][:channels])) + noise
    path = tmp_path / "file"
    if coding == "MS_ADPCM":
        # What libsndfile itself writes in this coding, FFmpeg decodes with other roundings that add up.
        encode(path, signal[:, 0].astype(np.float32), "wav", "adpcm_ms", rate, channels)
    else:
        soundfile.write(path, signal, rate, format=container, subtype=coding)
    with path.open("rb", buffering=0) as file:
        found = recognise(file)
        assert found is not None and found.kind == kind
        first = _samples(SndfileReader(file, found))
        second = _samples(AvReader(file, found))
    # Codings in blocks are padded at the end, each decoder in its own way.
    length = min(len(first), len(second), len(signal))
    assert length >= 0.98 * len(signal)
    assert np.abs(first[:length] - second[:length]).max() <= tolerance
    assert np.corrcoef(first[:length, 0], signal[:length, 0])[0, 1] > 0.98


def test_every_container_that_both_read_is_compared() -> None:
    assert {kind for kind, *_ in FILES} == NATIVE & set(DEMUXERS)


def test_floats_in_wave64_as_ffmpeg_writes_them(tmp_path) -> None:
    """libsndfile takes them for integers: loud noise, and not a word."""
    signal = (0.3 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)).astype(np.float32)
    path = encode(tmp_path / "a.w64", signal, "w64", "pcm_f32le", 48_000, 1)
    with path.open("rb", buffering=0) as file:
        found = recognise(file)
        first, second = _samples(SndfileReader(file, found)), _samples(AvReader(file, found))
    np.testing.assert_allclose(first[:, 0], signal, atol=1e-6)
    np.testing.assert_allclose(second, first, atol=1e-6)
