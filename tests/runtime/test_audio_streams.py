"""Sound that lies behind the place where one decoder would stop."""

import struct
import sys

import numpy as np
import pytest
import soundfile
from mutagen.apev2 import APEv2

from instag.audio import open_audio
from instag.errors import ErrorCode, FileError
from tests.support import synth
from tests.support.avfiles import encode

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
    assert stream.heard_share == 0.5


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


def write_streams(path, container, codec, seconds):
    with av.open(str(path), "w", format=container) as file:
        streams = [file.add_stream(codec, rate=RATE, layout="mono") for _ in seconds]
        for stream, length in zip(streams, seconds, strict=True):
            frame = av.AudioFrame.from_ndarray(np.full((1, length * RATE), 1000, np.int16), "s16", "mono")
            frame.sample_rate = RATE
            for part in av.AudioResampler(stream.format, "mono", RATE, 1024).resample(frame):
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "pcm_s16le"), ("mp4", "aac"), ("mov", "pcm_s16le"), ("avi", "pcm_s16le")]
)
def test_other_streams_are_named_and_counted_as_not_heard(tmp_path, container, codec):
    seconds, stream = hear(write_streams(tmp_path / "two", container, codec, (2, 6)))
    assert seconds == pytest.approx(2, abs=0.1)
    assert stream.code == ErrorCode.OTHER_STREAMS and "2 audio streams; the first was heard" in stream.warning
    # Matroska and AVI do not always state each stream's length: then each counts the same.
    assert stream.heard_share == pytest.approx(0.25, abs=0.02) or stream.heard_share == 0.5


def test_a_file_of_two_streams_needs_review(tmp_path):
    """However sure the model is of the first one."""
    from instag import load_model

    result = load_model("small").analyse(write_streams(tmp_path / "two.mp4", "mp4", "aac", (3, 3)))
    assert result.warning_code == ErrorCode.OTHER_STREAMS and result.verdict.needs_review


@pytest.mark.parametrize(
    ("container", "codec"), [("avi", "pcm_s16le"), ("avi", "mp3"), ("mpegts", "mp2"), ("mpegts", "aac"), ("flv", "mp3")]
)
def test_films_are_heard(tmp_path, container, codec):
    path = tmp_path / "film.bin"
    rate = 44_100
    with av.open(str(path), "w", format=container) as file:
        sound = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 3 * rate), 1000, np.int16), "s16", "mono")
        frame.sample_rate = rate
        for part in av.AudioResampler(sound.format, "mono", rate, 1152).resample(frame):
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))
    seconds, stream = hear(path)
    assert seconds == pytest.approx(3, abs=0.15)
    assert stream.code is None


