import contextlib
import os
import socket
import struct
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instag.audio import open_audio
from instag.containers.recognise import mpeg_frame_bytes
from instag.errors import ErrorCode, FileError
from tests.support import synth
from tests.support.decoding import RATE, decode, refusal


@pytest.mark.parametrize("subtype", synth.WAV_SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_coding_of_wav(tmp_path, subtype, channels):
    tone = synth.tone(440, 1.5)
    path = synth.write(tmp_path / "x.wav", synth.spread(tone, channels), subtype=subtype)
    samples, stream = decode(path)
    assert samples.dtype == np.float32
    assert stream.info.container == "WAV" and stream.info.channels == channels and stream.info.sample_rate == 44_100
    # ADPCM fills its last packet up.
    assert stream.decoded_seconds == pytest.approx(1.5, abs=0.1) and stream.warning == "" and stream.code is None
    expected = synth.tone(440, 1.5, RATE)
    middle = slice(2000, 20_000)
    error = synth.rms(samples[middle] - expected[middle])
    assert 20 * np.log10(error + 1e-9) < synth.WAV_SUBTYPES[subtype]


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 3, 6, 8])
def test_rates_and_channels(tmp_path, rate, channels):
    path = synth.write(tmp_path / "x.flac", synth.spread(synth.tone(1000, 1.2, rate), channels), rate)
    samples, stream = decode(path)
    assert len(samples) == pytest.approx(1.2 * RATE, abs=2)
    assert synth.peak_frequency(samples, RATE) == pytest.approx(1000, abs=2)
    assert synth.rms(samples) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert stream.info.claimed_seconds == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("container", "subtype", "name"),
    [
        ("FLAC", None, "FLAC"),
        ("OGG", "VORBIS", "Ogg Vorbis"),
        ("OGG", "OPUS", "Ogg Opus"),
        ("MP3", None, "MP3"),
        ("AIFF", "PCM_24", "AIFF"),
        ("AIFF", "FLOAT", "AIFF"),
        ("AU", "PCM_16", "AU"),
        ("CAF", "PCM_16", "CAF"),
        ("CAF", "ALAC_16", "CAF"),
        ("W64", "PCM_16", "W64"),
        ("RF64", "PCM_16", "RF64"),
        ("WAVEX", "PCM_24", "WAV"),
        ("VOC", "PCM_16", "VOC"),
    ],
)
def test_containers_whatever_they_are_called(tmp_path, container, subtype, name):
    path = synth.write(
        tmp_path / "called.jpg",
        synth.spread(synth.tone(660, 2, 48_000), 2),
        48_000,
        subtype=subtype,
        container=container,
    )
    samples, stream = decode(path)
    assert stream.info.container == name
    assert stream.decoded_seconds == pytest.approx(2, abs=0.06)
    assert synth.peak_frequency(samples, RATE) == pytest.approx(660, abs=2)
    assert (stream.warning, stream.code) == ("", None)


def test_big_endian_wav(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, synth.tone(seconds=3), 44_100, endian="BIG", subtype="PCM_16")
    assert path.read_bytes()[:4] == b"RIFX"
    _, stream = decode(path)
    assert stream.decoded_seconds == 3 and stream.warning == ""
    _, stream = decode(synth.truncate(path, 0.5))
    assert stream.decoded_seconds == pytest.approx(1.5, abs=0.01) and "claims 3.0 s" in stream.warning


# --- mixing down


def test_reversed_polarity_is_not_silence(tmp_path):
    tone = synth.tone(500, 3)
    path = synth.write(tmp_path / "x.wav", np.stack([tone, -0.98 * tone], axis=1), subtype="FLOAT")
    samples, _ = decode(path)
    assert synth.rms(samples) == pytest.approx(synth.rms(tone), rel=0.02)
    assert synth.peak_frequency(samples, RATE) == pytest.approx(500, abs=2)


def test_ordinary_stereo_is_averaged(tmp_path):
    left, right = synth.tone(500, 2), synth.tone(900, 2)
    samples, _ = decode(synth.write(tmp_path / "x.wav", np.stack([left, right], axis=1)))
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum[1000] == pytest.approx(spectrum[1800], rel=0.02)


@pytest.mark.parametrize("channels", [2, 4, 8])
@pytest.mark.parametrize("seed", [1, 2])
def test_independent_channels_are_averaged_and_a_lone_one_is_kept(tmp_path, channels, seed):
    frames = np.stack([synth.noise(2, seed=seed + i) for i in range(channels)], axis=1)
    samples, _ = decode(synth.write(tmp_path / "x.wav", frames, subtype="FLOAT"))
    mixed, _ = decode(synth.write(tmp_path / "m.wav", frames.mean(axis=1), subtype="FLOAT"))
    assert np.allclose(samples, mixed, atol=1e-5)
    lone = np.zeros_like(frames)
    lone[:, 0] = frames[:, 0]
    samples, _ = decode(synth.write(tmp_path / "l.wav", lone, subtype="FLOAT"))
    one, _ = decode(synth.write(tmp_path / "o.wav", lone[:, 0] / channels, subtype="FLOAT"))
    assert np.allclose(samples, one, atol=1e-5)


