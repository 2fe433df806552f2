"""What only FFmpeg reads; the files are written by it too."""

import importlib
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from instag.audio import open_audio
from instag.errors import ErrorCode, FileError
from tests.support import synth
from tests.support.avfiles import encode
from tests.support.decoding import RATE, decode, refusal

av = pytest.importorskip("av")

FORMATS = [
    ("m4a", "ipod", "aac", "MP4"),
    ("alac.m4a", "ipod", "alac", "MP4"),
    ("aac", "adts", "aac", "AAC"),
    ("wma", "asf", "wmav2", "WMA"),
    ("wv", "wv", "wavpack", "WavPack"),
    ("tta", "tta", "tta", "TTA"),
    ("oga", "ogg", "flac", "Ogg FLAC"),
    ("mka", "matroska", "ac3", "Matroska"),
    ("ac3", "ac3", "ac3", "AC-3"),
]


@pytest.mark.parametrize(("extension", "container", "codec", "name"), FORMATS)
def test_read_by_ffmpeg_whatever_they_are_called(tmp_path, extension, container, codec, name):
    path = encode(tmp_path / f"x.{extension}", synth.tone(440, 4), container, codec)
    path = path.rename(tmp_path / "called.wav")
    samples, stream = decode(path)
    assert stream.info.container == name and stream.info.sample_rate == 44_100 and stream.info.channels == 2
    assert stream.decoded_seconds == pytest.approx(4, abs=0.1) and stream.warning == ""
    assert len(samples) / RATE == pytest.approx(stream.decoded_seconds, abs=0.01)
    assert synth.peak_frequency(samples, RATE) == pytest.approx(440, abs=2)
    assert synth.rms(samples[RATE:-RATE]) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("extension", "container", "codec", "name"), FORMATS)
def test_without_av_the_message_says_how_to_get_it(tmp_path, monkeypatch, extension, container, codec, name):
    path = encode(tmp_path / f"x.{extension}", synth.tone(440, 1), container, codec)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(FileError) as caught:
        open_audio(path, RATE)
    assert caught.value.code == ErrorCode.NEEDS_AV
    assert name in caught.value.message and "pip install av" in caught.value.remedy


def test_wav_with_a_coding_that_libsndfile_does_not_know(tmp_path):
    path = encode(tmp_path / "x.wav", synth.tone(440, 3), "wav", "adpcm_yamaha")
    samples, stream = decode(path)
    assert stream.info.container == "WAV" and stream.decoded_seconds == pytest.approx(3, abs=0.1)
    assert synth.peak_frequency(samples, RATE) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(("extension", "container", "codec", "name"), FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.6, 0.97])
def test_cut_off(tmp_path, extension, container, codec, name, share):
    signal = synth.noise(8, seed=2)
    path = synth.truncate(encode(tmp_path / f"x.{extension}", signal, container, codec), share)
    try:
        samples, stream = decode(path)
    except FileError as error:
        # An MP4 has its index at the end: without it nothing can be found.
        assert error.code == ErrorCode.CORRUPT_AUDIO and (share == 0.02 or container == "ipod")
        return
    assert np.isfinite(samples).all() and stream.decoded_seconds == pytest.approx(8 * share, abs=1.0)
    if container not in ("adts", "ac3"):  # streams that state no length: any end is a good one
        assert stream.code == ErrorCode.TRUNCATED or share == 0.97


@pytest.mark.parametrize(("extension", "container", "codec", "name"), FORMATS)
def test_flipped_bytes_are_never_worse_than_an_error(tmp_path, extension, container, codec, name):
    path = encode(tmp_path / f"x.{extension}", synth.noise(2), container, codec)
    good = path.read_bytes()
    generator = np.random.default_rng(3)
    for _ in range(15):
        data = bytearray(good)
        for position in generator.integers(0, len(data), 20):
            data[position] = generator.integers(256)
        path.write_bytes(data)
        try:
            samples, _ = decode(path)
        except FileError:
            continue
        assert np.isfinite(samples).all() and (np.abs(samples) <= 1).all()


def test_a_film_without_sound(tmp_path):
    with av.open(str(tmp_path / "x.m4a"), "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        file.mux(stream.encode(None))
    assert refusal(tmp_path / "x.m4a") == ErrorCode.NO_AUDIO


def test_playlists_open_nothing(tmp_path):
    secret = synth.write(tmp_path / "secret.wav", synth.tone())
    for text in (f"#EXTM3U\n{secret}\n", f"ffconcat version 1.0\nfile '{secret}'\n", f"file {secret}\n"):
        (tmp_path / "x.m4a").write_text(text)
        assert refusal(tmp_path / "x.m4a") == ErrorCode.NOT_AUDIO


def test_it_is_not_imported_unless_needed(tmp_path):
    # Starting has to be fast, and most archives hold nothing that needs it.
    module = importlib.import_module("instag.audio.pyav")
    assert "av" not in vars(module)


def test_samples_of_64_bits_are_read(tmp_path: Path) -> None:
    """PyAV hands such frames out and does not convert them."""
    path = tmp_path / "wide.wav"
    samples = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000) * 2.0**63).astype("<i8")
    body = samples.tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        8000,
        64000,
        8,
        64,
        b"data",
        len(body),
    )
    path.write_bytes(header + body)
    with open_audio(path, 8000) as stream:
        heard = np.concatenate(list(stream.blocks()))
    np.testing.assert_allclose(heard, samples / 2.0**63, atol=1e-6)