@pytest.mark.parametrize("container", ["avi", "mpegts", "mp4", "matroska"])
def test_films_without_sound_hold_no_audio(tmp_path, container):
    path = tmp_path / "film.bin"
    with av.open(str(path), "w", format=container) as file:
        picture = file.add_stream("mpeg4" if container != "mpegts" else "mpeg2video", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        for _ in range(25):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        file.mux(picture.encode(None))
    with pytest.raises(FileError) as caught:
        hear(path)
    assert caught.value.code == ErrorCode.NO_AUDIO


CODECS = {"mp4": "aac", "tta": "tta", "wv": "wavpack", "asf": "wmav2"}


@pytest.mark.parametrize("name", ["wav", "aiff", "flac", *CODECS])
def test_files_joined_end_to_end_are_heard_to_the_end(tmp_path, name):
    """Not only MP3 and Ogg can be put after one another with `cat`."""
    if name in CODECS:
        parts = [
            encode(tmp_path / "part", synth.tone(440, seconds), name, CODECS[name]).read_bytes() for seconds in (3, 4)
        ]
    else:
        parts = [write(tmp_path / f"{n}.{name}", n, rate=rate).read_bytes() for n, rate in ((3, 44_100), (4, 22_050))]
    joined = tmp_path / "joined"
    joined.write_bytes(b"".join(parts))
    seconds, stream = hear(joined)
    assert seconds == pytest.approx(7, abs=0.3)
    assert stream.code is None and stream.heard_share == 1.0


def test_tags_between_joined_wavpack_files_are_passed(tmp_path):
    part = encode(tmp_path / "part", synth.tone(440, 3), "wv", "wavpack").read_bytes()
    tag = APEv2()
    tag["Title"] = "Relay"
    tag.save(tmp_path / "tag")
    (tmp_path / "joined").write_bytes(part + (tmp_path / "tag").read_bytes() + part)
    seconds, stream = hear(tmp_path / "joined")
    assert seconds == pytest.approx(6, abs=0.1)
    assert stream.code is None and stream.heard_share == 1.0


@pytest.mark.parametrize("name", ["wav", "flac", "mp3"])
def test_joined_files_without_av_say_that_more_follows(tmp_path, monkeypatch, name):
    part = write(tmp_path / f"1.{name}", 3).read_bytes()
    (tmp_path / "joined").write_bytes(part + part)
    monkeypatch.setitem(sys.modules, "av", None)
    seconds, stream = hear(tmp_path / "joined")
    assert seconds == pytest.approx(3, abs=0.15)
    assert stream.code == ErrorCode.TRUNCATED and "More sound follows" in stream.warning
    assert stream.heard_share == pytest.approx(0.5, abs=0.01)


def test_joined_mp3_has_no_code(tmp_path):
    """The first frame of the second file needs nothing of the first file's last one."""
    part = _lame(tmp_path / "1.mp3", 3)
    (tmp_path / "joined.mp3").write_bytes(part * 3)
    seconds, stream = hear(tmp_path / "joined.mp3")
    assert seconds == pytest.approx(9, abs=0.2)
    assert stream.code is None and stream.warning == "" and stream.heard_share == 1.0


def _lame(path, seconds):
    with av.open(str(path), "w", format="mp3") as file:
        sound = file.add_stream("mp3", rate=44_100, layout="mono")
        samples = (np.random.default_rng(2).normal(0, 0.1, (1, seconds * 44_100)) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 44_100
        for part in av.AudioResampler(sound.format, "mono", 44_100, 1152).resample(frame):
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))
    return path.read_bytes()


def with_flac_count(data, samples):
    """A FLAC file whose STREAMINFO counts so many samples."""
    value = int.from_bytes(data[18:26]) >> 36 << 36 | samples
    return data[:18] + value.to_bytes(8) + data[26:]


def test_a_count_that_is_too_small_does_not_end_a_flac(tmp_path):
    data = write(tmp_path / "whole.flac", 6).read_bytes()
    (tmp_path / "few.flac").write_bytes(with_flac_count(data, 44_100))
    seconds, stream = hear(tmp_path / "few.flac")
    assert seconds == pytest.approx(6, abs=0.01)
    assert stream.code is None and stream.heard_share == 1.0


def test_a_damaged_frame_of_flac_is_said_even_where_its_length_is_kept(tmp_path):
    path = tmp_path / "damaged.flac"
    soundfile.write(path, _noise(6), 44_100)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 512] = bytes(range(256)) * 2
    path.write_bytes(data)
    _, stream = hear(path)
    assert stream.code == ErrorCode.TRUNCATED and stream.heard_share > 0.9


def test_a_lost_page_of_a_chained_ogg_is_said(tmp_path):
    parts = []
    for number, seconds in enumerate((8, 9)):
        path = tmp_path / f"{number}.ogg"
        soundfile.write(path, _noise(seconds), 44_100, format="OGG", subtype="VORBIS")
        parts.append(bytearray(path.read_bytes()))
    middle = len(parts[1]) // 2
    parts[1][middle : middle + 400] = bytes(400)
    (tmp_path / "chained.ogg").write_bytes(b"".join(parts))
    seconds, stream = hear(tmp_path / "chained.ogg")
    assert seconds < 16.9
    assert stream.code == ErrorCode.TRUNCATED
    assert stream.heard_share == pytest.approx(seconds / 17, abs=0.01)