# --- numbers that are no samples


def test_nan_and_infinity_count_as_silence(tmp_path):
    frames = synth.spread(synth.tone(440, 2), 2)
    frames[1000:1010, 0] = np.nan
    frames[5000, 1] = np.inf
    frames[6000, 1] = -np.inf
    frames[7000, 0] = 3e38
    samples, stream = decode(synth.write(tmp_path / "x.wav", frames, subtype="FLOAT"))
    assert np.isfinite(samples).all() and np.abs(samples).max() <= 1
    assert "13 samples" in stream.warning and stream.code is None
    assert synth.rms(samples) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("scale", [1.5, 32_768.0, 2.0**31])
def test_floats_beyond_full_scale_are_turned_down_and_not_clipped(tmp_path, scale):
    tone = synth.tone(440, 3, level=1.0) * np.float32(scale)
    samples, stream = decode(synth.write(tmp_path / "x.wav", tone, subtype="FLOAT"))
    assert np.abs(samples).max() <= 1
    later = samples[RATE:]
    assert synth.rms(later) == pytest.approx(1 / np.sqrt(2), rel=0.02)
    spectrum = np.abs(np.fft.rfft(later * np.hanning(len(later))))
    assert spectrum[2640 - 30 : 2640 + 30].max() < 0.01 * spectrum.max()  # no third harmonic: not clipped
    assert ("times full scale" in stream.warning) == (scale > 2)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=400, max_size=4000), st.sampled_from(["FLOAT", "DOUBLE"]), st.integers(1, 3))
def test_any_bits_as_floats_give_samples(tmp_path, bits, subtype, channels):
    kind = np.float32 if subtype == "FLOAT" else np.float64
    count = len(bits) // (np.dtype(kind).itemsize * channels) * channels
    values = np.frombuffer(bits, kind, count).reshape(-1, channels)
    with np.errstate(all="ignore"):
        samples, _ = decode(synth.write(tmp_path / "x.wav", values, subtype=subtype))
    assert np.isfinite(samples).all() and (np.abs(samples) <= 1).all()


# --- files that are no recordings


def test_nothing_in_it(tmp_path):
    (tmp_path / "zero.wav").write_bytes(b"")
    assert refusal(tmp_path / "zero.wav") == ErrorCode.EMPTY_FILE
    assert refusal(synth.write(tmp_path / "none.wav", synth.tone(seconds=0))) == ErrorCode.NO_AUDIO


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\x10" * 5000,
        b"Field recording, 3rd of May. Wind.\n" * 300,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 3000,
        b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n",
        b"%PDF-1.7\n" + b"x" * 3000,
        b"PK\x03\x04" + b"\x14\x00" * 1000,
        b"\0" * 100_000,
        b"R",
        b"ID3",
    ],
)
def test_no_audio_whatever_it_is_called(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert refusal(path) == ErrorCode.NOT_AUDIO


def test_random_bytes_are_never_worse_than_an_error(tmp_path):
    generator = np.random.default_rng(1)
    magics = [b"", b"RIFFxxxxWAVE", b"fLaC", b"OggS\0\2", b"ID3\4\0\0\0\0\0\1", b"\xff\xfb\x90\0", b"FORMxxxxAIFF"]
    for magic in magics:
        path = tmp_path / "x.bin"
        path.write_bytes(magic + generator.bytes(20_000))
        with contextlib.suppress(FileError):
            decode(path)


def test_what_is_no_regular_file(tmp_path):
    assert refusal(tmp_path) == ErrorCode.NOT_A_FILE
    assert refusal(tmp_path / "gone.wav") == ErrorCode.NOT_FOUND


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_pipes_sockets_and_devices_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    found = []
    asking = threading.Thread(target=lambda: found.append(refusal(tmp_path / "pipe.wav")), daemon=True)
    asking.start()
    asking.join(5)
    assert found == [ErrorCode.NOT_A_FILE]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.wav"))
        assert refusal(tmp_path / "s.wav") == ErrorCode.NOT_A_FILE
    assert refusal(Path("/dev/zero")) == ErrorCode.NOT_A_FILE


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path):
    path = synth.write(tmp_path / "x.wav", synth.tone())
    path.chmod(0)
    assert refusal(path) == ErrorCode.NOT_READABLE


