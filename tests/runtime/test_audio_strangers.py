"""A whole file behind another one of any kind is heard, or the row says that something was not."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instag.audio.ends import own_end
from instag.containers import Kind
from instag.containers.recognise import recognise
from instag.errors import ErrorCode
from tests.support.avfiles import encode
from tests.support.decoding import decode

RATE = 44_100
SECONDS = 6.0


def written(container: str, coding: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        soundfile.write(path, sound(), RATE, format=container, subtype=coding)

    return write


def encoded(container: str, codec: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        encode(path, sound(), container, codec, rate=RATE, channels=1)

    return write


def sound() -> np.ndarray:
    seconds = np.arange(int(SECONDS * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * seconds) * (1 + np.sin(2 * np.pi * 3 * seconds)) / 2).astype(np.float32)


FIRST = {
    "wav": written("WAV", "PCM_16"),
    "aiff": written("AIFF", "PCM_16"),
    "au": written("AU", "PCM_16"),
    "caf": written("CAF", "PCM_16"),
    "w64": written("W64", "PCM_16"),
    "flac": written("FLAC", "PCM_16"),
    "mp3": written("MP3", "MPEG_LAYER_III"),
    "m4a": encoded("mp4", "aac"),
    "mka": encoded("matroska", "flac"),
    "tta": encoded("tta", "tta"),
    "flv": encoded("flv", "aac"),
    "avi": encoded("avi", "mp2"),
    "mp2": encoded("mp2", "mp2"),
    "ogg": written("OGG", "VORBIS"),
    "wv": encoded("wv", "wavpack"),
}
SECOND = ("wav", "flac", "ogg", "m4a")
# Where a stream of these ends, nothing tells; that the rest was not heard is said.
SAID = frozenset(("wv",))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("strangers")
    made = {}
    for suffix, make in FIRST.items():
        make(folder / f"a.{suffix}")
        made[suffix] = (folder / f"a.{suffix}").read_bytes()
    return made


@pytest.mark.parametrize(("first", "second"), [pair for pair in itertools.product(FIRST, SECOND) if pair[0] != pair[1]])
def test_both_files_are_heard_or_it_is_said(files: dict[str, bytes], tmp_path: Path, first: str, second: str) -> None:
    path = tmp_path / f"joined.{first}"
    path.write_bytes(files[first] + files[second])
    samples, stream = decode(path)
    if first in SAID:
        assert stream.code == ErrorCode.TRUNCATED and stream.heard_share is None
        assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.3)
    else:
        assert len(samples) / 16_000 == pytest.approx(2 * SECONDS, abs=0.3)
        assert stream.code is None and stream.heard_share == 1.0, stream.warning


@pytest.mark.parametrize("first", sorted(FIRST))
def test_a_tag_or_zeros_behind_a_file_are_no_stranger(files: dict[str, bytes], tmp_path: Path, first: str) -> None:
    for tail in (b"TAG" + b" " * 125, bytes(3000)):
        path = tmp_path / f"tail.{first}"
        path.write_bytes(files[first] + tail)
        samples, _ = decode(path)
        assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.3)


def test_a_picture_or_the_header_of_a_wav_file_inside_flac_is_no_stranger(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    flac = files["flac"]
    body = b"riff" + files["wav"][:44] + b"ID3\3\0OggS\0\2" + bytes(60)
    application = bytes((2,)) + len(body).to_bytes(3) + body
    path = tmp_path / "foreign.flac"
    path.write_bytes(flac[:42] + application + flac[42:])
    samples, stream = decode(path)
    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.1) and stream.code is None


@pytest.mark.parametrize("mark", [b"\xff\xf1", b"\x0b\x77"])
def test_two_bytes_of_sound_behind_a_stale_size_are_no_stranger(
    files: dict[str, bytes], tmp_path: Path, mark: bytes
) -> None:
    wav = files["wav"]
    half = len(wav) // 4 * 2
    path = tmp_path / "stale.wav"
    sizes = wav[:4] + (half - 8).to_bytes(4, "little") + wav[8:40] + (half - 44).to_bytes(4, "little")
    path.write_bytes(sizes + wav[44:half] + mark + wav[half + 2 :])
    samples, _ = decode(path)
    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.1)


def test_mpeg_frames_of_another_layer_are_another_file(files: dict[str, bytes], tmp_path: Path) -> None:
    for first, second in (("mp3", "mp2"), ("mp2", "mp3")):
        path = tmp_path / f"joined.{first}"
        path.write_bytes(files[first] + files[second])
        samples, stream = decode(path)
        assert len(samples) / 16_000 == pytest.approx(2 * SECONDS, abs=0.3)
        assert stream.code is None, stream.warning


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_an_avi_file_that_was_cut_off_says_so(files: dict[str, bytes], tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.avi"
    path.write_bytes(files["avi"][: int(share * len(files["avi"]))])
    _, stream = decode(path)
    assert stream.code == ErrorCode.TRUNCATED
    assert stream.heard_share == pytest.approx(share, abs=0.05)


def test_a_stream_that_appears_in_the_middle_of_flash_video_stops_no_job(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    # PyAV raises IndexError where a tag of another kind of stream turns up in bytes that are none.
    path = tmp_path / "broken.flv"
    flv = files["flv"]
    for seed in range(20):
        rubbish = np.random.default_rng(seed).integers(0, 256, 4000, np.uint8).tobytes()
        path.write_bytes(flv[: len(flv) // 2] + b"\x09" + rubbish + flv[len(flv) // 2 :])
        decode(path)


@pytest.mark.parametrize("suffix", ["aiff", "au", "avi", "caf", "flv", "m4a", "mka", "tta", "w64", "wav"])
def test_a_file_ends_where_another_one_is_put_behind_it(files: dict[str, bytes], suffix: str) -> None:
    whole = files[suffix]
    for more in (b"RIFF", bytes(64)):
        file = io.BytesIO(whole + more + bytes(40))
        found = recognise(file)
        assert found is not None
        assert own_end(file, found) == pytest.approx(len(whole), abs=0 if suffix != "tta" else 200)
    assert own_end(io.BytesIO(whole), found) in (None, len(whole)) or found.kind == Kind.TRUE_AUDIO


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b".ra\xfd\0\4", Kind.REAL),
        (b".RMF\0\0\0\x12", Kind.REAL),
        (b"\x7f\xfe\x80\x01", Kind.DTS),
        (b"\xfe\x7f\x01\x80", Kind.DTS),
        (b"\x1f\xff\xe8\x00", Kind.DTS),
        (b"\xff\x1f\x00\xe8", Kind.DTS),
        (b"Creative Voice File\x1a", Kind.VOC),
    ],
)
def test_more_of_what_archives_hold_is_recognised(start: bytes, kind: Kind) -> None:
    found = recognise(io.BytesIO(start + bytes(200)))
    assert found is not None and found.kind == kind


@pytest.mark.parametrize(
    ("container", "codec", "rate"), [("dts", "dca", 48_000), ("rm", "ac3", 44_100), ("voc", "pcm_u8", 22_050)]
)
def test_and_heard(tmp_path: Path, container: str, codec: str, rate: int) -> None:
    path = tmp_path / f"a.{container}"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
    encode(path, tone.astype(np.float32), container, codec, rate=rate, channels=1)
    samples, stream = decode(path)
    assert len(samples) / 16_000 == pytest.approx(3.0, abs=0.4) and stream.code is None
