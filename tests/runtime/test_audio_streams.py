"""Sound that lies behind the place where one decoder would stop."""

import struct
import sys

import numpy as np
import pytest
import soundfile

from instag.audio import open_audio
from instag.errors import ErrorCode

av = pytest.importorskip("av")

RATE = 16_000


def hear(path):
    """Seconds heard, and the stream after its end."""
    with open_audio(path, RATE) as stream:
        samples = np.concatenate(list(stream.blocks()))
    return len(samples) / RATE, stream


def write(path, seconds, hertz=440.0, rate=44_100, channels=1, container=None, subtype=None):
    signal = 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.stack([signal] * channels, axis=1), rate, format=container, subtype=subtype)
    return path


@pytest.mark.parametrize("between", [b"", b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10), b"TAG" + bytes(125)])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (22_050, 2)])
def test_joined_mp3_is_heard_to_its_end(tmp_path, between, rate, channels):
    first = write(tmp_path / "1.mp3", 3)
    second = write(tmp_path / "2.mp3", 4, 660, rate, channels)
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(first.read_bytes() + between + second.read_bytes())
    assert hear(joined)[0] == pytest.approx(7, abs=0.2)


def test_a_count_that_is_too_small_does_not_end_an_mp3(tmp_path):
    path = write(tmp_path / "few.mp3", 12)
    data = bytearray(path.read_bytes())
    at = max(data.find(b"Info"), data.find(b"Xing"))
    assert at > 0
    data[at + 8 : at + 12] = struct.pack(">I", 50)
    path.write_bytes(data)
    assert hear(path)[0] == pytest.approx(12, abs=0.2)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_all_links_of_a_chain_are_heard(tmp_path, subtype):
    first = write(tmp_path / "1.ogg", 3, rate=48_000, container="OGG", subtype=subtype)
    second = write(tmp_path / "2.ogg", 4, 660, 48_000, container="OGG", subtype=subtype)
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(first.read_bytes() + second.read_bytes())
    seconds, stream = hear(chained)
    assert seconds == pytest.approx(7, abs=0.2)
    assert stream.code is None and stream.heard_share == 1.0


def test_without_av_it_is_said_that_more_follows(tmp_path, monkeypatch):
    part = write(tmp_path / "1.ogg", 3, container="OGG", subtype="VORBIS").read_bytes()
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(part + part)
    monkeypatch.setitem(sys.modules, "av", None)
    _, stream = hear(chained)
    assert stream.code == ErrorCode.TRUNCATED and "More sound follows" in stream.warning
    assert stream.heard_share is None


def test_a_chain_that_changes_its_rate_and_channels_is_heard(tmp_path):
    first = write(tmp_path / "1.ogg", 3, container="OGG", subtype="VORBIS")
    second = write(tmp_path / "2.ogg", 4, 660, 22_050, 2, container="OGG", subtype="VORBIS")
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(first.read_bytes() + second.read_bytes())
    seconds, stream = hear(chained)
    assert seconds == pytest.approx(7, abs=0.2)
    assert stream.code is None and stream.heard_share == 1.0


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), bytes(5000)])
def test_flac_with_something_behind_its_frames_is_whole(tmp_path, behind):
    path = write(tmp_path / "whole.flac", 5)
    path.write_bytes(path.read_bytes() + behind)
    seconds, stream = hear(path)
    assert seconds == pytest.approx(5, abs=0.01)
    assert stream.code is None and stream.warning == "" and stream.heard_share == 1.0


def test_damage_in_the_middle_of_flac_is_passed_over_and_said(tmp_path):
    path = tmp_path / "damaged.flac"
    soundfile.write(path, _noise(8), 44_100)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 30_000] = bytes(30_000)
    path.write_bytes(data)
    seconds, stream = hear(path)
    assert 7 < seconds < 8
    assert stream.code == ErrorCode.TRUNCATED and 0.8 < stream.heard_share < 1


def _noise(seconds):
    return np.random.default_rng(1).normal(0, 0.1, seconds * 44_100)


def test_other_streams_are_named(tmp_path):
    path = tmp_path / "two.mka"
    with av.open(str(path), "w", format="matroska") as file:
        streams = [file.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(2)]
        for stream, seconds in zip(streams, (2, 5), strict=True):
            frame = av.AudioFrame.from_ndarray(np.full((1, seconds * RATE), 1000, np.int16), "s16", "mono")
            frame.sample_rate = RATE
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    seconds, stream = hear(path)
    assert seconds == pytest.approx(2, abs=0.05)
    assert stream.code == ErrorCode.OTHER_STREAMS and "2 audio streams" in stream.warning