def test_permission_denied_by_the_system(tmp_path, monkeypatch):
    path = synth.write(tmp_path / "x.wav", synth.tone())

    def deny(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    assert refusal(path) == ErrorCode.NOT_READABLE


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"lat\xe9in\n.wav")
    synth.write(tmp_path / "x.wav", synth.tone()).rename(path)
    samples, _ = decode(path)
    assert len(samples) == RATE
    path.write_bytes(b"text")
    with pytest.raises(FileError) as caught:
        open_audio(path, RATE)
    assert r"lat\xe9in\x0a.wav" in caught.value.message


def test_beyond_the_limits(tmp_path):
    assert (
        refusal(synth.write(tmp_path / "c.wav", np.zeros((100, 65)), subtype="PCM_16")) == ErrorCode.UNSUPPORTED_FORMAT
    )
    assert refusal(synth.write(tmp_path / "r.wav", synth.tone(), 900)) == ErrorCode.UNSUPPORTED_FORMAT


# --- lengths


def test_short_and_silent_files_are_fine(tmp_path):
    samples, stream = decode(synth.write(tmp_path / "s.wav", synth.tone(seconds=0.01)))
    assert 155 <= len(samples) <= 165 and stream.warning == ""
    samples, stream = decode(synth.write(tmp_path / "n.wav", synth.silence(1)))
    assert not samples.any() and stream.warning == ""


@pytest.mark.parametrize(
    "name", ["x.wav", "x.aiff", "x.au", "x.flac", "x.mp3", "x.ogg", "x.opus", "x.rf64", "x.w64", "x.caf"]
)
def test_cut_off_files_give_what_is_there_and_say_so(tmp_path, name):
    signal = synth.noise(8, 48_000, seed=3) + synth.tone(440, 8, 48_000, 0.2)
    container = {"rf64": "RF64", "opus": "OGG"}.get(name[2:])
    subtype = "OPUS" if name == "x.opus" else None
    whole = synth.write(tmp_path / name, signal, 48_000, container=container, subtype=subtype)
    _, stream = decode(whole)
    assert (stream.code, stream.warning) == (None, "")
    if name == "x.caf":
        pytest.importorskip("av")  # libsndfile refuses a CAF that is cut off
    samples, stream = decode(synth.truncate(whole, 0.6))
    assert stream.code is ErrorCode.TRUNCATED
    assert stream.decoded_seconds == pytest.approx(4.8, abs=1.0)  # an Ogg page of Opus holds a second
    assert len(samples) / RATE == pytest.approx(stream.decoded_seconds, abs=0.01)
    assert f"{stream.decoded_seconds:.1f} s" in stream.warning
    if name not in ("x.ogg", "x.opus"):
        assert "claims 8.0 s" in stream.warning
    if name in ("x.flac", "x.mp3", "x.wav"):
        assert refusal(synth.truncate(whole, 0.05, "little" + name)) == ErrorCode.CORRUPT_AUDIO


def without_length_header(path):
    """The same MP3 without its Xing frame."""
    data = path.read_bytes()
    assert b"Xing" in data[:200] or b"Info" in data[:200]
    bare = path.with_name("bare_" + path.name)
    bare.write_bytes(data[mpeg_frame_bytes(data[:4]) :])
    return bare


def mp3(path, signal, rate=44_100, mode="CONSTANT"):
    soundfile.write(path, signal, rate, format="MP3", bitrate_mode=mode, compression_level=0.3)
    return path


def test_mp3_of_variable_rate_without_a_length_is_read_to_its_end(tmp_path):
    # Loud noise first, then almost nothing: the first frames are long, so that the length guessed from them is short.
    signal = np.concatenate([synth.noise(3, level=0.3), synth.tone(440, 20, level=0.01)])
    path = without_length_header(mp3(tmp_path / "x.mp3", signal, mode="VARIABLE"))
    with soundfile.SoundFile(path) as guess:
        assert guess.frames < 0.8 * len(signal)
    _, stream = decode(path)
    assert stream.decoded_seconds == pytest.approx(23, abs=0.1)
    assert stream.info.claimed_seconds is None and stream.warning == ""


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_with_junk_or_pictures_in_front(tmp_path, mode):
    clean = mp3(tmp_path / "x.mp3", synth.tone(440, 3), mode=mode)
    tag = b"ID3\x03\x00\x00" + bytes([0, 2, 0, 0]) + b"\0" * (2 << 14)
    for name, front in [("tag.mp3", tag), ("zeros.mp3", b"\0" * 3000), ("cut.mp3", clean.read_bytes()[500:900])]:
        path = tmp_path / name
        path.write_bytes(front + clean.read_bytes())
        samples, stream = decode(path)
        assert stream.info.container == "MP3"
        assert stream.decoded_seconds == pytest.approx(3, abs=0.1)
        assert synth.peak_frequency(samples, RATE) == pytest.approx(440, abs=2)
        assert stream.warning == ""


