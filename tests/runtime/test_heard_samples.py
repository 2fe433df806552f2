"""A file whose samples the decoder gives out as they are stored is read once, and its digest is the same."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instag.analyse import AnalysisSettings
from instag.audio import open_audio
from instag.containers import digest
from instag.containers.digest import HeardSamples, audio_digest
from instag.model.session import Device
from instag.run.worker import WorkerSettings, process_file, start_worker
from tests.support import synth

RATE = 24_000


def listen(path: Path) -> tuple[HeardSamples, np.ndarray]:
    heard = HeardSamples()
    with open_audio(path, RATE, heard) as stream:
        return heard, np.concatenate(list(stream.blocks()))


def stereo(seconds: float = 3.7) -> np.ndarray:
    tone = synth.tone(seconds=seconds)
    return np.stack([tone, 0.5 * np.roll(tone, 7)], axis=1).astype(np.float32)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "W64"])
def test_one_read_gives_the_digest_of_a_second_one(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    soundfile.write(path, stereo(), 44_100, format=kind, subtype="PCM_16")
    heard, _ = listen(path)
    assert heard.size_bytes == 4 * soundfile.info(path).frames
    assert audio_digest(path, heard) == audio_digest(path) and audio_digest(path).startswith("sha256-data:")


@pytest.mark.parametrize(
    ("kind", "subtype", "endian"),
    [
        ("WAV", "PCM_16", "BIG"),
        ("AIFF", "PCM_16", "FILE"),
        ("AU", "PCM_16", "FILE"),
        ("CAF", "PCM_16", "FILE"),
        ("WAV", "PCM_24", "FILE"),
        ("WAV", "FLOAT", "FILE"),
        ("FLAC", "PCM_16", "FILE"),
    ],
)
def test_what_is_stored_otherwise_is_read_again(kind: str, subtype: str, endian: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    soundfile.write(path, stereo(), 44_100, format=kind, subtype=subtype, endian=endian)
    heard, _ = listen(path)
    assert heard.size_bytes == 0 and audio_digest(path, heard) == audio_digest(path)


def test_damaged_files_get_the_digest_that_they_had(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, stereo(), 44_100, subtype="PCM_16")
    whole = path.read_bytes()
    size = struct.unpack_from("<I", whole, 40)[0]
    for name, data in {
        "cut": whole[:-1001],
        "cut inside a frame": whole[:-3],
        "header of a recorder that never finished": whole[:40] + bytes(4) + whole[44:],
        "claims more": whole[:40] + struct.pack("<I", size + 40_000) + whole[44:],
        "claims less": whole[:40] + struct.pack("<I", size - 40_000) + whole[44:],
        "half a frame more": whole[:4]
        + struct.pack("<I", size + 38)
        + whole[8:40]
        + struct.pack("<I", size + 2)
        + whole[44:]
        + b"ab",
        "a second chunk of sound": whole[:4] + struct.pack("<I", 2 * size + 44) + whole[8:] + whole[36:],
        "bytes behind": whole + b"more" * 100,
    }.items():
        path.write_bytes(data)
        heard, _ = listen(path)
        assert audio_digest(path, heard) == audio_digest(path), name


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "CAF"])
def test_samples_are_the_same_as_those_that_libsndfile_converts(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    extremes = np.array([-32768, -32767, -1, 0, 1, 32767], np.int16)
    samples = np.random.default_rng(1).choice(extremes, (150_000, 2))
    soundfile.write(path, samples, 44_100, format=kind, subtype="PCM_16")
    _, as_integers = listen(path)
    monkeypatch.setattr("instag.audio.sndfile._UNPACKED", frozenset())
    _, as_floats = listen(path)
    assert np.array_equal(as_integers, as_floats) and np.abs(as_floats).max() > 0.5


def test_a_worker_reads_the_samples_once(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = synth.write(tmp_path / "a.wav", synth.tone(seconds=3.0))
    expected = audio_digest(path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    start_worker(WorkerSettings(tiny_model, Device.CPU, AnalysisSettings()), silent=False)
    monkeypatch.setattr(digest, "_hash_spans", lambda *_: pytest.fail("the samples were read again"))
    assert process_file(path).row.audio_digest == expected