def test_flac_of_unstated_length(tmp_path):
    path = synth.write(tmp_path / "x.flac", synth.tone(440, 3))
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = b"\0\0\0\0"
    path.write_bytes(data)
    _, stream = decode(path)
    assert stream.decoded_seconds == pytest.approx(3) and stream.info.claimed_seconds is None
    assert stream.warning == ""


def test_a_tag_in_front_of_a_flac(tmp_path):
    path = synth.write(tmp_path / "x.flac", synth.tone(440, 2))
    path.write_bytes(b"ID3\x03\x00\x00\x00\x00\x02\x00" + b"\0" * 256 + path.read_bytes())
    _, stream = decode(path)
    assert stream.info.container == "FLAC" and stream.decoded_seconds == 2


@pytest.mark.parametrize(
    ("data_size", "riff_size", "says"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF, ""),  # a writer that could not go back
        (0x7FFFFFFF, 0x7FFFFFFF, ""),
        (0, 0, "never finished"),  # a recorder that lost power
        (0, 36, "never finished"),
        (10**9, 10**9 + 36, "claims"),
    ],
)
def test_wav_sizes_that_are_no_sizes(tmp_path, data_size, riff_size, says):
    path = tmp_path / "x.wav"
    path.write_bytes(synth.wav_bytes(synth.tone(seconds=2), data_size=data_size, riff_size=riff_size))
    samples, stream = decode(path)
    assert len(samples) == 2 * RATE
    assert (says in stream.warning) and (stream.code is (ErrorCode.TRUNCATED if says else None))
    assert bool(stream.warning) == bool(says)


def test_a_header_that_claims_for_ever(tmp_path):
    path = synth.write(tmp_path / "x.rf64", synth.tone(seconds=2), container="RF64")
    data = bytearray(path.read_bytes())
    at = data.index(b"ds64")
    data[at + 8 : at + 32] = struct.pack("<QQQ", 2**52, 2**52 - 100, 2**50)
    at = data.index(b"data")
    data[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    tracemalloc.start()
    samples, stream = decode(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == pytest.approx(2 * RATE, abs=2) and stream.code is ErrorCode.TRUNCATED
    assert peak < 20e6


def test_memory_does_not_depend_on_length(tmp_path):
    def peak(seconds):
        path = tmp_path / "x.wav"
        path.write_bytes(synth.wav_bytes(synth.silence(0), 8_000, data_size=seconds * 16_000, riff_size=36))
        os.truncate(path, 44 + seconds * 16_000)  # a hole in the file: it takes no room on the disk
        tracemalloc.start()
        with open_audio(path, RATE) as stream:
            assert sum(len(block) for block in stream.blocks()) == seconds * RATE
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1)  # what is imported on the way counts once
    # In the whole suite a first long run shows 2 MB more, once, and a second does not: that is not the length.
    assert min(peak(3600), peak(3600)) < 1.1 * peak(60)


def test_the_file_is_closed(tmp_path):
    path = synth.write(tmp_path / "x.wav", synth.tone())
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    open_files = psutil.Process().open_files
    for _ in range(3):
        decode(path)
        refusal(bad)
        refusal(synth.write(tmp_path / "none.wav", synth.tone(seconds=0)))
    assert not [file for file in open_files() if str(tmp_path) in file.path]


def test_a_wild_sample_counts_as_silence_and_turns_nothing_down(tmp_path):
    tone = synth.tone(440, 3.0)
    wild = tone.copy()
    wild[[40_000, 90_000]] = 1e7, -3e5
    samples, stream = decode(synth.write(tmp_path / "wild.wav", wild[:, None], subtype="FLOAT"))
    plain, _ = decode(synth.write(tmp_path / "plain.wav", tone[:, None], subtype="FLOAT"))
    assert "2 samples count as silence" in stream.warning and "turned down" not in stream.warning
    assert synth.rms(samples - plain) < 0.01 * synth.rms(plain)


def test_floats_that_hold_integers_are_turned_down_as_a_whole(tmp_path):
    tone = synth.tone(440, 3.0)
    samples, stream = decode(synth.write(tmp_path / "x.wav", (32_767 * tone)[:, None], subtype="FLOAT"))
    assert "turned down" in stream.warning and "count as silence" not in stream.warning
    assert synth.rms(samples[5_000:]) == pytest.approx(1 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_dc_alone_is_silence_to_the_last_sample(tmp_path, rate):
    samples, stream = decode(synth.write(tmp_path / "dc.wav", np.full((3 * rate, 1), 0.3, np.float32), rate))
    assert np.abs(samples).max() < 1e-4 and stream.warning == ""


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(FileError) as caught:
        open_audio(tmp_path, RATE)
    assert caught.value.code == ErrorCode.NOT_A_FILE and "this is a folder" in caught.value.message
